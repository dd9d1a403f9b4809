//! Every sentence a person reads, in Chinese and in English (Fluent files in `tui/i18n`).
//!
//! Nothing here guesses the language: `run::environment` and the settings say which one.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// The language of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lang {
    /// Simplified Chinese (`zh-CN`), the default.
    #[default]
    Zh,
    /// British English (`en-GB`).
    En,
}

/// A value put into a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg<'a> {
    /// A count: it chooses plural forms and is written with thousands separators.
    Count(u64),
    /// Anything else, already written out: names, years, dates.
    Text(&'a str),
}

impl From<u64> for Arg<'_> {
    fn from(count: u64) -> Self {
        Arg::Count(count)
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Arg::Text(text)
    }
}

/// Returns the sentence `id` in `lang`; an unknown `id` is returned as it is, so that a missing
/// sentence is seen and nothing stops.
pub fn tr(lang: Lang, id: &str, args: &[(&str, Arg<'_>)]) -> String {
    let bundle = match lang {
        Lang::Zh => &*ZH,
        Lang::En => &*EN,
    };
    let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
        return id.into();
    };
    let mut values = FluentArgs::new();
    for (name, arg) in args {
        match arg {
            Arg::Count(count) => values.set(*name, *count),
            Arg::Text(text) => values.set(*name, *text),
        }
    }
    bundle.format_pattern(pattern, Some(&values), &mut Vec::new()).into_owned()
}

/// Whether there is a sentence `id`.
pub fn is_known(lang: Lang, id: &str) -> bool {
    let bundle = if lang == Lang::Zh { &*ZH } else { &*EN };
    bundle.has_message(id)
}

/// Returns `count` with a comma between thousands: `482,310`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

static ZH: LazyLock<Bundle> = LazyLock::new(|| bundle_of("zh-CN", ZH_SOURCE));
static EN: LazyLock<Bundle> = LazyLock::new(|| bundle_of("en-GB", EN_SOURCE));

type Bundle = FluentBundle<FluentResource>;

const ZH_SOURCE: &str = include_str!("../i18n/zh.ftl");
const EN_SOURCE: &str = include_str!("../i18n/en.ftl");

/// A sentence that does not parse is left out; the tests below refuse such a file.
fn bundle_of(language: &str, source: &str) -> Bundle {
    let language: LanguageIdentifier = language.parse().expect("a constant of this file");
    let resource = match FluentResource::try_new(source.into()) {
        Ok(resource) | Err((resource, _)) => resource,
    };
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(number_written));
    bundle.add_resource_overriding(resource);
    bundle
}

fn number_written<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    match value {
        FluentValue::Number(number) if number.value >= 0.0 && number.value.fract() == 0.0 => {
            Some(grouped(number.value as u64))
        }
        _ => None,
    }
}

/// How ids of sentences begin: a sentence that is not written shows as its id.
#[cfg(test)]
pub fn families() -> std::collections::BTreeSet<String> {
    let lines = ZH_SOURCE.lines().filter(|line| !line.starts_with(' '));
    let ids = lines.filter_map(|line| line.split_once(" =")?.0.split_once('-'));
    ids.map(|(family, _)| format!("{family}-")).collect()
}

/// The ids of the sentences of one family.
#[cfg(test)]
pub fn ids_of(family: &str) -> std::collections::BTreeSet<String> {
    let lines = ZH_SOURCE.lines().filter(|line| !line.starts_with(' '));
    let ids = lines.filter_map(|line| line.split_once(" =")).map(|(id, _)| id);
    let is_of = |id: &&str| *id == family || id.starts_with(&format!("{family}-"));
    ids.filter(is_of).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::*;

    /// Returns the sentences of a file with the arguments each one uses.
    fn sentences(source: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in source.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            if let Some((id, _)) = line.split_once(" =").filter(|_| !line.starts_with(' ')) {
                current = id.into();
                assert!(found.insert(id.into(), BTreeSet::new()).is_none(), "{id} twice");
            }
            for piece in line.split('$').skip(1) {
                let end = piece.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
                let name = &piece[..end.unwrap_or(piece.len())];
                found.entry(current.clone()).or_default().insert(name.into());
            }
        }
        found
    }

    #[test]
    fn both_languages_say_the_same_things() {
        assert_eq!(sentences(ZH_SOURCE), sentences(EN_SOURCE));
        for source in [ZH_SOURCE, EN_SOURCE] {
            assert!(FluentResource::try_new(source.into()).is_ok(), "the file parses");
        }
    }

    #[test]
    fn every_sentence_used_in_the_source_exists() {
        let known = sentences(ZH_SOURCE);
        let mut used = BTreeSet::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        each_source(&root, &mut |source| ids_used(source, &mut used));
        assert!(used.contains("table-position"), "the search finds ids at all");
        for id in used {
            assert!(known.contains_key(&id), "{id} is used and not written");
        }
    }

    /// Beginnings of ids whose ends name something of the layers below.
    const FAMILIES: [&str; 11] = [
        "check-",
        "command-import-",
        "damage-",
        "document-",
        "held-",
        "mark-",
        "mend-",
        "next-",
        "problem-",
        "why-",
        "why-root-",
    ];

    #[test]
    fn every_sentence_is_used() {
        let mut texts = BTreeSet::new();
        for folder in ["tui", "node", "protocol", "crdt"] {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("src");
            each_source(&root, &mut |source| {
                texts.extend(source.split('"').map(str::to_owned));
            });
        }
        let said = |id: &str| texts.contains(id);
        // Those of the command line's help are counted where they are used.
        let known = sentences(ZH_SOURCE);
        for id in known.keys().filter(|id| *id != "usage" && !id.starts_with("usage-")) {
            let mut ends = FAMILIES.iter().filter_map(|family| id.strip_prefix(family));
            let is_used = said(id)
                || ends.any(|end| said(end) || said(&end.replace('-', "_")))
                || id.strip_suffix("-of").is_some_and(said);
            assert!(is_used, "{id} is written and not used");
        }
    }

    #[test]
    fn every_kind_of_document_has_a_name() {
        let known = sentences(ZH_SOURCE);
        for kind in onex_crdt::header::DOCUMENT_KINDS {
            assert!(known.contains_key(&format!("document-{}", kind.key)), "{}", kind.key);
        }
    }

    fn each_source(folder: &Path, see: &mut dyn FnMut(&str)) {
        for entry in std::fs::read_dir(folder).expect("the source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                each_source(&path, see);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                see(&std::fs::read_to_string(&path).expect("a source file"));
            }
        }
    }

    /// Collects the first string after each `tr(` that looks like an id.
    fn ids_used(source: &str, used: &mut BTreeSet<String>) {
        for call in source.split("tr(").skip(1) {
            let id = call.split('"').nth(1).unwrap_or_default();
            let near = call.find('"').is_some_and(|at| at < 30);
            let is_id = id.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            if near && is_id && id.contains('-') {
                used.insert(id.into());
            }
        }
    }

    #[test]
    fn sentences_carry_their_values() {
        let args = [("row", Arg::Count(4)), ("total", Arg::Count(482_310))];
        assert_eq!(tr(Lang::Zh, "table-position", &args), "第 4 行 / 482,310");
        assert_eq!(tr(Lang::En, "table-position", &args), "row 4 / 482,310");
        let one = [("count", Arg::Count(1))];
        assert_eq!(tr(Lang::En, "form-missing", &one), "1 field to go before you can submit");
        let two = [("count", Arg::Count(2))];
        assert_eq!(tr(Lang::En, "form-missing", &two), "2 fields to go before you can submit");
        assert_eq!(tr(Lang::Zh, "form-missing", &two), "还差 2 项就能提交");
        assert_eq!(tr(Lang::Zh, "no such sentence", &[]), "no such sentence");
    }

    #[test]
    fn numbers_are_grouped() {
        for (count, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1234567, "1,234,567")]
        {
            assert_eq!(grouped(count), expected);
        }
    }
}
