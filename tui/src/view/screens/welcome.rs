//! The first use, and 设置.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::model::{Model, Welcome};
use crate::i18n::Lang;
use crate::view::screens::draw_text;
use crate::view::text::put;
use crate::view::theme::{Glyphs, HERE, Role, Scheme};

/// Draws the step of the first use.
pub fn draw(model: &Model, welcome: &Welcome, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = model.look;
    let text = |id: &str| (look.tr(id, &[]), Role::Plain);
    let head = |id: &str| (look.tr(id, &[]), Role::Heading);
    let gap = || (String::new(), Role::Plain);
    let lines = match welcome {
        Welcome::Keys | Welcome::Asked => vec![
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
    cursor
}
