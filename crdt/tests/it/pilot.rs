//! The province of the demo's story up to its applications: steps A1 to A7 of the scenario.

use onex_crdt::header::DIRECTORY;
use onex_crdt::ids::{OrgId, RecordId};
use onex_crdt::record::{Record, Row};
use onex_crdt::records::agreement::agreement_id;
use onex_crdt::records::organisation::{self, Organisation};
use onex_crdt::roles::{OrgRole, PersonRole};
use onex_crdt::view::View;

use crate::province::{HUB, NETWORK, Province, Statement};

/// Who and what the steps before the first application left.
pub struct Pilot {
    pub province: Province,
    pub xatl: OrgId,
    pub xyzy: OrgId,
    pub crrc: OrgId,
    pub zljy: OrgId,
    /// 轨道交通电气设备装调 2, by crrc.
    pub assembly_2: RecordId,
    /// 智能财税 1, by zljy.
    pub finance_1: RecordId,
    /// 智能财税 2, by zljy.
    pub finance_2: RecordId,
}

/// What a line of 装调 2 or 智能财税 needs besides its level and numbers.
pub const LINE: [(&str, &str); 7] = [
    ("major_code", "500103"),
    ("major_name", "铁道供电技术"),
    ("education_level", "higher_vocational"),
    ("grade", "2024"),
    ("own_site", "是"),
    ("contact_name", "王芳"),
    ("contact_phone", "13900000021"),
];

/// Returns the parameters of `application.add`.
pub fn line<'a>(
    level: &'a str,
    planned: &'a str,
    enrolled: &'a str,
) -> Vec<(&'static str, &'a str)> {
    let own =
        [("cert_level_id", level), ("planned_students", planned), ("enrolled_students", enrolled)];
    LINE.into_iter().chain(own).collect()
}

impl Pilot {
    /// Goes through A1 to A7.
    pub fn begin(seed: u64) -> Self {
        let mut province = Province::found(seed);
        write_hub(&mut province);
        let [xatl, xyzy, crrc, zljy, gap] = add_organisations(&mut province);
        join_nodes(&mut province, [xatl, xyzy, crrc, zljy]);
        let assembly_2 = add_catalogue(&mut province, "crrc-1", "轨道交通电气设备装调", &["2"])[0];
        let levels = add_catalogue(&mut province, "zljy-1", "智能财税", &["1", "2", "3"]);
        let foreign = add_for_evaluator_without_node(&mut province, gap);
        list(&mut province, &[assembly_2, levels[0], levels[1]], foreign[0]);
        agree(&mut province, "xatl-1", xatl, "crrc-1", crrc, assembly_2);
        agree(&mut province, "zljy-1", zljy, "xyzy-1", xyzy, levels[0]);
        let [finance_1, finance_2] = [levels[0], levels[1]];
        Self { province, xatl, xyzy, crrc, zljy, assembly_2, finance_1, finance_2 }
    }
}

/// The hub's own record, which is made when the network is founded.
fn write_hub(province: &mut Province) {
    let fields = organisation::hub_fields("陕西省1+X证书试点项目办", "610000").expect("sound");
    let write =
        onex_crdt::document::Write::Create { kind: Organisation::KIND, id: HUB.into(), fields };
    let header = DIRECTORY.of(NETWORK, HUB, 2026);
    let touches = province.at("hub-1").write("organisation.add", &[(header, write)]);
    province.at("hub-1").project(&touches);
    province.sync("hub-1", "hub-2");
}

/// Keys and texts as the command line has them.
type Params<'a> = &'a [(&'a str, &'a str)];

fn add_organisations(province: &mut Province) -> [OrgId; 5] {
    let college = [("role", "college"), ("college_type", "高职")];
    let evaluator = [("role", "evaluator"), ("evaluator_nature", "企业")];
    let rows: [(Params, Params); 5] = [
        (
            &college,
            &[
                ("name", "西安铁路职业技术学院"),
                ("short_code", "13945"),
                ("school_code", "4161013945"),
                ("region_code", "610100"),
                ("reporting_unit", "西安市"),
            ],
        ),
        (
            &college,
            &[
                ("name", "咸阳职业技术学院"),
                ("short_code", "13946"),
                ("school_code", "4161013946"),
                ("region_code", "610400"),
                ("reporting_unit", "咸阳市"),
            ],
        ),
        (&evaluator, &[("name", "中国中车集团有限公司"), ("short_code", "CRRC")]),
        (&evaluator, &[("name", "中联集团教育科技有限公司"), ("short_code", "LJKJ")]),
        (&evaluator, &[("name", "北京新奥时代科技有限责任公司"), ("short_code", "XAUD")]),
    ];
    let hub = province.at("hub-2");
    rows.map(|(common, own)| {
        let params: Vec<_> = common.iter().chain(own).copied().collect();
        let id = hub.done("organisation.add", None, &params);
        let row = hub.row(Organisation::KIND, id).expect("it was added");
        assert_eq!(row.state(), Some("active"), "A1");
        id.into()
    })
}

fn join_nodes(province: &mut Province, [xatl, xyzy, crrc, zljy]: [OrgId; 4]) {
    use PersonRole::{Admin, Coordinator, Leader, Manager};
    for org in [xatl, xyzy] {
        province.state(Statement::Org(org, OrgRole::College));
    }
    for org in [crrc, zljy] {
        province.state(Statement::Org(org, OrgRole::Evaluator));
    }
    province.join("xatl-1", "王芳", xatl, &[Coordinator, Admin]);
    province.join("xyzy-1", "周敏", xyzy, &[Coordinator, Leader]);
    province.join("crrc-1", "陈刚", crrc, &[Manager]);
    province.join("zljy-1", "钱立", zljy, &[Manager]);
    province.sync_all();
}

/// A2: a certificate, its levels, a standard for each.
fn add_catalogue(
    province: &mut Province,
    node: &str,
    name: &str,
    levels: &[&str],
) -> Vec<RecordId> {
    let evaluator = province.at(node);
    let certificate = evaluator.done("certificate.add", None, &[("name", name)]).to_string();
    let mut ids = Vec::new();
    for level in levels {
        let params = [("certificate_id", certificate.as_str()), ("level", level)];
        let id = evaluator.done("cert_level.add", None, &params);
        let level_id = id.to_string();
        let digest = "5b".repeat(32);
        let params = [
            ("cert_level_id", level_id.as_str()),
            ("version", "1.0"),
            ("effective_from", "2026-01-01"),
            ("units", "A1:安装,A2:调试"),
            ("document_digest", digest.as_str()),
        ];
        let standard = evaluator.done("standard.publish", None, &params).to_string();
        let params = [
            ("cert_level_id", level_id.as_str()),
            ("standard_id", standard.as_str()),
            ("version", "1.0"),
            ("theory_full", "100"),
            ("theory_weight", "40"),
            ("theory_min", "50.0"),
            ("practical_full", "100"),
            ("practical_weight", "60"),
            ("composite_min", "60.0"),
        ];
        let scheme = evaluator.done("scheme.add", None, &params);
        check_state(evaluator, "standard", standard.parse().expect("an id"), "published");
        check_state(evaluator, "scheme", scheme, "current");
        check_state(evaluator, "cert_level", id, "draft");
        ids.push(id);
    }
    province.sync_all();
    ids
}

/// A3: the hub enters a certificate into its directory.
fn add_for_evaluator_without_node(province: &mut Province, org: OrgId) -> Vec<RecordId> {
    let hub = province.at("hub-2");
    let org = org.to_string();
    let params = [("name", "工业机器人操作与运维"), ("evaluator_id", org.as_str())];
    let certificate = hub.done("certificate.add", None, &params).to_string();
    let add = |level| {
        let params = [("certificate_id", certificate.as_str()), ("level", level)];
        hub.done("cert_level.add", None, &params)
    };
    let ids: Vec<_> = ["2", "3"].map(add).to_vec();
    for id in &ids {
        check_state(hub, "cert_level", *id, "draft");
    }
    ids
}

/// A4 and A5: the list and the call.
fn list(province: &mut Province, levels: &[RecordId], without_standard: RecordId) {
    let hub = province.at("hub-2");
    for level in levels {
        let id = level.to_string();
        let entry = hub.done("listing.add", None, &[("cert_level_id", id.as_str())]);
        check_state(hub, "listing", entry, "listed");
        check_state(hub, "cert_level", *level, "listed");
    }
    let id = without_standard.to_string();
    let (field, reason) = hub.refused("listing.add", None, &[("cert_level_id", id.as_str())]);
    assert_eq!((field.as_str(), reason.code()), ("standard_id", "no_standard"), "A4");
    let params = [("year", "2026"), ("closes_on", "2026-04-30")];
    let call = hub.done("call.open", None, &params);
    province.sync_all();
    for college in ["xatl-1", "xyzy-1"] {
        check_state(province.at(college), "call", call, "open");
    }
}

/// A6 and A7: one side proposes, the other confirms the digest shown.
fn agree(
    province: &mut Province,
    proposer: &str,
    own: OrgId,
    confirmer: &str,
    other: OrgId,
    level: RecordId,
) {
    let college_proposes = proposer == "xatl-1";
    let (key, college, evaluator) =
        if college_proposes { ("evaluator_id", own, other) } else { ("college_id", other, own) };
    let (other, level) = (other.to_string(), level.to_string());
    let params = [
        (key, other.as_str()),
        ("year", "2026"),
        ("cert_level_ids", level.as_str()),
        ("fee_per_person", "300"),
        ("starts_on", "2026-04-01"),
        ("ends_on", "2026-12-31"),
        ("college_duties", "一、提供场地"),
        ("evaluator_duties", "一、组织考核"),
    ];
    let id = province.at(proposer).done("agreement.propose", None, &params);
    assert_eq!(id, agreement_id(college, evaluator, 2026));
    province.sync_all();
    check_state(province.at(confirmer), "agreement", id, "proposed");
    let shown = row(province.at(confirmer), "agreement", id);
    let digest = shown.fields["digest"].as_bytes().map(onex_crdt::ids::hex_encode);
    let digest = digest.expect("a digest is bytes");
    let (_, reason) = province.at(proposer).refused(
        "agreement.confirm",
        Some(id),
        &[("digest", digest.as_str())],
    );
    assert!(["no_right", "own_proposal"].contains(&reason.code()), "{reason:?}");
    province.at(confirmer).done("agreement.confirm", Some(id), &[("digest", digest.as_str())]);
    province.sync_all();
    for node in [proposer, confirmer, "hub-1", "hub-2"] {
        check_state(province.at(node), "agreement", id, "in_force");
    }
}

/// The row of a record at a node.
pub fn row(node: &crate::province::Replica, kind: &str, id: RecordId) -> Row {
    let kind = onex_crdt::registry::kind(kind).expect("the kind exists");
    node.row(kind, id).unwrap_or_else(|| panic!("{}: no {} {id}", node.name, kind.key))
}

/// Asserts the state of a record at a node.
pub fn check_state(node: &crate::province::Replica, kind: &str, id: RecordId, state: &str) {
    let row = row(node, kind, id);
    assert_eq!(row.state(), Some(state), "{}: {kind} {:?}", node.name, row.fields);
}
