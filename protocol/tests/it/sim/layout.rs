//! Which organisations and devices a simulated province has, and what each may write.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use onex_crdt::header::{
    AGREEMENT, APPLICATION, CATALOGUE, CLASS, DECISIONS, DIRECTORY, Header, LEARNERS, LISTING,
    ORGANISATION, PILOT_STUDENTS, PLAN,
};
use onex_crdt::ids::{DocId, NetworkId, OrgId, RecordId};
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_protocol::membership::Membership;
use onex_protocol::statement::Statement;

use crate::province::*;

/// A province of eight devices.
pub struct Layout {
    pub membership: Membership,
    /// The seeds of the devices; the first one sequences the log.
    pub devices: Vec<u8>,
    /// The documents that an organisation writes, of every class of readers it has.
    pub documents: BTreeMap<OrgId, Vec<Header>>,
}

const DEVICES: [[u8; 8]; 3] = [
    [1, 2, 11, 12, 13, 21, 22, 31],
    [1, 2, 11, 12, 21, 22, 41, 31],
    [1, 2, 11, 12, 13, 21, 41, 31],
];

static LAYOUTS: LazyLock<Vec<Layout>> =
    LazyLock::new(|| DEVICES.iter().map(|devices| Layout::of(devices)).collect());

/// The province of a seed.
pub fn layout(seed: u64) -> &'static Layout {
    &LAYOUTS[(seed % DEVICES.len() as u64) as usize]
}

impl Layout {
    fn of(devices: &[u8]) -> Self {
        let mut membership = found();
        let mut firsts: BTreeMap<OrgId, u8> = BTreeMap::from([(HUB, HUB_1)]);
        for seed in devices.iter().copied().filter(|seed| *seed != HUB_1) {
            let (org, role) = org_of(seed);
            let first = firsts.get(&org).copied();
            if first.is_none() {
                let name = "某机构".to_owned();
                say(&mut membership, HUB_1, Statement::AddOrganisation { org, role, name });
                firsts.insert(org, seed);
            }
            say(&mut membership, first.unwrap_or(HUB_1), device_add(org, seed));
            let by = first.unwrap_or(seed);
            let persons = [person_at(seed), SECOND].into_iter().skip(usize::from(first.is_none()));
            for person in persons {
                let (device, person, role) = (device(seed), person.to_owned(), PersonRole::Admin);
                say(&mut membership, by, Statement::GrantRole { device, person, role });
            }
        }
        let network = membership.network();
        let colleges: Vec<_> = firsts.keys().copied().filter(|org| is_college(*org)).collect();
        let documents = firsts.keys().map(|org| (*org, documents(network, *org, &colleges)));
        Self { devices: devices.to_vec(), documents: documents.collect(), membership }
    }

    /// Every document that there may be.
    pub fn headers(&self) -> BTreeMap<DocId, &Header> {
        self.documents.values().flatten().map(|header| (header.id(), header)).collect()
    }
}

fn is_college(org: OrgId) -> bool {
    [COLLEGE, OTHER, THIRD].contains(&org)
}

fn documents(network: NetworkId, org: OrgId, colleges: &[OrgId]) -> Vec<Header> {
    let role = match org {
        HUB => OrgRole::Hub,
        EVALUATOR => OrgRole::Evaluator,
        _ => OrgRole::College,
    };
    let mut headers = vec![ORGANISATION.of(network, org, YEAR)];
    match role {
        OrgRole::Hub => {
            headers.push(DIRECTORY.of(network, org, YEAR));
            headers.push(LISTING.of(network, org, YEAR));
            headers.push(DECISIONS.between(network, org, EVALUATOR, YEAR));
            headers.push(DECISIONS.between(network, org, colleges[0], YEAR));
            headers.push(LEARNERS.shard(network, org, YEAR, (device(HUB_1), 1)));
        }
        OrgRole::Evaluator => {
            headers.push(CATALOGUE.of(network, org, YEAR));
            let agreement = |college| AGREEMENT.between(network, org, college, YEAR);
            headers.extend(colleges.iter().copied().map(agreement));
        }
        _ => {
            headers.push(PLAN.of(network, org, YEAR));
            headers.push(CLASS.about(network, org, RecordId([7; 16])));
            headers.push(APPLICATION.between(network, org, EVALUATOR, YEAR));
            headers.push(PILOT_STUDENTS.between(network, org, HUB, YEAR));
        }
    }
    headers
}
