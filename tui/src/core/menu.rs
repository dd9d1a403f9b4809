//! Search in menus: by title, by full pinyin, by initials, best first.
//!
//! For some hundred entries only. Records are searched by the store (tui.md 2.2: 346 ms for half
//! a million strings here).

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use pinyin::{ToPinyin, ToPinyinMulti};
use unicode_segmentation::UnicodeSegmentation;

use crate::core::keys::ascii_of;

/// The searchable form of a menu; build it once and after a change of language.
pub struct Menu {
    entries: Vec<Entry>,
    matcher: Matcher,
}

/// One entry that fits the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuMatch {
    /// Place of the entry in the list the menu was built from.
    pub entry: usize,
    /// Grapheme indices of the title to highlight, ascending.
    pub graphemes: Vec<usize>,
}

impl Menu {
    /// Returns the menu of these titles.
    pub fn new<'a>(titles: impl IntoIterator<Item = &'a str>) -> Menu {
        let entries = titles.into_iter().map(Entry::new).collect();
        Menu { entries, matcher: Matcher::new(Config::DEFAULT) }
    }

    /// Returns the entries that fit `query`, best first; an empty query fits all, in menu order.
    pub fn find(&mut self, query: &str) -> Vec<MenuMatch> {
        let query: String = query.chars().map(ascii_of).collect();
        let words = Words::new(query.trim());
        let mut found: Vec<(u32, MenuMatch)> = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(entry, known)| {
                let (score, graphemes) = known.best(&words, &mut self.matcher)?;
                Some((score, MenuMatch { entry, graphemes }))
            })
            .collect();
        found.sort_by_key(|(score, hit)| (std::cmp::Reverse(*score), hit.entry));
        found.into_iter().map(|(_, hit)| hit).collect()
    }
}

struct Words {
    in_title: Pattern,
    in_pinyin: Pattern,
}

impl Words {
    fn new(query: &str) -> Words {
        let pattern = |kind| Pattern::new(query, CaseMatching::Ignore, Normalization::Smart, kind);
        Words { in_title: pattern(AtomKind::Fuzzy), in_pinyin: pattern(AtomKind::Substring) }
    }
}

struct Entry {
    title: String,
    spellings: Vec<Spelling>,
}

impl Entry {
    fn new(title: &str) -> Entry {
        Entry { title: title.into(), spellings: spellings_of(title) }
    }

    fn best(&self, words: &Words, matcher: &mut Matcher) -> Option<(u32, Vec<usize>)> {
        let in_title = found_in(&self.title, &words.in_title, matcher);
        let in_pinyin = self.spellings.iter().filter_map(|spelling| {
            let (score, mut places) = found_in(&spelling.text, &words.in_pinyin, matcher)?;
            places = places.iter().filter_map(|at| spelling.owners.get(*at).copied()).collect();
            Some((score, places))
        });
        let mut best = in_title;
        for (score, places) in in_pinyin {
            if best.as_ref().is_none_or(|(known, _)| score > *known) {
                best = Some((score, places));
            }
        }
        let (score, mut places) = best?;
        places.sort_unstable();
        places.dedup();
        Some((score, places))
    }
}

fn found_in(text: &str, pattern: &Pattern, matcher: &mut Matcher) -> Option<(u32, Vec<usize>)> {
    let (mut letters, mut places) = (Vec::new(), Vec::new());
    let score = pattern.indices(Utf32Str::new(text, &mut letters), matcher, &mut places)?;
    Some((score, places.into_iter().map(|at| at as usize).collect()))
}

/// One way to write a title in Latin letters; `owners[i]` is the grapheme that letter `i` spells.
#[derive(Clone, Default)]
struct Spelling {
    text: String,
    owners: Vec<usize>,
}

impl Spelling {
    fn with(&self, letters: &str, owner: usize) -> Spelling {
        let mut longer = self.clone();
        longer.text.push_str(letters);
        longer.owners.extend(letters.chars().map(|_| owner));
        longer
    }
}

/// Returns the full and the initial spellings, with the readings of 长, 重, 行 and their like, at most
/// `SPELLINGS_MAX` of each.
fn spellings_of(title: &str) -> Vec<Spelling> {
    let (mut full, mut initials) = (vec![Spelling::default()], vec![Spelling::default()]);
    for (owner, grapheme) in title.graphemes(true).enumerate() {
        let readings = readings_of(grapheme);
        if readings.is_empty() {
            continue;
        }
        let firsts = readings.iter().map(|reading| reading.chars().take(1).collect()).collect();
        full = longer(&full, &readings, owner);
        initials = longer(&initials, &firsts, owner);
    }
    full.append(&mut initials);
    full.dedup_by(|one, other| one.text == other.text);
    full
}

fn longer(spellings: &[Spelling], readings: &Vec<String>, owner: usize) -> Vec<Spelling> {
    let mut out: Vec<Spelling> = Vec::new();
    for reading in readings {
        for spelling in spellings {
            let next = spelling.with(reading, owner);
            if out.len() < SPELLINGS_MAX && out.iter().all(|known| known.text != next.text) {
                out.push(next);
            }
        }
    }
    out
}

fn readings_of(grapheme: &str) -> Vec<String> {
    let Some(letter) = grapheme.chars().next() else {
        return Vec::new();
    };
    if letter.is_ascii_alphanumeric() {
        return vec![letter.to_ascii_lowercase().into()];
    }
    let mut readings: Vec<String> =
        letter.to_pinyin().map(|usual| usual.plain().replace('ü', "v")).into_iter().collect();
    let others = letter.to_pinyin_multi().filter(|_| READ_IN_TWO_WAYS.contains(letter));
    for reading in others.into_iter().flatten() {
        let plain = reading.plain().replace('ü', "v");
        if !readings.contains(&plain) {
            readings.push(plain);
        }
    }
    readings
}

const SPELLINGS_MAX: usize = 8;
/// Hanzi of menus with two common readings. The others keep one: 提 is hardly ever `chi`.
const READ_IN_TWO_WAYS: &str = "重长行调会单数量率校教处传当供降解模参差查便称间相应更都和号";

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: [&str; 6] =
        ["打开 成绩", "导出 本批成绩 (xlsx)", "申请 成绩复核", "重新提交", "打开 证书", "女生名单"];

    #[track_caller]
    fn check(query: &str, expected: &[&str]) {
        let found: Vec<&str> =
            Menu::new(TITLES).find(query).iter().map(|hit| TITLES[hit.entry]).collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn a_menu_is_found_by_hanzi_pinyin_and_initials() {
        check("证书", &["打开 证书"]);
        check("zhengshu", &["打开 证书"]);
        check("dkzs", &["打开 证书"]);
        check("ＺＳ", &["打开 证书"]);
        check("xlsx", &["导出 本批成绩 (xlsx)"]);
        check("chongxin", &["重新提交"]);
        check("nvsheng", &["女生名单"]);
        check("没有", &[]);
        check("", &TITLES);
        check("   ", &TITLES);
    }

    #[test]
    fn all_grades_are_found_by_cj() {
        check("cj", &["打开 成绩", "导出 本批成绩 (xlsx)", "申请 成绩复核"]);
    }

    #[test]
    fn the_hanzi_behind_the_pinyin_are_marked() {
        let mut menu = Menu::new(TITLES);
        assert_eq!(menu.find("zhengs")[0].graphemes, [3, 4]);
        assert_eq!(menu.find("zs")[0].graphemes, [3, 4]);
        assert_eq!(menu.find("证")[0].graphemes, [3]);
    }
}
