//! An application is filed, on real nodes over real QUIC: what both sides see, whatever arrives
//! first.

use onex_crdt::value::Value;

use super::province::Province;

fn check(province: &Province, line: onex_crdt::ids::RecordId, expected: &[(&str, &str)]) {
    for node in ["hub-1", "hub-2", "xatl-1", "crrc-1"] {
        let row = province.row(node, line).unwrap_or_else(|| panic!("{node} has the line"));
        for (key, value) in expected {
            let shown = row.fields.get(*key).map(|value| match value {
                Value::Text(text) => text.clone(),
                Value::Int(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                _ => "other".to_owned(),
            });
            assert_eq!(shown.as_deref().unwrap_or("null"), *value, "{key} at {node}");
        }
    }
}

/// Two persons file a line that both see.
fn file(province: &Province, line: onex_crdt::ids::RecordId) {
    province.act("hub-2", "application.decide", Some(line), &[("outcome", "filed")]);
    province.sync("hub-2");
    province.act("hub-1", "application.decide", Some(line), &[("outcome", "filed")]);
    province.sync("hub-2");
}

#[test]
fn a_line_is_filed_by_two_persons_and_numbered() {
    let province = Province::pilot();
    let line = province.line("xatl-1", "crrc-1", "王芳");
    province.settle();
    check(&province, line, &[("state", "submitted"), ("pending_act", "null")]);
    province.act("hub-2", "application.decide", Some(line), &[("outcome", "filed")]);
    province.settle();
    check(&province, line, &[("state", "submitted"), ("pending_act", "application.decide")]);
    let again =
        province.try_act("hub-2", "application.decide", Some(line), &[("outcome", "filed")]);
    assert!(again.is_err(), "one person counts once");
    province.act("hub-1", "application.decide", Some(line), &[("outcome", "filed")]);
    province.settle();
    let filed = [
        ("state", "filed"),
        ("filing_no", "陕1X-2026-13945-001"),
        ("filed_version", "1"),
        ("changed_since_decision", "false"),
        ("late", "false"),
    ];
    check(&province, line, &filed);
    assert!(province.row("zljy-1", line).is_none(), "another evaluator sees nothing");
    assert!(province.row("xyzy-1", line).is_none(), "another college sees nothing");
}

/// C5, whichever side is heard first: the filing stands for the version that was reviewed.
fn changed_while_filed(first: &'static str) {
    let province = Province::pilot();
    let line = province.line("xatl-1", "crrc-1", "王芳");
    province.settle();
    file(&province, line);
    province.act("xatl-1", "application.edit", Some(line), &[("planned_students", "110")]);
    province.act("xatl-1", "application.submit", Some(line), &[]);
    province.sync(first);
    province.settle();
    let expected = [
        ("state", "filed"),
        ("filed_version", "1"),
        ("changed_since_decision", "true"),
        ("pending_request", "change"),
        ("planned_students", "110"),
    ];
    check(&province, line, &expected);
    for node in ["hub-1", "xatl-1"] {
        let kind = onex_crdt::registry::kind("application").expect("a kind");
        let history = province.node(node).history(kind, line).expect("history");
        let old_and_new = (Some(Value::Int(90)), Some(Value::Int(110)));
        let difference = history.difference.expect("a difference");
        assert_eq!(difference.len(), 1, "{node}: {difference:?}");
        assert_eq!(difference[0].0, "planned_students");
        assert_eq!((difference[0].1.clone(), difference[0].2.clone()), old_and_new);
    }
    file(&province, line);
    province.settle();
    let expected =
        [("filed_version", "2"), ("changed_since_decision", "false"), ("pending_request", "null")];
    check(&province, line, &expected);
}

#[test]
fn a_change_made_while_the_hub_files_shows_as_changed_since() {
    changed_while_filed("xatl-1");
}

#[test]
fn a_change_that_arrives_after_the_filing_shows_as_changed_since() {
    changed_while_filed("hub-2");
}
