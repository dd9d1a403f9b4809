//! What may reach the screen: strips the characters that move the cursor or lie about order.
//!
//! It does not normalise (NFC is the data layer's work) and it does not shorten.

/// Returns `text` fit to be drawn on one line: tabs and line ends become a space; control and
/// bidirectional marks go; joiners and emoji selectors stay only after an emoji.
///
/// Selectors of ideographic variants (U+E0100..U+E01EF) stay: names are written with them.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => out.push(' '),
            '\u{200D}' | '\u{FE0E}' | '\u{FE0F}' => {
                if out.chars().next_back().is_some_and(continues_emoji) {
                    out.push(letter);
                }
            }
            _ if is_unprintable(letter) => {}
            _ => out.push(letter),
        }
    }
    while out.ends_with('\u{200D}') {
        out.pop();
    }
    out
}

/// Returns whether `letter` draws nothing by itself, or changes how its neighbours are drawn.
pub fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(letter as u32,
            0x00AD | 0x034F | 0x061C
            | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F
            | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
            | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE00FF | 0xE01F0..=0xE0FFF)
        || (letter as u32) & 0xFFFE == 0xFFFE
        || matches!(letter as u32, 0xFDD0..=0xFDEF)
}

fn continues_emoji(letter: char) -> bool {
    matches!(letter as u32,
        0x2194..=0x21AA | 0x2300..=0x23FF | 0x25AA..=0x27BF | 0x2934..=0x2935
        | 0x2B00..=0x2BFF | 0xFE0F | 0x1F000..=0x1FAFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(clean(text), expected);
    }

    #[test]
    fn text_is_safe_to_draw() {
        check("张小娜", "张小娜");
        check("a\tb\r\nc", "a b  c");
        check("a\u{1b}[31mb\u{7}\u{9b}", "a[31mb");
        check("\u{202e}cba\u{202c}\u{2066}x\u{2069}", "cbax");
        check("张\u{200d}三\u{200b}\u{feff}", "张三");
        check("1\u{fe0f}\u{200d}", "1");
        check("👩\u{200d}🏫老师", "👩\u{200d}🏫老师");
        check("👩\u{200d}", "👩");
        check("❤\u{fe0f}\u{200d}🔥", "❤\u{fe0f}\u{200d}🔥");
        check("辻\u{e0100}田", "辻\u{e0100}田");
        check("\u{fffe}\u{fdd0}x", "x");
    }
}
