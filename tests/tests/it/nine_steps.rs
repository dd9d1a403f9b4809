//! One application from the college's keys to the hub's screen, through every step of
//! `docs/ARCHITECTURE.md`, "The way of one record".

use std::sync::{Arc, Mutex};

use onex_crdt::record::Record;
use onex_crdt::records::application::Application;
use onex_node::Way;
use onex_node::api::Query;
use onex_protocol::message::Message;

use super::province::Province;
use super::seat::Seat;

#[test]
fn keys_at_the_college_become_a_row_on_the_hubs_screen() {
    let province = Province::pilot();
    let (college, hub) = (province.node("xatl-1"), province.node("hub-1"));
    let mut coordinator = Seat::new(college);
    let mut officer = Seat::new(hub);
    officer.press("2");
    assert!(!officer.screen().contains("轨道交通"), "nothing has come yet");

    // 1: keys become an edit; 2: the rule refuses what is not allowed, and says where.
    coordinator.press("2 F6").focus("cert_level_id").write("gdjt").press("Enter");
    for (field, text) in [
        ("major_code", "500103"),
        ("major_name", "铁道供电技术"),
        ("enrolled_students", "80"),
        ("planned_students", "90"),
        ("contact_name", "王芳"),
        ("contact_phone", "13900000021"),
    ] {
        coordinator.focus(field).write(text);
    }
    coordinator.focus("education_level").press("F4 Down Enter");
    coordinator.focus("own_site").press("Space Enter F2");
    let screen = coordinator.screen();
    assert!(screen.contains("80"), "the limit is named:\n{screen}");
    coordinator.focus("planned_students").press("Ctrl+U").write("70").press("F2");

    // 3, 4, 5: a change, sealed, stored; only now is it said to be saved.
    let drafts = college.list(&Query::all(Application::KIND)).expect("list");
    assert_eq!(drafts.rows[0].state(), Some("draft"));
    let line = drafts.rows[0].id;
    coordinator.press("F7").write("李院长").press("F2");
    let row = college.row(Application::KIND, line).expect("readable").expect("there");
    assert_eq!(row.state(), Some("submitted"));
    assert!(college.status().expect("status").unsent.changes > 0, "it waits in the outbox");

    // 6, 7: the sync machine names it to the hub, over a QUIC stream.
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    college.tap(move |_, way, bytes| {
        let batch = match Message::decode(bytes) {
            Ok((Message::Batch(batch), _)) if way == Way::Sent => batch,
            _ => return,
        };
        let kinds = batch.documents.into_iter().map(|document| document.header.kind);
        seen.lock().expect("nobody panicked").extend(kinds);
    });
    coordinator.press("Ctrl+R");
    assert!(sent.lock().expect("nobody panicked").contains(&"application".to_owned()));
    assert_eq!(college.status().expect("status").unsent.changes, 0, "the hub has it");

    // 8: the hub has judged, applied and stored it; 9: its screen shows it.
    let there = hub.row(Application::KIND, line).expect("readable").expect("arrived");
    assert_eq!((there.state(), there.int("planned_students")), (Some("submitted"), Some(70)));
    let screen = officer.look().screen();
    assert!(screen.contains("轨道交通电气设备装调"), "the certificate:\n{screen}");
    assert!(screen.contains("西安铁路职业技术学院"), "the college:\n{screen}");
}
