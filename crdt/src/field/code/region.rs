//! Region codes (行政区划代码, GB/T 2260): all of Shaanxi, the provinces of the rest.
//!
//! The codes and names are those of 2021, with what they replaced as far as the pilot has seen
//! it: 神木 (2017), 凤翔 and 旬阳 (2021). Other provinces' codes are not looked up below province.

use crate::field::FieldError;
use crate::field::text::{code_clean, text_field};

text_field!(
    /// A region of six digits that GB/T 2260 listed in some year. Requirements 2.1, Appendix A.
    RegionCode,
    region_code
);

impl RegionCode {
    /// Tells whether the code was in force in a year; outside Shaanxi it is taken to be.
    pub fn valid_in(&self, year: u16) -> bool {
        region_find(self.as_str()).is_none_or(|region| (region.from..=region.to).contains(&year))
    }

    /// The Chinese name of the region; outside Shaanxi that of its province.
    pub fn name(&self) -> &'static str {
        match region_find(self.as_str()) {
            Some(region) => region.name,
            None => province_name(self.as_str()).unwrap_or_default(),
        }
    }
}

/// Returns the name of the province whose two digits a code begins with.
pub(super) fn province_name(code: &str) -> Option<&'static str> {
    let at = PROVINCES.binary_search_by_key(&code.get(..2)?, |(digits, _)| digits).ok()?;
    Some(PROVINCES[at].1)
}

/// A code with its name and the years in which it was in force, both included.
struct Region {
    code: &'static str,
    name: &'static str,
    from: u16,
    to: u16,
}

const fn region(code: &'static str, name: &'static str) -> Region {
    Region { code, name, from: 0, to: u16::MAX }
}

const fn newer(code: &'static str, name: &'static str, from: u16) -> Region {
    Region { code, name, from, to: u16::MAX }
}

const fn former(code: &'static str, name: &'static str, to: u16) -> Region {
    Region { code, name, from: 0, to }
}

fn region_find(code: &str) -> Option<&'static Region> {
    SHAANXI.binary_search_by_key(&code, |region| region.code).ok().map(|at| &SHAANXI[at])
}

fn region_code(text: &str) -> Result<String, FieldError> {
    let code = code_clean(text)?;
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FieldError::Form { form: "6 digits" });
    }
    let known = if code.starts_with("61") {
        region_find(&code).is_some()
    } else {
        province_name(&code).is_some()
    };
    if known { Ok(code) } else { Err(FieldError::UnknownCode) }
}

/// The first two digits of every province that the pilot deals with, ascending.
#[rustfmt::skip]
const PROVINCES: &[(&str, &str)] = &[
    ("11", "北京市"),
    ("12", "天津市"),
    ("13", "河北省"),
    ("14", "山西省"),
    ("15", "内蒙古自治区"),
    ("21", "辽宁省"),
    ("22", "吉林省"),
    ("23", "黑龙江省"),
    ("31", "上海市"),
    ("32", "江苏省"),
    ("33", "浙江省"),
    ("34", "安徽省"),
    ("35", "福建省"),
    ("36", "江西省"),
    ("37", "山东省"),
    ("41", "河南省"),
    ("42", "湖北省"),
    ("43", "湖南省"),
    ("44", "广东省"),
    ("45", "广西壮族自治区"),
    ("46", "海南省"),
    ("50", "重庆市"),
    ("51", "四川省"),
    ("52", "贵州省"),
    ("53", "云南省"),
    ("54", "西藏自治区"),
    ("61", "陕西省"),
    ("62", "甘肃省"),
    ("63", "青海省"),
    ("64", "宁夏回族自治区"),
    ("65", "新疆维吾尔自治区"),
];

/// Shaanxi, ascending. 西咸新区 has no code of its own.
#[rustfmt::skip]
const SHAANXI: &[Region] = &[
    region("610000", "陕西省"),
    region("610100", "西安市"),
    region("610102", "新城区"),
    region("610103", "碑林区"),
    region("610104", "莲湖区"),
    region("610111", "灞桥区"),
    region("610112", "未央区"),
    region("610113", "雁塔区"),
    region("610114", "阎良区"),
    region("610115", "临潼区"),
    region("610116", "长安区"),
    region("610117", "高陵区"),
    region("610118", "鄠邑区"),
    region("610122", "蓝田县"),
    region("610124", "周至县"),
    region("610200", "铜川市"),
    region("610202", "王益区"),
    region("610203", "印台区"),
    region("610204", "耀州区"),
    region("610222", "宜君县"),
    region("610300", "宝鸡市"),
    region("610302", "渭滨区"),
    region("610303", "金台区"),
    region("610304", "陈仓区"),
    newer("610305", "凤翔区", 2021),
    former("610322", "凤翔县", 2020),
    region("610323", "岐山县"),
    region("610324", "扶风县"),
    region("610326", "眉县"),
    region("610327", "陇县"),
    region("610328", "千阳县"),
    region("610329", "麟游县"),
    region("610330", "凤县"),
    region("610331", "太白县"),
    region("610400", "咸阳市"),
    region("610402", "秦都区"),
    region("610403", "杨陵区"),
    region("610404", "渭城区"),
    region("610422", "三原县"),
    region("610423", "泾阳县"),
    region("610424", "乾县"),
    region("610425", "礼泉县"),
    region("610426", "永寿县"),
    region("610428", "长武县"),
    region("610429", "旬邑县"),
    region("610430", "淳化县"),
    region("610431", "武功县"),
    region("610481", "兴平市"),
    region("610482", "彬州市"),
    region("610500", "渭南市"),
    region("610502", "临渭区"),
    region("610503", "华州区"),
    region("610522", "潼关县"),
    region("610523", "大荔县"),
    region("610524", "合阳县"),
    region("610525", "澄城县"),
    region("610526", "蒲城县"),
    region("610527", "白水县"),
    region("610528", "富平县"),
    region("610581", "韩城市"),
    region("610582", "华阴市"),
    region("610600", "延安市"),
    region("610602", "宝塔区"),
    region("610603", "安塞区"),
    region("610621", "延长县"),
    region("610622", "延川县"),
    region("610625", "志丹县"),
    region("610626", "吴起县"),
    region("610627", "甘泉县"),
    region("610628", "富县"),
    region("610629", "洛川县"),
    region("610630", "宜川县"),
    region("610631", "黄龙县"),
    region("610632", "黄陵县"),
    region("610681", "子长市"),
    region("610700", "汉中市"),
    region("610702", "汉台区"),
    region("610703", "南郑区"),
    region("610722", "城固县"),
    region("610723", "洋县"),
    region("610724", "西乡县"),
    region("610725", "勉县"),
    region("610726", "宁强县"),
    region("610727", "略阳县"),
    region("610728", "镇巴县"),
    region("610729", "留坝县"),
    region("610730", "佛坪县"),
    region("610800", "榆林市"),
    region("610802", "榆阳区"),
    region("610803", "横山区"),
    former("610821", "神木县", 2016),
    region("610822", "府谷县"),
    region("610824", "靖边县"),
    region("610825", "定边县"),
    region("610826", "绥德县"),
    region("610827", "米脂县"),
    region("610828", "佳县"),
    region("610829", "吴堡县"),
    region("610830", "清涧县"),
    region("610831", "子洲县"),
    newer("610881", "神木市", 2017),
    region("610900", "安康市"),
    region("610902", "汉滨区"),
    region("610921", "汉阴县"),
    region("610922", "石泉县"),
    region("610923", "宁陕县"),
    region("610924", "紫阳县"),
    region("610925", "岚皋县"),
    region("610926", "平利县"),
    region("610927", "镇坪县"),
    former("610928", "旬阳县", 2020),
    region("610929", "白河县"),
    newer("610981", "旬阳市", 2021),
    region("611000", "商洛市"),
    region("611002", "商州区"),
    region("611021", "洛南县"),
    region("611022", "丹凤县"),
    region("611023", "商南县"),
    region("611024", "山阳县"),
    region("611025", "镇安县"),
    region("611026", "柞水县"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Result<&str, FieldError>) {
        let found = RegionCode::parse(input).map(|code| code.name());
        assert_eq!(found, expected, "{input}");
    }

    fn check_years(code: &str, valid: &[u16], invalid: &[u16]) {
        let code = RegionCode::parse(code).expect("a code that was valid once");
        assert!(valid.iter().all(|year| code.valid_in(*year)), "{code:?}");
        assert!(!invalid.iter().any(|year| code.valid_in(*year)), "{code:?}");
    }

    #[test]
    fn the_tables_are_sorted() {
        assert!(SHAANXI.is_sorted_by(|a, b| a.code < b.code));
        assert!(PROVINCES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!((SHAANXI.len(), PROVINCES.len()), (121, 31));
    }

    #[test]
    fn codes_have_names() {
        check("610000", Ok("陕西省"));
        check("６１０１００ ", Ok("西安市"));
        check("610403", Ok("杨陵区"));
        check("610822", Ok("府谷县"));
        check("611026", Ok("柞水县"));
        check("440305", Ok("广东省"));
        check("110000", Ok("北京市"));
    }

    #[test]
    fn unknown_codes_are_refused() {
        check("610199", Err(FieldError::UnknownCode));
        check("660000", Err(FieldError::UnknownCode));
        check("990000", Err(FieldError::UnknownCode));
        for text in ["61010", "6101000", "61XX01", "西安市"] {
            check(text, Err(FieldError::Form { form: "6 digits" }));
        }
        check("61\u{202e}0100", Err(FieldError::Characters));
        check(&"6".repeat(1 << 20), Err(FieldError::Form { form: "6 digits" }));
    }

    #[test]
    fn codes_hold_for_their_years() {
        check_years("610322", &[2019, 2020], &[2021, 2026]);
        check_years("610305", &[2021, 2026], &[2019, 2020]);
        check_years("610928", &[2020], &[2021]);
        check_years("610981", &[2021], &[2020]);
        check_years("610821", &[2016], &[2017, 2019]);
        check_years("610881", &[2017, 2019], &[2016]);
        check_years("610100", &[2000, 2019, 2099], &[]);
        check_years("440305", &[2019], &[]);
    }
}
