//! How many bytes of messages may be in memory that nobody has verified yet (trust G4).
//!
//! Whoever reads a message asks first for as much as it may become, and waits. So nobody holds some
//! bytes while waiting for more, and the wait ends when others are done.

use std::collections::{BTreeMap, VecDeque};

use onex_protocol::machine::PeerId;

use super::Party;

/// Most bytes of one peer.
pub const PEER_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes of the peers of one organisation, and of all strangers.
pub const PARTY_BYTES_MAX: usize = 4 * PEER_BYTES_MAX;
/// Most bytes of all peers. The documents in parts that the machine collects have as much again
/// (architecture 9: 32 MiB in all).
pub const ALL_BYTES_MAX: usize = 16 * PEER_BYTES_MAX;

/// Who holds how much, and who waits for room.
#[derive(Debug, Default)]
pub struct Memory {
    peers: BTreeMap<PeerId, (Party, usize)>,
    waiting: VecDeque<(PeerId, Party, usize)>,
}

impl Memory {
    /// A peer asks for room; `next` says when it has it. One request at a time, and one of more
    /// than `PEER_BYTES_MAX` gets that much.
    pub fn ask(&mut self, peer: PeerId, party: Party, bytes: usize) {
        self.waiting.push_back((peer, party, bytes.min(PEER_BYTES_MAX)));
    }

    /// Gives room to whoever has waited longest of those who may have it.
    ///
    /// Who waits for others of its own organisation holds nobody up; who waits for everybody has
    /// the next room that there is.
    pub fn next(&mut self) -> Option<PeerId> {
        let at = self.waiting.iter().position(|(peer, party, bytes)| {
            self.of_peer(*peer) + bytes <= PEER_BYTES_MAX
                && self.of_party(*party) + bytes <= PARTY_BYTES_MAX
        })?;
        let (peer, party, bytes) = self.waiting[at];
        if self.held() + bytes > ALL_BYTES_MAX {
            return None;
        }
        self.waiting.remove(at);
        self.peers.entry(peer).or_insert((party, 0)).1 += bytes;
        Some(peer)
    }

    /// A peer gives back what it does not need any more.
    pub fn give(&mut self, peer: PeerId, bytes: usize) {
        if let Some((_, held)) = self.peers.get_mut(&peer) {
            *held = held.saturating_sub(bytes);
            if *held == 0 {
                self.peers.remove(&peer);
            }
        }
    }

    /// Bytes of all peers.
    pub fn held(&self) -> usize {
        self.peers.values().map(|(_, bytes)| bytes).sum()
    }

    fn of_peer(&self, peer: PeerId) -> usize {
        self.peers.get(&peer).map_or(0, |(_, bytes)| *bytes)
    }

    fn of_party(&self, party: Party) -> usize {
        self.peers.values().filter(|(of, _)| *of == party).map(|(_, bytes)| bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onex_crdt::ids::OrgId;
    use proptest::prelude::*;

    const MIB: usize = 1024 * 1024;

    fn party(n: u8) -> Party {
        Some(OrgId([n; 16]))
    }

    #[test]
    fn one_organisation_leaves_room_for_others() {
        let mut memory = Memory::default();
        for peer in 0..8 {
            memory.ask(PeerId(peer), party(1), 2 * MIB);
        }
        memory.ask(PeerId(9), party(2), 1000);
        let granted: Vec<_> = std::iter::from_fn(|| memory.next()).collect();
        assert_eq!(granted, [0, 1, 2, 3, 9].map(PeerId), "four of the one, and the other");
        memory.give(PeerId(2), MIB);
        assert_eq!((memory.next(), memory.next()), (Some(PeerId(4)), None));
        memory.give(PeerId(0), MIB);
        assert_eq!((memory.next(), memory.next()), (Some(PeerId(5)), None));
    }

    #[test]
    fn who_waits_for_all_is_not_overtaken() {
        let mut memory = Memory::default();
        for peer in 0..16 {
            memory.ask(PeerId(peer), party(peer as u8), MIB);
        }
        assert_eq!(std::iter::from_fn(|| memory.next()).count(), 16);
        memory.ask(PeerId(16), party(16), MIB);
        memory.ask(PeerId(17), party(17), 100);
        memory.give(PeerId(3), 1000);
        assert_eq!(memory.next(), None, "the small one waits behind the large one");
        memory.give(PeerId(3), MIB);
        assert_eq!((memory.next(), memory.next()), (Some(PeerId(16)), None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Peers ask, read and are done, in any order: no limit is ever passed, and everybody
        /// gets what it waited for.
        #[test]
        fn no_limit_is_passed_and_nobody_waits_for_ever(
            wishes in prop::collection::vec((0..40_u64, 1..2 * MIB, any::<bool>()), 1..400)
        ) {
            let mut memory = Memory::default();
            let mut holding: BTreeMap<PeerId, usize> = BTreeMap::new();
            let mut asking: BTreeMap<PeerId, usize> = BTreeMap::new();
            let settle = |memory: &mut Memory, holding: &mut BTreeMap<_, _>, asking: &mut BTreeMap<PeerId, usize>| {
                while let Some(peer) = memory.next() {
                    let bytes = asking.remove(&peer).expect("it asked");
                    *holding.entry(peer).or_insert(0) += bytes;
                }
            };
            for (peer, bytes, is_done) in wishes {
                let (peer, of) = (PeerId(peer), party((peer % 5) as u8));
                match is_done {
                    true => memory.give(peer, holding.remove(&peer).unwrap_or(0)),
                    false if asking.contains_key(&peer) => {}
                    false => {
                        memory.ask(peer, of, bytes);
                        asking.insert(peer, bytes.min(PEER_BYTES_MAX));
                    }
                }
                settle(&mut memory, &mut holding, &mut asking);
                prop_assert!(memory.held() <= ALL_BYTES_MAX);
                prop_assert_eq!(memory.held(), holding.values().sum::<usize>());
                for (peer, bytes) in &holding {
                    prop_assert!(*bytes <= PEER_BYTES_MAX, "{:?}", peer);
                }
                for of in 0..5 {
                    let bytes = holding.iter().filter(|(peer, _)| peer.0 % 5 == of);
                    prop_assert!(bytes.map(|(_, bytes)| bytes).sum::<usize>() <= PARTY_BYTES_MAX);
                }
            }
            while let Some((peer, bytes)) = holding.pop_first() {
                memory.give(peer, bytes);
                settle(&mut memory, &mut holding, &mut asking);
            }
            prop_assert!(asking.is_empty() && memory.held() == 0);
        }
    }
}
