//! Tests of what a peer keeps apart: the sender is told, and it does not come again and again.

use onex_crdt::header::{ORGANISATION, PLAN};

use crate::network::Network;
use crate::province::*;

#[test]
fn a_refused_change_is_told_and_not_repeated() {
    for seed in 1..30 {
        let mut net = Network::new(seed, &[HUB_1, COLLEGE_1]);
        let organisation = ORGANISATION.of(network(), COLLEGE, YEAR);
        let other = ORGANISATION.of(network(), HUB, YEAR);
        net.node(HUB_1).author(&other, "郝敏");
        net.node(COLLEGE_1).author_unsealed(&organisation, "没有封印");
        let report = net.sync(COLLEGE_1, HUB_1);
        assert_eq!(report.refused, [(organisation.id(), "no_seal")], "seed {seed}");
        assert!(report.equal, "seed {seed}: equal apart from it: {report:?}");
        assert_eq!(net.node(HUB_1).report().quarantined, 1, "seed {seed}");
        let hub = net.node(HUB_1).report().sent.documents;
        assert_eq!((report.sent.documents, hub), (1, 1), "seed {seed}: no repair for that");
        net.sent.clear();
        let report = net.sync(COLLEGE_1, HUB_1);
        assert!(report.equal && report.refused.is_empty(), "seed {seed}: {report:?}");
        assert_eq!(net.kinds().len(), 2, "seed {seed}: {:?}", net.kinds());
        assert_eq!(net.node(HUB_1).store.quarantine.len(), 1, "seed {seed}");

        // A seal over a later change vouches for both; the delta has only the later one.
        net.acks_checked = false;
        net.node(COLLEGE_1).author(&organisation, "有封印");
        let report = net.sync(COLLEGE_1, HUB_1);
        assert!(report.equal && net.agree(COLLEGE_1, HUB_1), "seed {seed}: {report:?}");
    }
}

#[test]
fn a_good_document_is_not_held_up_by_a_bad_one() {
    let mut net = Network::new(4, &[COLLEGE_1, COLLEGE_2]);
    let plan = |year| PLAN.of(network(), COLLEGE, year);
    net.node(COLLEGE_1).author(&plan(2024), "好");
    net.node(COLLEGE_1).author_unsealed(&plan(2025), "坏");
    net.node(COLLEGE_1).author(&plan(2026), "好");
    let report = net.sync(COLLEGE_2, COLLEGE_1);
    assert_eq!((report.received.documents, report.quarantined), (2, 1));
    assert!(report.equal);
}
