//! Every widget, with any data, in any window: no panic, full lines, no cut glyph.
//!
//! How things look is in the snapshots.

use proptest::prelude::*;
use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::{Position, Rect};

use crate::core::input::TextInput;
use crate::i18n::Lang;
use crate::view::empty::EmptyState;
use crate::view::form::{Choices, Field, FieldState, Form};
use crate::view::frame::{Notice, ScreenFrame, draw_section};
use crate::view::help::Help;
use crate::view::hints::Hint;
use crate::view::palette::{Palette, PaletteEntry};
use crate::view::rail::Tab;
use crate::view::shot::visible;
use crate::view::table::{Align, Cell, Column, ColumnWidth, Keep, Row, Sorted, Table};
use crate::view::text::{cell_width, cut_middle, fit, fit_centre, fit_right, wrap};
use crate::view::theme::{Glyphs, Look, Mark, Scheme};

/// Texts that have broken terminals before, long and short.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[一-龥]{0,6}",
        3 => "[ -~]{0,8}",
        1 => "[\u{20000}-\u{2a6df}]{0,3}",
        1 => any::<char>().prop_map(String::from),
        1 => prop::sample::select(vec![
            "👩\u{200d}🏫", "\u{200d}", "\u{301}", "e\u{301}\u{302}", "\t", "\u{1b}[2J", "ﾊﾞ", "🇨🇳",
            "1\u{fe0f}\u{20e3}", "\u{600}", "ㄱㅏㅇ", "각", "क्षि", "\u{202e}", "…", "─", "\n",
            "辻\u{e0100}",
            "，。", "（", "\u{ff9e}", "🇨", "👍🏽",
        ]).prop_map(String::from),
    ];
    prop_oneof![
        8 => prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat()),
        1 => Just("司马".repeat(100)),
        1 => Just("a".repeat(200)),
    ]
}

fn any_texts(size: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(any_text(), 0..size)
}

fn any_window() -> impl Strategy<Value = Rect> {
    (20u16..=200, 5u16..=60).prop_map(|(width, height)| Rect::new(0, 0, width, height))
}

fn any_look() -> impl Strategy<Value = Look> {
    let schemes = vec![Scheme::Colour, Scheme::ColourBlind, Scheme::Mono];
    (prop::sample::select(schemes), prop::sample::select(vec![Lang::Zh, Lang::En]))
        .prop_map(|(scheme, lang)| Look { scheme, lang })
}

/// Asserts that every line is exactly full and the cursor is on the screen.
fn check(
    window: Rect,
    draw: impl FnOnce(&mut Buffer) -> Option<Position>,
) -> Result<(), TestCaseError> {
    let mut buffer = Buffer::empty(window);
    let cursor = draw(&mut buffer);
    if let Some(cursor) = cursor {
        prop_assert!(window.contains(cursor), "cursor {cursor:?} outside {window:?}");
    }
    for glyphs in [Glyphs::Unicode, Glyphs::Safe] {
        glyphs.settle(&mut buffer);
        for cells in buffer.content.chunks(window.width.into()) {
            let sum: usize = visible(cells).map(|(_, cell)| usize::from(cell.cell_width())).sum();
            let line: Vec<&str> = visible(cells).map(|(_, cell)| cell.symbol()).collect();
            prop_assert_eq!(sum, usize::from(window.width), "{:?}", line.concat());
            let seen: Vec<usize> = visible(cells).map(|(at, _)| at).collect();
            let hidden = (0..cells.len()).filter(|at| seen.binary_search(at).is_err());
            for at in hidden {
                prop_assert_eq!(cells[at].symbol(), " ", "half a glyph is drawn over");
            }
        }
    }
    Ok(())
}

fn hints_of(texts: &[String]) -> Vec<Hint> {
    texts
        .iter()
        .map(|text| Hint { keys: text.chars().take(4).collect(), text: text.to_owned() })
        .collect()
}

fn mark_of(text: &str) -> Option<Mark> {
    match text.len() % 4 {
        0 => None,
        1 => Some(Mark::Good),
        2 => Some(Mark::Problem),
        _ => Some(Mark::Absent),
    }
}

fn field_of(text: &str) -> Field {
    Field {
        label: text.to_owned(),
        value: text.chars().rev().collect(),
        state: FieldState { mark: mark_of(text), text: text.to_owned() },
        help: text.to_owned(),
    }
}

fn column_of(text: &str) -> Column {
    let width = u16::try_from(text.len() % 23).expect("small");
    let is_even = text.len().is_multiple_of(2);
    Column {
        title: text.to_owned(),
        width: if is_even { ColumnWidth::Fixed(width) } else { ColumnWidth::AtLeast(width) },
        align: if width.is_multiple_of(3) { Align::Right } else { Align::Left },
        keep: if width.is_multiple_of(5) { Keep::IfRoom } else { Keep::Always },
        sorted: is_even.then_some(Sorted::Upwards),
    }
}

fn entry_of(text: &str) -> PaletteEntry {
    let key = text.chars().take(3).collect();
    PaletteEntry { kind: text.to_owned(), title: text.to_owned(), graphemes: vec![0, 2], key }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 192,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn text_fits(text in any_text(), width in 0u16..60) {
        for fitted in [fit(&text, width), fit_right(&text, width), fit_centre(&text, width)] {
            prop_assert_eq!(cell_width(&fitted), width, "{:?}", fitted);
        }
        prop_assert!(cell_width(&cut_middle(&text, width)) <= width);
        for line in wrap(&text, width) {
            prop_assert!(cell_width(&line) <= width, "{:?}", line);
        }
    }

    #[test]
    fn frames_are_whole(
        window in any_window(), look in any_look(), texts in any_texts(14), at in 0usize..14,
    ) {
        let digits = "1234567890-=zz".chars();
        let tabs: Vec<Tab> = texts.iter().zip(digits)
            .map(|(text, digit)| {
                Tab { digit, title: text.chars().take(6).collect(), badge: text.len() as u64 }
            })
            .collect();
        let hints = hints_of(&texts);
        let text = |at: usize| texts.get(at).map_or("", String::as_str);
        let frame = ScreenFrame {
            title: text(0),
            organisation: text(1),
            person: text(2),
            sync: Notice { mark: Mark::Syncing, text: text(3) },
            tabs: &tabs,
            current: "1234567890-=zz".chars().nth(at),
            message: mark_of(text(4)).map(|mark| Notice { mark, text: text(4) }),
            hints: &hints,
        };
        let empty = EmptyState { title: text(5), reason: text(6), choices: &texts, selected: at };
        check(window, |buffer| {
            let body = frame.draw(window, buffer, look)?;
            draw_section(text(7), Rect { height: 1, ..body }, buffer, look);
            empty.draw(Rect { y: body.y + 1, height: body.height - 1, ..body }, buffer, look)
        })?;
    }

    #[test]
    fn tables_are_whole(
        window in any_window(), look in any_look(), titles in any_texts(7),
        texts in any_texts(12), offset in 0u64..500_000, ahead in 0u64..80,
    ) {
        let columns: Vec<Column> = titles.iter().map(|text| column_of(text)).collect();
        let cell = |text: &str| Cell { mark: mark_of(text), text: text.to_owned() };
        let rows: Vec<Row> = texts.iter()
            .map(|text| match text.len() % 3 {
                0 => Row::Loading,
                rest => Row::Ready { cells: vec![cell(text); rest * 4], ticked: rest == 1 },
            })
            .collect();
        let table = Table {
            columns: &columns, rows: &rows, offset, total: offset + ahead,
            selected: Some(offset + ahead / 2), ticked: ahead,
        };
        check(window, |buffer| table.draw(window, buffer, look))?;
    }

    #[test]
    fn forms_are_whole(
        window in any_window(), look in any_look(), texts in any_texts(20), typed in any_text(),
        at in 0usize..20, left in 0usize..9,
    ) {
        let fields: Vec<Field> = texts.iter().map(|text| field_of(text)).collect();
        let mut input = TextInput::new(&typed, 300);
        for _ in 0..left {
            input.key("Left".parse().expect("a key"));
        }
        let query = TextInput::new(if left % 2 == 0 { "" } else { "考核zk" }, 99);
        let open = Choices { options: &texts, selected: at, query: &query };
        let choices = (left % 3 == 0).then_some(open);
        let form = Form {
            reason: texts.first().map(String::as_str),
            fields: &fields,
            focused: at,
            input: (left % 2 == 0).then_some(&input),
            choices,
            missing: left as u64,
        };
        check(window, |buffer| form.draw(window, buffer, look))?;
    }

    #[test]
    fn popups_are_whole_over_hanzi(
        window in any_window(), look in any_look(), texts in any_texts(20), at in 0usize..20,
    ) {
        let entries: Vec<PaletteEntry> = texts.iter().map(|text| entry_of(text)).collect();
        let query = TextInput::new(texts.first().map_or("", String::as_str), 60);
        let palette = Palette { query: &query, entries: &entries, selected: at };
        let hints = hints_of(&texts);
        let help = Help { place: "成绩", here: &hints, anywhere: &hints, scroll: at / 4 };
        let hanzi = "江城职业技术学院".repeat(13);
        let fill = |buffer: &mut Buffer| {
            for row in window.rows() {
                buffer.set_string(row.y % 2, row.y, &hanzi, ratatui::style::Style::new());
            }
        };
        check(window, |buffer| { fill(buffer); palette.draw(window, buffer, look) })?;
        check(window, |buffer| { fill(buffer); help.draw(window, buffer, look); None })?;
    }
}
