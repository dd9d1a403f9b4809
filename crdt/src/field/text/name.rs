//! Names: of organisations, persons and certificates, each in one form so that it can be compared.
//!
//! Whether somebody bears the name is not asked; characters are known by their blocks, so that
//! every version of the program takes the same ones.

use super::{ascii_of, code_clean, is_hanzi, is_hidden, length_check, line_clean, text_field};
use crate::field::FieldError;

text_field!(
    /// The full name of an organisation: 2-60 characters, no spaces, brackets （）. Requirements 2.1.
    OrgName,
    org_name
);
text_field!(
    /// The name of a person: 2-50 hanzi and `·`, or Latin letters. Requirements 2.4.
    ///
    /// Spaces between hanzi, which rosters use to align names, are dropped.
    PersonName,
    person_name
);
text_field!(
    /// The name of a certificate with its suffix 职业技能等级证书, at most 80 characters.
    ///
    /// Asterisks and spaces beside hanzi are dropped, brackets are （）. Requirements 2.2.
    CertificateName,
    certificate_name
);

text_field!(
    /// A name in pinyin (姓名拼音): Latin letters, spaces, apostrophes; lower case. Requirements 2.4.
    Pinyin,
    pinyin
);

fn pinyin(text: &str) -> Result<String, FieldError> {
    let spelt = code_clean(text)?.to_lowercase().chars().map(person_name_character).collect();
    let spelt: String = spelt;
    if !spelt.chars().all(|c| is_latin(c) || " -'·".contains(c)) {
        return Err(FieldError::Characters);
    }
    length_check(spelt.split_whitespace().collect::<Vec<_>>().join(" "), 1, 120)
}

/// The form of letters, digits and brackets in names of organisations and certificates.
fn name_character(c: char) -> char {
    match c {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => ascii_of(c),
        '(' => '（',
        ')' => '）',
        _ => c,
    }
}

fn org_name(text: &str) -> Result<String, FieldError> {
    let name = line_clean(&text.chars().map(name_character).collect::<String>())?;
    if name.chars().any(|c| c.is_whitespace() || is_hidden(c)) {
        return Err(FieldError::Characters);
    }
    length_check(name, 2, 60)
}

fn person_name(text: &str) -> Result<String, FieldError> {
    let name: String = code_clean(text)?.chars().map(person_name_character).collect();
    let words: Vec<&str> = name.split_whitespace().collect();
    let (name, letter, between): (_, fn(char) -> bool, _) = if name.contains(is_hanzi) {
        (words.concat(), is_hanzi, "·")
    } else {
        (words.join(" "), is_latin, " -'")
    };
    let allowed = name.chars().all(|c| letter(c) || between.contains(c));
    if !allowed || !name.starts_with(letter) || !name.ends_with(letter) || name.contains("··") {
        return Err(FieldError::Characters);
    }
    length_check(name, 2, 50)
}

fn person_name_character(c: char) -> char {
    match c {
        '•' | '‧' | '・' | '･' | '∙' | '⋅' => '·',
        '‘' | '’' | 'ʼ' => '\'',
        '‐' | '‑' => '-',
        _ => c,
    }
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}') && !"×÷".contains(c)
}

fn certificate_name(text: &str) -> Result<String, FieldError> {
    let name = text.chars().filter(|c| !"*＊".contains(*c)).map(name_character);
    let name = line_clean(&name.collect::<String>())?;
    if name.chars().any(is_hidden) {
        return Err(FieldError::Characters);
    }
    let name = words_joined(&name);
    let stem = [CERTIFICATE_SUFFIX, "职业技能等级"].iter().find_map(|end| name.strip_suffix(end));
    match stem.unwrap_or(&name) {
        "" => Err(FieldError::Missing),
        stem => length_check(format!("{stem}{CERTIFICATE_SUFFIX}"), 9, 80),
    }
}

/// Drops the spaces beside a hanzi or a bracket; what stays beside each other cannot compose.
fn words_joined(text: &str) -> String {
    let close = |c: char| is_hanzi(c) || "（）".contains(c);
    let mut joined = String::new();
    for word in text.split_whitespace() {
        let apart = !joined.is_empty() && !joined.ends_with(close) && !word.starts_with(close);
        joined.push_str(if apart { " " } else { "" });
        joined.push_str(word);
    }
    joined
}

const CERTIFICATE_SUFFIX: &str = "职业技能等级证书";

#[cfg(test)]
mod tests {
    use super::super::tests::{check, length};
    use super::*;
    use crate::field::FieldError as E;

    #[test]
    fn names_of_organisations_have_one_form() {
        check::<OrgName>("联想(北京)有限公司", Ok("联想（北京）有限公司"));
        check::<OrgName>("\u{3000}ＴＣＬ科技集团股份有限公司 ", Ok("TCL科技集团股份有限公司"));
        check::<OrgName>("陕西省1+X证书试点项目办", Ok("陕西省1+X证书试点项目办"));
        check::<OrgName>("西安 职业技术学院", Err(E::Characters));
        check::<OrgName>("西安\u{3000}职业技术学院", Err(E::Characters));
        check::<OrgName>("校", length(2, 60, 1));
        check::<OrgName>(&"校".repeat(61), length(2, 60, 61));
    }

    #[test]
    fn names_of_persons_are_hanzi_or_latin() {
        for name in ["欧阳静", "张䶮", "李㛃", "周𬭚", "吴𫝎", "阿依古丽·买买提", "王〇"]
        {
            check::<PersonName>(name, Ok(name));
        }
        for dot in ['•', '‧', '・', '･', '\u{387}'] {
            check::<PersonName>(&format!("阿里{dot}木"), Ok("阿里·木"));
        }
        check::<PersonName>("张\u{3000}三 ", Ok("张三"));
        check::<PersonName>("O’Neil  Anne-Marie", Ok("O'Neil Anne-Marie"));
        check::<PersonName>("Ａｎｎａ Zoë", Ok("Anna Zoë"));
        check::<PersonName>("王", length(2, 50, 1));
        check::<PersonName>(&"a ".repeat(500_000), length(2, 50, 999_999));
        for name in
            ["王?", "王？芳", "王\u{fffd}", "王1", "·王芳", "王··芳", "王芳·", "张Anna", "-Li"]
        {
            check::<PersonName>(name, Err(E::Characters));
        }
    }

    #[test]
    fn names_in_pinyin_are_lower_case() {
        check::<Pinyin>("OuYang  Jing", Ok("ouyang jing"));
        check::<Pinyin>("lǜ", Ok("lǜ"));
        check::<Pinyin>("张 wei", Err(E::Characters));
        check::<Pinyin>("wei2", Err(E::Characters));
    }

    #[test]
    fn names_of_certificates_end_alike() {
        let full = "轨道交通电气设备装调职业技能等级证书";
        for name in ["轨道交通电气设备装调", "*轨道交通电气设备装调＊", full] {
            check::<CertificateName>(name, Ok(full));
        }
        check::<CertificateName>("智能财税职业技能等级", Ok("智能财税职业技能等级证书"));
        check::<CertificateName>("建筑信息模型(BIM)", Ok("建筑信息模型（BIM）职业技能等级证书"));
        check::<CertificateName>("Web 前端开发", Ok("Web前端开发职业技能等级证书"));
        check::<CertificateName>("Adobe After Effects", Ok("Adobe After Effects职业技能等级证书"));
        check::<CertificateName>("A y \u{300}", Ok("A y \u{300}职业技能等级证书"));
        check::<CertificateName>("职业技能等级证书", Err(E::Missing));
        check::<CertificateName>("**", Err(E::Missing));
        check::<CertificateName>(&"长".repeat(73), length(9, 80, 81));
    }
}
