//! Documents from outside: their kinds, their headers, who owns and who may read them.
//!
//! What stands inside a document is `document`'s matter.

use crate::ids::{DeviceId, Digest, DocId, NetworkId, OrgId, RecordId};
use crate::roles::OrgRole;

/// What a document is and whose: immutable, and hashed into its id (architecture 3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Header {
    /// The network it belongs to.
    #[n(0)]
    pub network: NetworkId,
    /// The key of its `DocumentKind`.
    #[n(1)]
    pub kind: String,
    /// The organisation whose devices alone may write.
    #[n(2)]
    pub owner: OrgId,
    /// The other party, where the kind has one.
    #[n(3)]
    pub counterpart: Option<OrgId>,
    /// The year, where the kind has one document per year; of learners the year of entry.
    #[n(4)]
    pub year: Option<u16>,
    /// What one document of its kind is about: a class, or the device that fills a shard.
    #[n(5)]
    pub key: Option<RecordId>,
    /// Its number among the documents that are otherwise alike: a shard of a register.
    #[n(6)]
    pub part: Option<u32>,
}

impl Header {
    /// Returns the document's id: the first half of SHA-256 over the canonical header.
    ///
    /// There is no nonce, so two devices that are offline make the same document.
    pub fn id(&self) -> DocId {
        let bytes = minicbor::to_vec(self).expect("a header encodes into memory");
        DocId(Digest::over(&[b"onex/document/1", &bytes]).half())
    }

    /// Returns the kind, where this program knows it.
    pub fn kind(&self) -> Option<&'static DocumentKind> {
        DOCUMENT_KINDS.iter().copied().find(|kind| kind.key == self.kind)
    }

    /// Whether the header has the parts that its kind asks for and the parties have the right
    /// roles; `role` looks an organisation up in the membership log. No kind joins two
    /// organisations of one role.
    pub fn is_sound(&self, role: impl Fn(OrgId) -> Option<OrgRole>) -> bool {
        let Some(kind) = self.kind() else {
            return false;
        };
        let owner = role(self.owner);
        let counterpart = match self.counterpart.map(&role) {
            None => kind.counterparts.is_empty(),
            Some(Some(other)) => kind.counterparts.contains(&other) && owner != Some(other),
            Some(None) => false,
        };
        owner.is_some_and(|role| kind.owners.contains(&role))
            && counterpart
            && self.year.is_some() == kind.yearly
            && self.key.is_some() == (kind.split != Split::No)
            && self.part.is_some() == (kind.split == Split::Shards)
    }

    /// Whether an organisation may read the document (architecture 3, "Readers").
    pub fn may_read(&self, org: OrgId, role: OrgRole) -> bool {
        let Some(kind) = self.kind() else {
            return false;
        };
        match kind.readers {
            Readers::Public | Readers::Province => true,
            Readers::Parties => {
                role == OrgRole::Hub || org == self.owner || Some(org) == self.counterpart
            }
            Readers::Owner => org == self.owner,
            Readers::Hub => role == OrgRole::Hub,
        }
    }
}

/// A kind of document: who owns it, how many there are, who reads it.
#[derive(Debug)]
pub struct DocumentKind {
    /// The key that headers carry.
    pub key: &'static str,
    /// Roles that an owner may have.
    pub owners: &'static [OrgRole],
    /// Roles that a counterpart may have; none means that the kind has no counterpart.
    pub counterparts: &'static [OrgRole],
    /// Whether there is one a year.
    pub yearly: bool,
    /// Whether there are several that are otherwise alike.
    pub split: Split,
    /// Who may read it.
    pub readers: Readers,
}

/// How many documents of a kind one owner may have towards one counterpart in one year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// One.
    No,
    /// One for each thing that it is about.
    Keyed,
    /// Shards of bounded size, numbered by the device that fills them: two devices that are
    /// offline never fill the same one.
    Shards,
}

/// Who may read a document; every enrolled organisation may read the first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readers {
    /// Everyone.
    Public,
    /// Every enrolled organisation.
    Province,
    /// Owner, counterpart and hub.
    Parties,
    /// The owner alone.
    Owner,
    /// The hub alone.
    Hub,
}

const HUB: &[OrgRole] = &[OrgRole::Hub];
const COLLEGE: &[OrgRole] = &[OrgRole::College];
const EVALUATOR: &[OrgRole] = &[OrgRole::Evaluator];
const REGISTRARS: &[OrgRole] = &[OrgRole::College, OrgRole::Hub];
const PARTNERS: &[OrgRole] = &[OrgRole::College, OrgRole::Evaluator];
const ANY: &[OrgRole] = &[OrgRole::Hub, OrgRole::College, OrgRole::Evaluator];

macro_rules! document_kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $key:literal $owners:ident [$counterparts:expr] $yearly:literal $split:ident $readers:ident;)+) => {
        $($(#[doc = $doc])+ pub const $name: DocumentKind = DocumentKind {
            key: $key, owners: $owners, counterparts: $counterparts,
            yearly: $yearly, split: Split::$split, readers: Readers::$readers,
        };)+
        /// Every kind of document, small and urgent ones first: the order of sending.
        pub const DOCUMENT_KINDS: &[&DocumentKind] = &[$(&$name,)+];
    };
}

document_kinds! {
    /// The hub's decisions, receipts and filing numbers towards one organisation (审核决定).
    DECISIONS = "decisions" HUB [PARTNERS] true No Parties;
    /// Organisations' identity, and certificates of evaluators without a node (机构名录).
    DIRECTORY = "directory" HUB [&[]] true No Public;
    /// What is listed, and calls and parameters (证书目录与申报通知).
    LISTING = "listing" HUB [&[]] true No Public;
    /// What an organisation says of itself: contacts, leader (机构信息).
    ORGANISATION = "organisation" ANY [&[]] false No Province;
    /// An evaluator's certificates, levels, standards, schemes (证书与标准).
    CATALOGUE = "catalogue" EVALUATOR [&[]] false No Public;
    /// One side's acts on the agreement of a college and an evaluator (协议).
    AGREEMENT = "agreement" PARTNERS [PARTNERS] true No Parties;
    /// A college's submissions to one evaluator (申报).
    APPLICATION = "application" COLLEGE [EVALUATOR] true No Parties;
    /// Attendance and roster of one class (培训班).
    CLASS = "class" COLLEGE [&[]] false Keyed Owner;
    /// A shard of the learner register, by year of entry (考生名册); the hub's desk has its own.
    LEARNERS = "learners" REGISTRARS [&[]] true Shards Owner;
    /// Who counts in a filed quota (计入备案人数的学生); readers: the hub.
    PILOT_STUDENTS = "pilot_students" COLLEGE [HUB] true No Parties;
    /// A college's drafts of application lines (申报草稿).
    PLAN = "plan" COLLEGE [&[]] true No Owner;
}

impl DocumentKind {
    /// Returns the header of this kind's document without a counterpart.
    pub fn of(&self, network: NetworkId, owner: OrgId, year: u16) -> Header {
        Header {
            network,
            kind: self.key.to_owned(),
            owner,
            counterpart: None,
            year: self.yearly.then_some(year),
            key: None,
            part: None,
        }
    }

    /// Returns the header of this kind's document with a counterpart.
    pub fn between(&self, network: NetworkId, owner: OrgId, other: OrgId, year: u16) -> Header {
        Header { counterpart: Some(other), ..self.of(network, owner, year) }
    }

    /// Returns the header of this kind's document about one thing.
    pub fn about(&self, network: NetworkId, owner: OrgId, key: RecordId) -> Header {
        Header { key: Some(key), ..self.of(network, owner, 0) }
    }

    /// Returns the header of one of this kind's shards.
    pub fn shard(
        &self,
        network: NetworkId,
        owner: OrgId,
        year: u16,
        (device, part): (DeviceId, u32),
    ) -> Header {
        let key = Some(RecordId(device.0));
        Header { key, part: Some(part), ..self.of(network, owner, year) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: NetworkId = NetworkId([1; 16]);
    const COLLEGE_A: OrgId = OrgId([2; 16]);
    const COLLEGE_B: OrgId = OrgId([3; 16]);
    const EVALUATOR_C: OrgId = OrgId([4; 16]);
    const HUB_D: OrgId = OrgId([5; 16]);

    fn role(org: OrgId) -> Option<OrgRole> {
        match org {
            COLLEGE_A | COLLEGE_B => Some(OrgRole::College),
            EVALUATOR_C => Some(OrgRole::Evaluator),
            HUB_D => Some(OrgRole::Hub),
            _ => None,
        }
    }

    fn check(header: &Header, sound: bool, readers: &[OrgId]) {
        assert_eq!(header.is_sound(role), sound, "{header:?}");
        for org in [COLLEGE_A, COLLEGE_B, EVALUATOR_C, HUB_D] {
            let may = header.may_read(org, role(org).unwrap_or(OrgRole::Observer));
            assert_eq!(may, readers.contains(&org), "{header:?} by {org}");
        }
    }

    #[test]
    fn readers_follow_from_kind_and_header() {
        let all = [COLLEGE_A, COLLEGE_B, EVALUATOR_C, HUB_D];
        check(&DIRECTORY.of(NETWORK, HUB_D, 2026), true, &all);
        check(&ORGANISATION.of(NETWORK, COLLEGE_A, 2026), true, &all);
        check(&PLAN.of(NETWORK, COLLEGE_A, 2026), true, &[COLLEGE_A]);
        check(
            &APPLICATION.between(NETWORK, COLLEGE_A, EVALUATOR_C, 2026),
            true,
            &[COLLEGE_A, EVALUATOR_C, HUB_D],
        );
        check(&DECISIONS.between(NETWORK, HUB_D, COLLEGE_B, 2026), true, &[COLLEGE_B, HUB_D]);
    }

    #[test]
    fn a_header_of_the_wrong_parties_is_unsound() {
        let foreign = OrgId([9; 16]);
        let sound = |header: Header| header.is_sound(role);
        assert!(!sound(PLAN.of(NETWORK, HUB_D, 2026)), "a hub has no plan");
        assert!(!sound(PLAN.of(NETWORK, foreign, 2026)), "unknown owner");
        assert!(!sound(APPLICATION.of(NETWORK, COLLEGE_A, 2026)), "no counterpart");
        assert!(!sound(APPLICATION.between(NETWORK, COLLEGE_A, COLLEGE_B, 2026)));
        assert!(!sound(AGREEMENT.between(NETWORK, COLLEGE_A, COLLEGE_A, 2026)), "with itself");
        let mut header = PLAN.of(NETWORK, COLLEGE_A, 2026);
        header.year = None;
        assert!(!sound(header.clone()), "no year");
        header.kind = "secrets".to_owned();
        assert!(!sound(header), "unknown kind");
        let class = CLASS.about(NETWORK, COLLEGE_A, RecordId([6; 16]));
        assert!(sound(class.clone()));
        assert!(!sound(Header { key: None, ..class.clone() }), "a class without a key");
        assert!(!sound(Header { part: Some(0), ..class }), "a class has no shards");
        let shard = LEARNERS.shard(NETWORK, HUB_D, 2026, (DeviceId([8; 16]), 3));
        assert!(sound(shard.clone()));
        assert!(!sound(Header { part: None, ..shard }), "a shard without a number");
    }

    #[test]
    fn the_id_proves_the_header() {
        let one = PLAN.of(NETWORK, COLLEGE_A, 2026);
        assert_eq!(one.id(), PLAN.of(NETWORK, COLLEGE_A, 2026).id());
        assert_ne!(one.id(), PLAN.of(NETWORK, COLLEGE_B, 2026).id());
        assert_ne!(one.id(), PLAN.of(NETWORK, COLLEGE_A, 2027).id());
    }
}
