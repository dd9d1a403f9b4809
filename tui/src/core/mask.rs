//! Masks for personal data: what lists, screens and `--json` show in the place of secret fields
//! (contract, "Masks").
//!
//! Who may read the true value is not decided here; everybody sees the mask.

use onex_crdt::field::{Shape, show};
use onex_crdt::record::FieldDef;
use onex_crdt::value::Value;

/// Returns what a person may be shown of a value: secret ones masked, others in words.
///
/// A secret file has no mask: its digest is not shown at all.
pub fn shown(field: &FieldDef, value: &Value, chinese: bool) -> Option<String> {
    if field.secret { masked(field, value) } else { Some(show(&field.ty.shape, value, chinese)) }
}

/// Returns the mask of a secret value, or nothing for the digest of a file.
pub fn masked(field: &FieldDef, value: &Value) -> Option<String> {
    let text = match (&field.ty.shape, value) {
        (Shape::Digest, _) => return None,
        (shape, value) => show(shape, value, false),
    };
    Some(match field.key {
        _ if matches!(field.ty.shape, Shape::Date) => birth_date(&text),
        "id_number" => tail(&text),
        "email" => email(&text),
        key if key.ends_with("phone") => phone(&text),
        key if key.ends_with("name") => name(&text),
        _ => head(&text, TEXT_SHOWN),
    })
}

/// The surname stays: `王*`, and `欧阳*` for a known surname of two characters.
fn name(text: &str) -> String {
    let compound = COMPOUND_SURNAMES.iter().find(|surname| text.starts_with(**surname));
    head(text, compound.map_or(1, |surname| surname.chars().count()))
}

/// The first characters stay, one asterisk stands for the rest, however long.
fn head(text: &str, count: usize) -> String {
    text.chars().take(count).chain(['*']).collect()
}

/// The last four characters stay, each other one becomes an asterisk.
fn tail(text: &str) -> String {
    let hidden = text.chars().count().saturating_sub(4);
    "*".repeat(hidden) + &text.chars().skip(hidden).collect::<String>()
}

/// The first three and the last four digits stay: `139****0021`.
fn phone(text: &str) -> String {
    let digits: Vec<char> = text.chars().collect();
    if digits.len() < PHONE_DIGITS {
        return tail(text);
    }
    let last = digits.len() - 4;
    let hidden = std::iter::repeat_n('*', last - 3);
    digits[..3].iter().copied().chain(hidden).chain(digits[last..].iter().copied()).collect()
}

/// The first character and the domain stay: `w*@example.edu.cn`.
fn email(text: &str) -> String {
    let (user, domain) = text.split_once('@').unwrap_or((text, ""));
    head(user, 1) + "@" + domain
}

/// The year stays: `2004-**-**`.
fn birth_date(text: &str) -> String {
    let year: String = text.chars().take(4).collect();
    year + "-**-**"
}

/// Characters of any other secret text that stay.
const TEXT_SHOWN: usize = 2;
/// Shorter numbers show their last four digits only.
const PHONE_DIGITS: usize = 8;

/// Surnames of two characters that are still borne; the mask keeps both.
const COMPOUND_SURNAMES: [&str; 20] = [
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "司空",
    "夏侯", "宇文", "长孙", "端木", "南宫", "独孤", "澹台", "轩辕",
];

#[cfg(test)]
mod tests {
    use onex_crdt::record::Record;
    use onex_crdt::records::contact::Contact;

    use super::*;

    /// A field of that key and type, secret.
    fn secret(key: &'static str, shape: Shape) -> FieldDef {
        let mut field = *Contact::KIND.field("name").expect("a contact has a name");
        field.key = key;
        field.ty.shape = shape;
        field
    }

    #[track_caller]
    fn check(key: &'static str, text: &str, expected: &str) {
        let shape = if key == "birth_date" { Shape::Date } else { Shape::Text };
        let value = Value::Text(text.to_owned());
        assert_eq!(masked(&secret(key, shape), &value).as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn masks_keep_what_the_contract_names() {
        check("name", "王芳", "王*");
        check("name", "欧阳静", "欧阳*");
        check("contact_name", "阿依古丽·买买提", "阿*");
        check("id_number", "610199200401010021", "**************0021");
        check("phone", "13900000021", "139****0021");
        check("contact_phone", "13900000021", "139****0021");
        check("email", "wang.fang@example.edu.cn", "w*@example.edu.cn");
        check("birth_date", "2004-01-01", "2004-**-**");
        check("address", "西安市未央区", "西安*");
        check("name", "", "*");
        check("phone", "123", "123");
        check("email", "nobody", "n*@");
    }

    #[test]
    fn digests_of_files_are_not_shown() {
        let photo = secret("photo_digest", Shape::Digest);
        assert_eq!(masked(&photo, &Value::Bytes(vec![1; 32])), None);
    }

    #[test]
    fn what_is_not_secret_is_shown_in_words() {
        let duty = Contact::KIND.field("duty").expect("a contact has a duty");
        let value = Value::Text("finance".to_owned());
        assert_eq!(shown(duty, &value, true).as_deref(), Some("财务"));
        assert_eq!(shown(duty, &value, false).as_deref(), Some("finance"));
    }
}
