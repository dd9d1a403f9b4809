//! Actions: what people can do, who may, from which state, and the desk at which a rule decides.
//!
//! One table (`registry::ACTIONS`) holds them all; commands, forms, palette and help derive from
//! it. A rule writes nothing: it leaves on the desk what is to be written.

mod refusal;

use std::collections::{BTreeMap, BTreeSet};

use crate::act::{Act, Causality, Found, Reference};
use crate::document::Write;
use crate::field::time::{Date, Moment};
use crate::field::{Field, FieldError, FieldType};
use crate::header::{DocumentKind, Header};
use crate::ids::{ActId, DeviceId, Digest, DocId, NetworkId, OrgId, RecordId, Salt};
use crate::record::{FieldDef, Fields, RecordKind, Row};
use crate::roles::{OrgRole, PersonRole};
use crate::value::Value;
use crate::view::View;

pub use refusal::{Reason, Refusal};

/// Something that a person can do (操作).
pub struct Action {
    /// What commands call it, `application.submit`.
    pub id: &'static str,
    /// The Chinese title.
    pub zh: &'static str,
    /// The English title.
    pub en: &'static str,
    /// Who may: organisations of a role, persons with one of these roles.
    pub who: &'static [(OrgRole, &'static [PersonRole])],
    /// What `id=` names, or what the action makes.
    pub kind: Option<&'static RecordKind>,
    /// Whether it makes a record or takes `id=` of one.
    pub subject: Subject,
    /// Which fields of the kind may be given as parameters.
    pub fields: FieldsGiven,
    /// Parameters besides those fields.
    pub params: &'static [Param],
    /// The states from which it may be taken; none listed means any.
    pub from: &'static [&'static str],
    /// What takes it back.
    pub undo: Undo,
    /// Who carries it out.
    pub run: Run,
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Action({})", self.id)
    }
}

/// What an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// It makes a new record.
    Makes,
    /// It takes `id=`.
    Takes,
    /// Neither.
    Nothing,
}

/// Which stored fields of its kind an action takes as parameters.
#[derive(Debug, Clone, Copy)]
pub enum FieldsGiven {
    /// None.
    None,
    /// Only these.
    Only(&'static [&'static str]),
    /// All but these; required ones must be given.
    Except(&'static [&'static str]),
}

/// A parameter that is no field of the kind.
pub struct Param {
    /// What the command line calls it.
    pub key: &'static str,
    /// The Chinese label.
    pub zh: &'static str,
    /// The English label.
    pub en: &'static str,
    /// How it is read.
    pub ty: FieldType,
    /// Whether it must be given.
    pub required: bool,
}

impl Param {
    /// A parameter that must be given.
    pub const fn required(
        key: &'static str,
        zh: &'static str,
        en: &'static str,
        ty: FieldType,
    ) -> Self {
        Self { key, zh, en, ty, required: true }
    }

    /// A parameter that may be left out.
    pub const fn optional(
        key: &'static str,
        zh: &'static str,
        en: &'static str,
        ty: FieldType,
    ) -> Self {
        Self { required: false, ..Self::required(key, zh, en, ty) }
    }
}

/// What takes an action back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// Nothing does; the interface asks first.
    No,
    /// Another action.
    By(&'static str),
    /// Writing the former values again.
    Edit,
}

/// Who carries an action out.
pub enum Run {
    /// A rule, which leaves on the desk what is to be written and returns the record.
    Rule(fn(&mut Desk) -> Result<RecordId, Refusal>),
    /// The node: membership and files are its matter.
    Node,
}

/// What an action is given: values by key; a key with no value clears a field.
pub type Given = BTreeMap<String, Option<Value>>;

impl Action {
    /// The parameters that name fields of the kind, in the order of its definition.
    pub fn field_params(&self) -> impl Iterator<Item = &'static FieldDef> + '_ {
        let stored = self.kind.into_iter().flat_map(|kind| kind.stored());
        stored.filter(|field| match self.fields {
            FieldsGiven::None => false,
            FieldsGiven::Only(keys) => keys.contains(&field.key),
            FieldsGiven::Except(keys) => !keys.contains(&field.key),
        })
    }

    /// Returns how a parameter is read, or nothing when the action has no such parameter.
    pub fn param_type(&self, key: &str) -> Option<FieldType> {
        let own = self.params.iter().find(|param| param.key == key).map(|param| param.ty);
        own.or_else(|| self.field_params().find(|field| field.key == key).map(|field| field.ty))
    }

    /// Reads one parameter as text; an empty text clears a field.
    ///
    /// # Errors
    /// When the action has no such parameter or the text is no value of it.
    pub fn read(&self, key: &str, text: &str) -> Result<Option<Value>, Reason> {
        let ty = self.param_type(key).ok_or(Reason::UnknownParameter)?;
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        (ty.parse)(text).map(Some).map_err(Reason::Invalid)
    }

    /// Whether a person of an organisation with these roles may.
    pub fn may(&self, org: OrgRole, roles: &BTreeSet<PersonRole>) -> bool {
        self.who.iter().any(|(role, any)| *role == org && any.iter().any(|r| roles.contains(r)))
    }
}

/// Who acts, where and when.
#[derive(Debug, Clone)]
pub struct Who {
    /// The network.
    pub network: NetworkId,
    /// The organisation.
    pub org: OrgId,
    /// Its role.
    pub org_role: OrgRole,
    /// The device.
    pub device: DeviceId,
    /// The person.
    pub person: String,
    /// What the membership log lets him do.
    pub roles: BTreeSet<PersonRole>,
    /// The node's clock: a claim.
    pub now: Moment,
}

impl Who {
    /// The day by the node's clock.
    pub fn today(&self) -> Date {
        self.now.date()
    }
}

/// The place at which a rule decides: what it may see, and what it leaves to be written.
pub struct Desk<'a> {
    /// The action.
    pub action: &'static Action,
    /// The record that `id=` named.
    pub subject: Option<RecordId>,
    /// Who acts.
    pub who: &'a Who,
    /// What may be seen.
    pub view: &'a dyn View,
    given: &'a Given,
    fresh: &'a mut dyn FnMut() -> [u8; 16],
    writes: Vec<(Header, Write)>,
    pending: Pending,
    /// What the next act on a subject names, by the other party of its document: nothing that is
    /// left to be written here is seen yet, so that many acts need one look.
    heads: BTreeMap<(RecordId, Option<OrgId>), Vec<ActId>>,
}

/// What orders before this one left to be written and is in no document yet.
#[derive(Debug, Default)]
pub struct Pending {
    /// Records of a document by what was counted there and what is to be made.
    counts: BTreeMap<DocId, usize>,
}

/// What a rule allowed: the record concerned and what is to be written where.
#[derive(Debug)]
pub struct Allowed {
    /// The record that was made or concerned.
    pub id: RecordId,
    /// Writes in order, each with its document.
    pub writes: Vec<(Header, Write)>,
}

/// Checks an action against its rule (architecture 2, step 2).
///
/// `fresh` draws 16 random bytes; `subject` is what `id=` named.
///
/// # Errors
/// What is not allowed, why, and at which field.
pub fn check(
    action: &'static Action,
    subject: Option<RecordId>,
    given: &Given,
    who: &Who,
    view: &dyn View,
    fresh: &mut dyn FnMut() -> [u8; 16],
) -> Result<Allowed, Refusal> {
    check_among(&mut Pending::default(), action, subject, given, who, view, fresh)
}

/// Checks an action as `check` does, after others whose writes are in no document yet.
///
/// The rule sees how many records they make where, and nothing else of them: whoever gives orders
/// together sees to it that none depends on another.
///
/// # Errors
/// What is not allowed, why, and at which field.
pub fn check_among(
    pending: &mut Pending,
    action: &'static Action,
    subject: Option<RecordId>,
    given: &Given,
    who: &Who,
    view: &dyn View,
    fresh: &mut dyn FnMut() -> [u8; 16],
) -> Result<Allowed, Refusal> {
    let refuse = |reason, field: Option<&str>| Refusal::new(action, reason, field);
    if !action.may(who.org_role, &who.roles) {
        return Err(refuse(Reason::NoRight, None));
    }
    let mut desk = Desk { subject, ..Desk::new(action, who, view, given, fresh) };
    desk.pending = std::mem::take(pending);
    if action.subject == Subject::Takes {
        desk.subject_row()?;
    }
    for param in action.params.iter().filter(|param| param.required) {
        desk.given_value(param.key).ok_or(refuse(MISSING, Some(param.key)))?;
    }
    if action.subject == Subject::Makes {
        for field in action.field_params().filter(|field| field.required) {
            desk.given_value(field.key).ok_or(refuse(MISSING, Some(field.key)))?;
        }
    }
    let Run::Rule(rule) = action.run else {
        return Err(refuse(Reason::NoRight, None));
    };
    let id = rule(&mut desk);
    *pending = desk.pending;
    Ok(Allowed { id: id?, writes: desk.writes })
}

const MISSING: Reason = Reason::Invalid(FieldError::Missing);

impl<'a> Desk<'a> {
    /// Returns an empty desk.
    pub fn new(
        action: &'static Action,
        who: &'a Who,
        view: &'a dyn View,
        given: &'a Given,
        fresh: &'a mut dyn FnMut() -> [u8; 16],
    ) -> Self {
        let (writes, pending, heads) = (Vec::new(), Pending::default(), BTreeMap::new());
        Self { action, subject: None, who, view, given, fresh, writes, pending, heads }
    }

    /// What was left to be written.
    pub fn into_writes(self) -> Vec<(Header, Write)> {
        self.writes
    }

    /// The texts under a key in acts that were left to be written.
    pub fn left_texts(&self, key: &str) -> Vec<String> {
        let acts = self.writes.iter().filter_map(|(_, write)| match write {
            Write::Act(act) => act.says(key).map(str::to_owned),
            _ => None,
        });
        acts.collect()
    }

    /// Refuses, at a field or none.
    pub fn refuse<T>(&self, reason: Reason, field: Option<&str>) -> Result<T, Refusal> {
        Err(Refusal::new(self.action, reason, field))
    }

    /// Refuses unless something holds.
    pub fn ensure(&self, holds: bool, reason: Reason, field: Option<&str>) -> Result<(), Refusal> {
        if holds { Ok(()) } else { self.refuse(reason, field) }
    }

    /// The row that `id=` named, in a state from which the action may be taken.
    pub fn subject_row(&self) -> Result<Row, Refusal> {
        let kind = self.action.kind.expect("an action that takes id= has a kind");
        let row = self.subject.and_then(|id| self.view.row(kind, id));
        let Some(row) = row else {
            return self.refuse(Reason::UnknownRecord, Some("id"));
        };
        let from = self.action.from;
        let state = row.state().unwrap_or_default();
        let allowed = from.is_empty() || from.contains(&state);
        let reason = Reason::State { state: state.to_owned(), from };
        self.ensure(allowed, reason, None)?;
        Ok(row)
    }

    /// The row of another record that a parameter names.
    pub fn named_row(&self, kind: &RecordKind, key: &str) -> Result<Option<Row>, Refusal> {
        let Some(value) = self.given_value(key) else {
            return Ok(None);
        };
        let id = value.as_bytes().and_then(RecordId::from_slice);
        match id.and_then(|id| self.view.row(kind, id)) {
            Some(row) => Ok(Some(row)),
            None => self.refuse(Reason::UnknownRecord, Some(key)),
        }
    }

    /// The value that was given under a key.
    pub fn given_value(&self, key: &str) -> Option<&Value> {
        self.given.get(key).and_then(Option::as_ref)
    }

    /// The typed value that was given under a key.
    pub fn given<T: Field>(&self, key: &str) -> Option<T> {
        self.given_value(key).and_then(T::from_value)
    }

    /// The fields of the kind that were given, for a new record.
    pub fn given_fields(&self) -> Fields {
        let keys = self.action.field_params().map(|field| field.key);
        keys.filter_map(|key| Some((key.to_owned(), self.given_value(key)?.clone()))).collect()
    }

    /// Draws a new id of a record of the acting organisation.
    pub fn fresh_id(&mut self) -> RecordId {
        RecordId::of(self.who.org, (self.fresh)())
    }

    /// Draws the id of a new organisation.
    pub fn fresh_org(&mut self) -> OrgId {
        OrgId((self.fresh)())
    }

    /// Draws a new salt.
    pub fn fresh_salt(&mut self) -> Salt {
        Salt((self.fresh)())
    }

    /// The header of a document of the acting organisation.
    pub fn own(&self, kind: &DocumentKind, year: u16) -> Header {
        kind.of(self.who.network, self.who.org, year)
    }

    /// How many records of a kind a document has, with those that are about to be made.
    pub fn count(&mut self, header: &Header, kind: &RecordKind) -> usize {
        let (id, view) = (header.id(), self.view);
        *self.pending.counts.entry(id).or_insert_with(|| view.count(id, kind))
    }

    /// The header of a document of the acting organisation towards another.
    pub fn towards(&self, kind: &DocumentKind, other: OrgId, year: u16) -> Header {
        kind.between(self.who.network, self.who.org, other, year)
    }

    /// Leaves a new record to be written.
    pub fn create(&mut self, header: Header, id: RecordId, fields: Fields) {
        let kind = self.action.kind.expect("an action that makes a record has a kind");
        if let Some(count) = self.pending.counts.get_mut(&header.id()) {
            *count += 1;
        }
        self.writes.push((header, Write::Create { kind, id, fields }));
    }

    /// Leaves one field to be written, unless it holds the value already and is settled.
    pub fn set(&mut self, header: Header, row: &Row, key: &str, value: Option<Value>) {
        let kind = self.action.kind.expect("an action that sets a field has a kind");
        let settled = !row.conflict.iter().any(|conflict| conflict == key);
        if settled && row.fields.get(key) == value.as_ref() {
            return;
        }
        self.writes.push((header, Write::Set { kind, id: row.id, key: key.to_owned(), value }));
    }

    /// Whether a value was given under a key, if only to clear it.
    pub fn is_given(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// Leaves every given field of the kind to be written.
    pub fn set_given(&mut self, header: Header, row: &Row) -> Result<(), Refusal> {
        let fields: Vec<_> = self.action.field_params().collect();
        fields.into_iter().try_for_each(|field| self.set_field(header.clone(), row, field))
    }

    /// Leaves one field to be written, if it was given.
    pub fn set_field(
        &mut self,
        header: Header,
        row: &Row,
        field: &'static FieldDef,
    ) -> Result<(), Refusal> {
        let Some(value) = self.given.get(field.key) else {
            return Ok(());
        };
        self.ensure(value.is_some() || !field.required, MISSING, Some(field.key))?;
        self.set(header, row, field.key, value.clone());
        Ok(())
    }

    /// Leaves one field of a record with a natural id to be written, if it was given.
    pub fn register(
        &mut self,
        header: Header,
        row: &Row,
        field: &'static FieldDef,
    ) -> Result<(), Refusal> {
        let Some(value) = self.given.get(field.key).cloned() else {
            return Ok(());
        };
        self.ensure(value.is_some() || !field.required, MISSING, Some(field.key))?;
        let kind = self.action.kind.expect("an action that sets a field has a kind");
        let (id, key) = (row.id, field.key);
        self.writes.push((header, Write::Register { kind, id, key, value }));
        Ok(())
    }

    /// Leaves an act on a subject to be written; it names every act that was seen.
    pub fn act(&mut self, header: Header, subject: RecordId, says: Says) -> ActId {
        self.act_of_kind(self.action.id, header, subject, says)
    }

    /// Leaves an act of another kind than the action's, for what the hub writes by itself.
    pub fn act_of_kind(
        &mut self,
        kind: &str,
        header: Header,
        subject: RecordId,
        says: Says,
    ) -> ActId {
        let position = self.view.authority().position();
        let after = self.heads_of(subject, header.counterpart);
        let act = Act {
            id: ActId([0; 16]),
            kind: kind.to_owned(),
            subject,
            person: self.who.person.clone(),
            device: self.who.device,
            at: self.who.now.to_string(),
            position,
            after,
            judged: says.judged,
            body: says.body,
            salt: says.salt,
        }
        .identified();
        let id = act.id;
        self.writes.push((header, Write::Act(act)));
        id
    }

    /// What the next act on a subject names, in a document whose other party this is.
    fn heads_of(&mut self, subject: RecordId, counterpart: Option<OrgId>) -> Vec<ActId> {
        let (own, view) = (self.who.org, self.view);
        let heads = self.heads.entry((subject, counterpart)).or_insert_with(|| {
            let hub = view.authority().hub();
            let heard = |found: &Found| {
                let org = found.org();
                let party = org == own || org == hub || Some(org) == counterpart;
                party || subject.is_of(org)
            };
            let found: Vec<Found> = view.acts(subject).into_iter().filter(heard).collect();
            let mut heads = Causality::new(&found, view.authority().position()).heads();
            heads.truncate(AFTER_MAX);
            heads
        });
        heads.clone()
    }

    /// Leaves the act that was last left to be written a second time, in another document.
    pub fn copy_act(&mut self, header: Header) {
        if let Some((_, Write::Act(act))) = self.writes.last().cloned() {
            self.writes.push((header, Write::Act(act)));
        }
    }

    /// The reference to a version in a document here.
    pub fn reference(&self, header: &Header, digest: Digest) -> Reference {
        let document = header.id();
        Reference { document, heads: self.view.heads(document), digest }
    }
}

/// Most acts that one act names: more heads than any honest history has, few enough that nobody
/// can make an act too large for others to admit.
const AFTER_MAX: usize = 64;

/// What an act says beyond who, when and about what.
#[derive(Default)]
pub struct Says {
    /// The version judged.
    pub judged: Option<Reference>,
    /// A frozen copy, an outcome, a reason.
    pub body: Fields,
    /// The salt of a frozen copy.
    pub salt: Option<Salt>,
}

impl Says {
    /// Says nothing more.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Adds a value under a key.
    pub fn with(mut self, key: &str, value: Option<Value>) -> Self {
        if let Some(value) = value {
            self.body.insert(key.to_owned(), value);
        }
        self
    }
}
