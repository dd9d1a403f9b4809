//! Where the node lives, where its passphrase is, which language is spoken: read from the environment, nowhere else.

use std::path::PathBuf;

use crate::i18n::Lang;

/// Returns the node's folder: `$ONEX_HOME`, else `onex` in the platform's data folder.
pub fn home() -> PathBuf {
    let read = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(home) = read("ONEX_HOME") {
        return home.into();
    }
    let user = || PathBuf::from(read("HOME").or(read("USERPROFILE")).unwrap_or_default());
    let data = if cfg!(windows) {
        read("APPDATA").map_or_else(|| user().join("AppData/Roaming"), PathBuf::from)
    } else if cfg!(target_os = "macos") {
        user().join("Library/Application Support")
    } else {
        read("XDG_DATA_HOME").map_or_else(|| user().join(".local/share"), PathBuf::from)
    };
    data.join("onex")
}

/// Returns the file with the passphrase, `$ONEX_PASSPHRASE_FILE`, if one is named.
pub fn passphrase_file() -> Option<PathBuf> {
    std::env::var_os("ONEX_PASSPHRASE_FILE").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Whether new keys may go to the system's keystore: unless `$ONEX_KEYSTORE` says `off`.
pub fn keystore_is_wanted() -> bool {
    std::env::var_os("ONEX_KEYSTORE").is_none_or(|wish| wish != "off")
}

/// Returns the language of sentences: `$ONEX_LANG`, else the system's; Chinese unless either
/// says English.
pub fn lang() -> Lang {
    let names = ["ONEX_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];
    let mut set = names.into_iter().filter_map(|name| std::env::var(name).ok());
    lang_of(set.find(|value| !value.is_empty()).as_deref())
}

fn lang_of(value: Option<&str>) -> Lang {
    if value.is_some_and(|value| value.starts_with("en")) { Lang::En } else { Lang::Zh }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_unless_english_is_asked_for() {
        for (value, expected) in [
            (None, Lang::Zh),
            (Some("en_GB.UTF-8"), Lang::En),
            (Some("en"), Lang::En),
            (Some("zh_CN.UTF-8"), Lang::Zh),
            (Some("C.UTF-8"), Lang::Zh),
        ] {
            assert_eq!(lang_of(value), expected, "{value:?}");
        }
    }
}
