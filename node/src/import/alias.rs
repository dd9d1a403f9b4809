//! What people write for the words of the register: headers of columns, everyday names of values.
//!
//! The definitions have the official terms and the aliases of the data contract; what else turns
//! up in the tables of colleges stands here.

use super::Target;

/// How surely a header names a target; more is surer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Another word for it.
    Alias,
    /// Its label.
    Label,
}

/// Returns which target a header names.
pub fn target(targets: &[Target], header: &str) -> Option<(usize, Fit)> {
    let whole = plain(header);
    let forms = [without_number(&whole), &without_brackets(&whole)].map(str::to_owned);
    forms.iter().filter(|form| !form.is_empty()).find_map(|form| named(targets, form))
}

fn named(targets: &[Target], form: &str) -> Option<(usize, Fit)> {
    let at = |fits: &dyn Fn(&Target) -> bool| targets.iter().position(fits);
    let is = |text: &str| plain(text) == form;
    let label = at(&|target| is(target.field.zh) || is(target.field.en) || target.key == form);
    let alias = || {
        at(&|target| {
            let more = MORE_HEADERS.iter().filter(|(key, _)| *key == target.key);
            let more = more.flat_map(|(_, headers)| headers.iter());
            target.field.aliases.iter().chain(more).any(|alias| is(alias))
        })
    };
    label.map(|at| (at, Fit::Label)).or_else(|| alias().map(|at| (at, Fit::Alias)))
}

/// Whether a header names something that every table has and no register needs.
pub fn is_ignored(header: &str) -> bool {
    let whole = plain(header);
    let form = without_brackets(&whole);
    IGNORED.contains(&form.as_str())
}

/// A header in the form that is compared: no spaces, asterisks and colons, plain letters.
pub fn plain(text: &str) -> String {
    let dropped = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || "*＊★※:：'\u{feff}\u{200b}\u{200e}\u{200f}".contains(c)
    };
    let kept = text.chars().filter(|c| !dropped(*c));
    kept.map(super::cell::ascii_of).flat_map(char::to_lowercase).collect()
}

/// `1.姓名`, `(1)姓名` and `①姓名` without the number.
fn without_number(text: &str) -> &str {
    let numbers = |c: char| c.is_ascii_digit() || ('①'..='⑳').contains(&c) || ".、)(".contains(c);
    let rest = text.trim_start_matches(numbers);
    if text.starts_with(|c: char| c.is_ascii_digit() || ('①'..='⑳').contains(&c)) {
        rest
    } else {
        text
    }
}

/// `手机号码(必填)` without what stands in brackets.
fn without_brackets(text: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::new();
    for c in without_number(text).chars() {
        match c {
            '(' | '[' | '【' | '〔' | '{' => depth += 1,
            ')' | ']' | '】' | '〕' | '}' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// Returns the official term for an everyday word of an enum.
pub fn value(key: &str, text: &str) -> Option<&'static str> {
    let form = plain(text);
    let form = [form.clone(), without_brackets(&form)];
    let (_, words) = VALUES.iter().find(|(of, _)| *of == key)?;
    let (_, official) = words.iter().find(|(word, _)| form.iter().any(|form| form == word))?;
    Some(official)
}

/// Headers that need no mapping.
const IGNORED: &[&str] = &[
    "序号",
    "序",
    "编号",
    "行号",
    "no",
    "no.",
    "#",
    "num",
    "照片",
    "照片文件名",
    "签名",
    "签字",
    "状态",
];

const MORE_HEADERS: &[(&str, &[&str])] = &[
    ("name", &["名字", "学员姓名", "学员", "姓名(中文)", "真实姓名"]),
    ("pinyin", &["姓名(拼音)", "拼音姓名"]),
    ("id_type", &["身份证件类型", "证件名称", "证件类别", "有效证件类型"]),
    (
        "id_number",
        &[
            "公民身份号码",
            "身份证",
            "身份证件号",
            "身份证件号码",
            "居民身份证号",
            "居民身份证号码",
            "身份号码",
            "有效证件号码",
            "有效证件号",
        ],
    ),
    ("birth_date", &["生日", "出生年月日", "出生时间"]),
    ("ethnicity", &["族别"]),
    (
        "phone",
        &[
            "手机号",
            "电话",
            "电话号码",
            "联系方式",
            "联系电话号码",
            "移动电话",
            "联系手机",
            "本人电话",
            "本人手机",
            "手机电话",
        ],
    ),
    ("email", &["电子邮件", "邮件", "email", "邮箱地址"]),
    ("learner_kind", &["考生类别", "人员类别", "学员类别"]),
    (
        "department",
        &["学院", "系", "院系名称", "所在院系", "所属院系", "院(系)", "二级院系", "院部"],
    ),
    ("major_code", &["专业编码", "专业代号"]),
    ("major_name", &["所学专业", "专业名", "就读专业"]),
    ("grade", &["入学年级", "所在年级", "入学年度", "入学年"]),
    ("class_name", &["所在班级", "行政班级", "班级名", "班"]),
    ("student_no", &["学生学号"]),
    ("education_level", &["办学层次", "培养层次", "学生层次", "层次类别"]),
    ("education", &["最高学历", "学历程度"]),
    ("employer", &["所在单位", "工作单位名称"]),
    ("address", &["联系地址", "通信地址", "家庭住址", "家庭地址", "住址"]),
    ("remark", &["备注说明"]),
    ("learner_confirmed", &["是否本人确认", "本人已确认", "学员确认"]),
];

type Words = &'static [(&'static str, &'static str)];

const VALUES: &[(&str, Words)] = &[
    (
        "education_level",
        &[
            ("大专", "高职"),
            ("专科", "高职"),
            ("高专", "高职"),
            ("高职高专", "高职"),
            ("高职专科", "高职"),
            ("高等职业", "高职"),
            ("高等职业教育", "高职"),
            ("大学专科", "高职"),
            ("中专", "中职"),
            ("职高", "中职"),
            ("职业高中", "中职"),
            ("中等职业", "中职"),
            ("中等职业教育", "中职"),
            ("大学本科", "本科"),
            ("普通本科", "本科"),
            ("职业本科", "本科"),
            ("应用型本科", "本科"),
        ],
    ),
    (
        "id_type",
        &[
            ("身份证", "居民身份证"),
            ("二代身份证", "居民身份证"),
            ("中华人民共和国居民身份证", "居民身份证"),
            ("港澳台居住证", "港澳台居民居住证"),
            ("居住证", "港澳台居民居住证"),
            ("港澳居民来往内地通行证", "港澳台居民通行证"),
            ("台湾居民来往大陆通行证", "港澳台居民通行证"),
            ("港澳通行证", "港澳台居民通行证"),
            ("台胞证", "港澳台居民通行证"),
            ("回乡证", "港澳台居民通行证"),
            ("外国护照", "护照"),
            ("普通护照", "护照"),
            ("外国人永久居留身份证", "外国人永久居留证"),
            ("永久居留证", "外国人永久居留证"),
        ],
    ),
    (
        "gender",
        &[("男性", "男"), ("男生", "男"), ("m", "男"), ("女性", "女"), ("女生", "女"), ("f", "女")],
    ),
    (
        "learner_kind",
        &[
            ("学生", "在校生"),
            ("在校学生", "在校生"),
            ("在读", "在校生"),
            ("全日制学生", "在校生"),
            ("社会", "社会人员"),
            ("社会考生", "社会人员"),
            ("社会学员", "社会人员"),
        ],
    ),
    (
        "learner_confirmed",
        &[("√", "是"), ("已确认", "是"), ("确认", "是"), ("×", "否"), ("未确认", "否")],
    ),
];

#[cfg(test)]
mod tests {
    use super::super::Roster;
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Option<&str>) {
        let targets = Roster::Learner.targets();
        let found = target(&targets, header).map(|(at, _)| targets[at].key);
        assert_eq!(found, expected, "{header}");
    }

    #[test]
    fn headers_are_known_in_many_forms() {
        for header in
            ["姓名", " 姓 名 ", "*姓名", "姓\n名", "姓名：", "1.姓名", "①姓名", "学生姓名", "Name"]
        {
            check(header, Some("name"));
        }
        for header in ["身份证号", "公民身份号码", "身份证号码（18位）", "证件号码*", "ID number"]
        {
            check(header, Some("id_number"));
        }
        check("手机号码(必填)", Some("phone"));
        check("院（系）", Some("department"));
        check("专业", Some("major_name"));
        check("专业编码", Some("major_code"));
        check("学历", Some("education"));
        check("学历层次", Some("education_level"));
        for header in ["宿舍号", "", "()", "姓名学号", "*"] {
            check(header, None);
        }
        assert!(is_ignored("序 号") && is_ignored("No.") && !is_ignored("宿舍号"));
    }

    #[test]
    fn every_word_names_a_value_or_a_column_that_there_is() {
        let mut targets = Roster::Learner.targets();
        targets.extend(Roster::Enrolment.targets());
        for (key, words) in VALUES {
            let target = targets.iter().find(|target| target.key == *key).expect(key);
            for (word, official) in *words {
                assert!((target.field.ty.parse)(official).is_ok(), "{word}: {official}");
                assert_eq!(*word, plain(word), "compared in this form");
            }
        }
        for (key, headers) in MORE_HEADERS {
            assert!(targets.iter().any(|target| target.key == *key), "{key}");
            assert!(headers.iter().all(|header| *header == plain(header)), "{key}");
        }
    }
}
