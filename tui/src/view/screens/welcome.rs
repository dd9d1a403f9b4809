//! The first use, and 设置.

use onex_node::api::Keeping;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::health::warnings;
use crate::core::input::TextInput;
use crate::core::lock::{Asks, Lock, keeping_sentence};
use crate::core::model::{Model, Welcome};
use crate::i18n::Lang;
use crate::view::input::draw_input;
use crate::view::screens::{below, draw_text};
use crate::view::text::{cell_width, put};
use crate::view::theme::{Glyphs, HERE, Role, Scheme};

/// Draws the step of the first use.
pub fn draw(model: &Model, welcome: &Welcome, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let text = |id: &str| (look.tr(id, &[]), Role::Plain);
    let head = |id: &str| (look.tr(id, &[]), Role::Heading);
    let gap = || (String::new(), Role::Plain);
    let lines = match welcome {
        Welcome::Keys | Welcome::Asked | Welcome::Locked(_) => vec![
            gap(),
            head("welcome-keys"),
            gap(),
            text("welcome-key-move"),
            text("welcome-key-enter"),
            text("welcome-key-esc"),
            text("welcome-key-help"),
            gap(),
            head("welcome-check"),
            gap(),
            ("   ──────────".to_owned(), Role::Plain),
            ("   江城职业院".to_owned(), Role::Plain),
            gap(),
            text("welcome-check-how"),
        ],
        Welcome::Role { selected } => {
            let mut lines = vec![gap(), head("welcome-who"), gap()];
            for (at, id) in
                ["welcome-college", "welcome-evaluator", "welcome-hub"].iter().enumerate()
            {
                let is_marked = at == *selected;
                let here = if is_marked { HERE } else { " " };
                let role = if is_marked { Role::Selected } else { Role::Plain };
                lines.push((format!("{here} {}", look.tr(id, &[])), role));
            }
            let (what, command) = match selected {
                2 => ("welcome-hub-how", "welcome-hub-command"),
                _ => ("welcome-join-how", "welcome-join-command"),
            };
            lines.extend([gap(), text(what), text(command)]);
            lines
        }
        Welcome::Waiting(None) => vec![gap(), head("welcome-waiting")],
        Welcome::Waiting(Some(digits)) => vec![
            gap(),
            head("welcome-digits"),
            gap(),
            (format!("   {digits}"), Role::Accent),
            gap(),
            text("welcome-digits-how"),
            text("welcome-waiting"),
        ],
    };
    draw_text(&lines, 0, area, buffer, model);
    None
}

/// Draws the page on which a passphrase is typed; what is typed shows as dots.
pub fn locked(model: &Model, lock: &Lock, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let (title, how) = match lock.asks {
        Asks::Existing => ("lock-title", "lock-how"),
        Asks::New | Asks::Again => ("lock-title-new", "lock-how-new"),
    };
    let said = match lock.said {
        Some(id) => (look.tr(id, &[]), Role::Problem),
        None if lock.is_tried => (look.tr("lock-opening", &[]), Role::Plain),
        None => (String::new(), Role::Plain),
    };
    let lines = [
        (String::new(), Role::Plain),
        (look.tr(title, &[]), Role::Heading),
        (String::new(), Role::Plain),
        (look.tr(how, &[]), Role::Plain),
        (String::new(), Role::Plain),
    ];
    let after = draw_text(&lines, 0, area, buffer, model);
    let line = below(area, after);
    let question = format!("   {} ", look.tr(lock.question(), &[]));
    let question_width = cell_width(&question);
    let field = Rect {
        x: line.x + question_width.min(line.width),
        width: line.width.saturating_sub(question_width).min(FIELD_WIDTH),
        height: line.height.min(1),
        ..line
    };
    put(buffer, line, &question, look.style(Role::Plain));
    let dots = TextInput::new(&"●".repeat(lock.length()), usize::MAX);
    let cursor = draw_input(&dots, field, buffer, look.style(Role::Plain));
    draw_text(&[said], 0, below(line, 2), buffer, model);
    cursor
}

/// Draws 设置.
pub fn settings(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let language = if look.lang == Lang::Zh { "中文" } else { "English" };
    let glyphs = match model.glyphs {
        Glyphs::Unicode => "settings-glyphs-unicode",
        Glyphs::Safe => "settings-glyphs-safe",
    };
    let colours = match look.scheme {
        Scheme::Colour => "settings-colour",
        Scheme::ColourBlind => "settings-colour-blind",
        Scheme::Mono => "settings-mono",
    };
    let entries = [
        (look.tr("settings-language", &[]), language.to_owned()),
        (look.tr("settings-glyphs", &[]), look.tr(glyphs, &[])),
        (look.tr("settings-colours", &[]), look.tr(colours, &[])),
    ];
    let mut cursor = None;
    for ((at, (label, value)), line) in entries.iter().enumerate().zip(area.rows().skip(1)) {
        let is_marked = at == model.settings_at;
        let role = if is_marked { Role::Selected } else { Role::Plain };
        let here = if is_marked { HERE } else { " " };
        put(buffer, line, &format!(" {here} {label}  {value}"), look.style(role));
        if is_marked {
            cursor = Some(line.as_position());
        }
    }
    if let Some(status) = &model.status {
        let role = if status.keys == Keeping::File { Role::Attention } else { Role::Plain };
        let keys = look.tr(keeping_sentence(status.keys), &[]);
        let mut lines = vec![(keys, role)];
        let warnings = warnings(&status.health);
        lines.extend(warnings.map(|id| (look.tr(id, &[]), Role::Problem)));
        draw_text(&lines, 0, below(area, KEYS_ROW), buffer, model);
    }
    cursor
}

/// Cells of the field for a passphrase.
const FIELD_WIDTH: u16 = 40;
/// The row of 设置 that says how the keys are kept.
const KEYS_ROW: u16 = 5;
