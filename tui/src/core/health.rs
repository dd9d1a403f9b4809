//! What a person must know of the node's files: a damaged database, a full disk, a restore.

use onex_node::api::{DatabaseState, Health, Room};

/// The sentences to be shown; none when all is well.
pub fn warnings(health: &Health) -> impl Iterator<Item = &'static str> {
    let all = [
        (health.database == DatabaseState::Due, "health-due"),
        (health.database == DatabaseState::Damaged, "health-damaged"),
        (health.room == Room::Low, "health-room-low"),
        (health.room == Room::Full, "health-room-full"),
        (health.restored, "health-restored"),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::{Lang, tr};

    #[test]
    fn whatever_is_wrong_has_a_sentence() {
        assert_eq!(warnings(&Health::default()).count(), 0);
        let full = Health {
            database: DatabaseState::Damaged,
            room: Room::Full,
            restored: true,
            ..Health::default()
        };
        let low = Health { database: DatabaseState::Due, room: Room::Low, ..Health::default() };
        let all: Vec<_> = warnings(&full).chain(warnings(&low)).collect();
        assert_eq!(all.len(), 5);
        for id in all {
            for lang in [Lang::Zh, Lang::En] {
                assert_ne!(tr(lang, id, &[]), id);
            }
        }
    }
}
