//! What the node of the story answers.

use std::collections::BTreeMap;

use onex_crdt::action::{Action, Given, Reason};
use onex_crdt::field::time::Moment;
use onex_crdt::ids::{DeviceId, OrgId, RecordId};
use onex_crdt::record::{RecordKind, Row};
use onex_crdt::records::undo::UNDO;
use onex_crdt::value::Value;
use onex_node::api::*;
use onex_node::import;
use onex_node::importing::Saved;
use onex_node::undoing::What;

use super::{
    Fake, HUB, IMPORTED, NOW, decide, derive, levels, moment, settled, step, too_many, training,
};
use crate::core::backend::{Answered, Backend, BackendError};

impl Backend for Fake {
    fn me(&self) -> Answered<Me> {
        Ok(self.me.clone())
    }

    fn status(&self) -> Answered<Status> {
        let world = self.world();
        let peer = Peer {
            org_id: HUB.into(),
            name: "陕西省1+X证书试点项目办".into(),
            device: DeviceId([0x9c; 16]),
            address: Some("127.0.0.1:40311".into()),
            last_sync: Some(moment("2026-04-20T09:40:00+08:00")),
            equal: true,
        };
        Ok(Status {
            me: self.me.clone(),
            membership_position: 14,
            hub_position: 14,
            unsent: Unsent::default(),
            peers: vec![peer],
            conflicts: world.conflicts.len(),
            quarantine: 0,
            stale: 0,
            waiting: Vec::new(),
            documents: 41,
            records: 1380,
            bytes: 2_310_144,
            keys: Keeping::File,
            health: Health::default(),
        })
    }

    fn list(&self, query: &Query) -> Answered<List> {
        let mut world = self.world();
        if let Some(what) = &world.fails {
            return Err(BackendError::Failed(what.clone()));
        }
        let rows = world.rows.get(query.kind.key).cloned().unwrap_or_default();
        let fits = |row: &Row| {
            let text = query.text.as_deref().unwrap_or_default();
            query.conditions.iter().all(|one| {
                let same = query.conditions.iter().filter(|other| other.key == one.key);
                same.into_iter().any(|c| row.fields.get(&c.key) == Some(&c.value))
            }) && onex_crdt::search::text(query.kind, &row.fields).contains(text)
        };
        let mut rows: Vec<Row> = rows.into_iter().filter(fits).collect();
        if let Some((key, descending)) = &query.order {
            rows.sort_by(|one, other| one.fields.get(key).cmp(&other.fields.get(key)));
            if *descending {
                rows.reverse();
            }
        }
        let total = rows.len();
        let limit = query.limit.unwrap_or(usize::MAX);
        let rows: Vec<Row> = rows.into_iter().skip(query.offset).take(limit).collect();
        world.listed = world.listed.max(rows.len());
        Ok(List { total, rows })
    }

    fn row(&self, kind: &'static RecordKind, id: RecordId) -> Answered<Option<Row>> {
        let world = self.world();
        let rows = world.rows.get(kind.key);
        Ok(rows.and_then(|rows| rows.iter().find(|row| row.id == id).cloned()))
    }

    fn facets(&self, kind: &'static RecordKind, key: &str) -> Answered<Vec<(Value, usize)>> {
        let mut values: BTreeMap<Value, usize> = BTreeMap::new();
        for row in self.world().rows.get(kind.key).into_iter().flatten() {
            if let Some(value) = row.fields.get(key) {
                *values.entry(value.clone()).or_default() += 1;
            }
        }
        Ok(values.into_iter().collect())
    }

    fn history(&self, kind: &'static RecordKind, id: RecordId) -> Answered<History> {
        let row = self.row(kind, id)?.ok_or(BackendError::Failed("gone".into()))?;
        let steps = self.world().steps.get(&id).cloned().unwrap_or_default();
        Ok(History { row, steps, difference: None })
    }

    fn act(
        &self,
        action: &'static Action,
        ids: &[RecordId],
        given: &Given,
    ) -> Answered<Vec<Answer>> {
        let mut guard = self.world();
        let world = &mut *guard;
        if let Some(what) = world.fails.take() {
            return Err(BackendError::Failed(what));
        }
        if let Some(done) = training::act(world, &self.me.person, action, ids, given) {
            return Ok(done);
        }
        world.version += 1;
        if action.id == "conflict.choose" {
            return settled(world, given);
        }
        let rows = world.rows.get_mut(action.kind.map_or("", |kind| kind.key)).expect("a kind");
        let made = RecordId([0x40 + u8::try_from(rows.len()).expect("few"); 16]);
        if ids.is_empty() {
            rows.push(Row { id: made, ..Row::default() });
        }
        if let [_, _, ..] = ids {
            drop(guard);
            let each = ids.iter().map(|id| self.act(action, &[*id], given));
            return each.collect::<Result<Vec<_>, _>>().map(|answers| answers.concat());
        }
        let id = ids.first().copied().unwrap_or(made);
        let row = rows.iter_mut().find(|row| row.id == id).expect("a row of the story");
        let mut said = step(action.id, NOW, self.me.org_id.into(), &self.me.person);
        if let Some(most) = too_many(row, given) {
            rows.retain(|row| !row.fields.is_empty());
            let reason = Reason::MoreThan { limit: "enrolled_students", most };
            return self.refuse(action, reason, "planned_students");
        }
        match action.id {
            "application.decide" => {
                if !decide(row, &mut said, given, &self.me.person) {
                    return self.refuse(action, Reason::SamePerson, "");
                }
            }
            _ => {
                for (key, value) in given {
                    row.set(key, value.clone());
                }
                let state = match action.id {
                    "application.submit" => "submitted",
                    "application.withdraw" => "withdrawn",
                    "application.add" => "draft",
                    _ => row.state().unwrap_or_default(),
                };
                let state = state.to_owned();
                row.set_text("state", state);
                row.set_id("college_id", self.me.org_id);
                derive(row, &levels());
            }
        }
        let answer =
            Answer { id, state: row.state().map(str::to_owned), pending_act: None, undone: None };
        world.steps.entry(id).or_default().push(said);
        Ok(vec![answer])
    }

    fn resolved(&self) -> Answered<Vec<Resolved>> {
        Ok(self.world().resolved.clone())
    }

    fn duplicates(&self) -> Answered<Vec<Duplicate>> {
        Ok(self.world().duplicates.clone())
    }

    fn opened(&self, _: &'static RecordKind, id: RecordId, keys: &[&str]) -> Answered<()> {
        self.world().opened.push((id, keys.iter().map(ToString::to_string).collect()));
        Ok(())
    }

    fn reveal(&self, _: &'static RecordKind, id: RecordId, _: &[&str]) -> Answered<()> {
        if let Some(what) = self.world().fails.take() {
            return Err(BackendError::Failed(what));
        }
        self.world().looked_at.push(id);
        Ok(())
    }

    fn undo(&self, what: &What, also: &[RecordId]) -> Answered<Undone> {
        let mut world = self.world();
        world.version += 1;
        match world.undos.iter().position(|undo| undo.what == *what && undo.also == also) {
            Some(at) => Ok(world.undos.remove(at).undone),
            None => self.refuse(&UNDO, Reason::NothingToUndo, ""),
        }
    }

    fn import_match(&self, draft: &mut import::Draft) -> Answered<()> {
        let rows = self.world().rows.get("learner").cloned().unwrap_or_default();
        let mut known = import::Known::default();
        for row in rows {
            let text = |key: &str| row.text(key).map(str::to_owned);
            let learner = import::KnownLearner {
                id: row.id,
                name: text("name"),
                id_number: text("id_number"),
                is_active: true,
            };
            known.by_id_number.extend(text("id_number").map(|number| (number, learner.clone())));
            known.by_student_no.extend(text("student_no").map(|number| (number, learner)));
        }
        draft.match_with(known);
        Ok(())
    }

    fn import(
        &self,
        draft: &import::Draft,
        _: Option<RecordId>,
        progress: &dyn Fn(usize, usize) -> bool,
    ) -> Answered<Saved> {
        let mut world = self.world();
        world.version += 1;
        if let Some(what) = world.fails.take() {
            return Err(BackendError::Failed(what));
        }
        if !progress(1, 1) {
            return Err(BackendError::Failed("failure-stopped".into()));
        }
        let mut ids = Vec::new();
        let rows = world.rows.entry("learner").or_default();
        for (at, planned) in draft.planned().into_iter().enumerate() {
            let at = u8::try_from(at).expect("few");
            let id = planned.id.unwrap_or(RecordId([0x60 + at; 16]));
            let mut row = Row { id, ..Row::default() };
            for (key, value) in planned.given {
                row.set(&key, value);
            }
            row.set_text("state", "active");
            rows.retain(|known| known.id != id);
            rows.push(row);
            ids.push(id);
        }
        Ok(Saved { batch: Some(IMPORTED), ids })
    }

    fn conflicts(&self) -> Answered<Vec<Conflict>> {
        Ok(self.world().conflicts.clone())
    }

    fn devices(&self) -> Answered<Vec<DeviceRow>> {
        Ok(self.world().devices.clone())
    }

    fn invitations(&self) -> Answered<Vec<InvitationRow>> {
        Ok(self.world().invitations.clone())
    }

    fn quarantine(&self) -> Answered<Vec<Quarantined>> {
        Ok(self.world().held.clone())
    }

    fn asking(&self) -> Answered<Vec<Asking>> {
        Ok(self.world().asking.clone())
    }

    fn invite(&self, _: OrgId) -> Answered<Invited> {
        let (text, code) = ("onex-invite/1\n".into(), "BSF-5WQ".into());
        Ok(Invited { id: RecordId([0xe2; 16]), text, code, address: None })
    }

    fn device_confirm(&self, digits: &str) -> Answered<()> {
        self.world().asking.retain(|asking| asking.digits != digits);
        Ok(())
    }

    fn sync(&self, _: Option<DeviceId>) -> Answered<SyncReport> {
        Ok(SyncReport::default())
    }

    fn draft(
        &self,
        action: &str,
        subject: Option<RecordId>,
        texts: &BTreeMap<String, String>,
    ) -> Answered<Option<Moment>> {
        let mut world = self.world();
        world.version += 1;
        let drafts = world.drafts.entry(self.me.person.clone()).or_default();
        drafts.retain(|draft| (draft.action.as_str(), draft.subject) != (action, subject));
        if texts.is_empty() {
            return Ok(None);
        }
        let (action, texts, at) = (action.to_owned(), texts.clone(), moment(NOW));
        drafts.insert(0, Draft { action, subject, at, texts });
        Ok(Some(at))
    }

    fn drafts(&self) -> Answered<Vec<Draft>> {
        Ok(Fake::drafts(self))
    }

    fn version(&self) -> Answered<u64> {
        Ok(self.world().version)
    }
}
