//! Pictures of the widgets with the data of the mockups (tui.md 5.6): two sizes, two languages,
//! and without colour. The files are in `snapshots` beside this one.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::input::TextInput;
use crate::core::keys::{Code, Key};
use crate::core::menu::Menu;
use crate::i18n::Lang;
use crate::view::empty::EmptyState;
use crate::view::form::{Choices, Field, FieldState, Form};
use crate::view::frame::{Notice, ScreenFrame};
use crate::view::help::Help;
use crate::view::hints::Hint;
use crate::view::palette::{Palette, PaletteEntry};
use crate::view::rail::Tab;
use crate::view::shot::shot;
use crate::view::table::{Align, Cell, Column, ColumnWidth, Keep, Row, Sorted, Table};
use crate::view::theme::{Glyphs, Look, Mark, Scheme};

type Draw = fn(Rect, &mut Buffer, Look) -> Option<Position>;

/// Compares the widget at both sizes, in both languages and without colour with its pictures.
fn check(name: &str, draw: Draw) {
    for (lang, tongue) in [(Lang::Zh, "zh"), (Lang::En, "en")] {
        for (width, height) in [(80, 24), (120, 40)] {
            let look = Look { scheme: Scheme::Colour, lang };
            let picture = shot(width, height, |area, buffer| draw(area, buffer, look));
            insta::assert_snapshot!(format!("{name}_{tongue}_{width}x{height}"), picture);
        }
    }
    let look = Look { scheme: Scheme::Mono, lang: Lang::Zh };
    let picture = shot(80, 24, |area, buffer| draw(area, buffer, look));
    insta::assert_snapshot!(format!("{name}_mono"), picture);
}

fn words(lang: Lang, zh: &str, en: &str) -> String {
    match lang {
        Lang::Zh => zh.into(),
        Lang::En => en.into(),
    }
}

fn hints(lang: Lang) -> Vec<Hint> {
    let hint = |keys: &str, zh, en| Hint { keys: keys.into(), text: words(lang, zh, en) };
    vec![
        hint("↑↓", "选择", "move"),
        hint("Enter", "办理", "do it"),
        hint("/", "查找", "find"),
        hint(&Key::char(' ').label(lang), "勾选", "tick"),
        hint("F5", "导出", "export"),
        hint("F1", "帮助", "help"),
        hint("F10", "菜单", "menu"),
        hint(&Key::plain(Code::Esc).label(lang), "返回", "back"),
    ]
}

fn in_frame(
    area: Rect,
    buffer: &mut Buffer,
    look: Look,
    body: impl FnOnce(Rect, &mut Buffer) -> Option<Position>,
) -> Option<Position> {
    let names = [
        ('1', "今日", "Today", 4),
        ('2', "申报", "Pilots", 1),
        ('5', "成绩", "Results", 0),
        ('6', "证书", "Certs", 0),
        ('-', "同步", "Sync", 1),
        ('=', "设置", "Settings", 0),
    ];
    let tabs =
        names.map(|(digit, zh, en, badge)| Tab { digit, title: words(look.lang, zh, en), badge });
    let saved = words(look.lang, "所有修改已保存在本机", "All changes are saved on this computer");
    let synced = words(look.lang, "已同步 09:41", "Synced 09:41");
    let frame = ScreenFrame {
        title: &words(look.lang, "1+X 试点协同", "1+X pilots"),
        organisation: "江城职业技术学院",
        person: &words(look.lang, "王芳 院校协调员", "王芳 coordinator"),
        sync: Notice { mark: Mark::Good, text: &synced },
        tabs: &tabs,
        current: Some('5'),
        message: Some(Notice { mark: Mark::Good, text: &saved }),
        hints: &hints(look.lang),
    };
    let inside = frame.draw(area, buffer, look)?;
    body(inside, buffer)
}

fn table_columns(look: Look) -> [Column; 6] {
    let column = |zh, en, width, align, keep| Column {
        title: words(look.lang, zh, en),
        width,
        align,
        keep,
        sorted: None,
    };
    let mut columns = [
        column("序号", "No.", ColumnWidth::Fixed(6), Align::Right, Keep::Always),
        column("姓名", "Name", ColumnWidth::AtLeast(8), Align::Left, Keep::Always),
        column("班级", "Class", ColumnWidth::Fixed(10), Align::Left, Keep::IfRoom),
        column("证书", "Certificate", ColumnWidth::AtLeast(20), Align::Left, Keep::Always),
        column("成绩", "Score", ColumnWidth::Fixed(6), Align::Right, Keep::Always),
        column("结果", "Result", ColumnWidth::Fixed(10), Align::Left, Keep::Always),
    ];
    columns[0].sorted = Some(Sorted::Upwards);
    columns
}

fn table_rows() -> Vec<Row> {
    let people = [
        ("王芳", "86.5", Mark::Good, "通过"),
        ("张𫝎伟", "58.5", Mark::Problem, "未通过"),
        ("张小娜", "59.5", Mark::Attention, "复核中"),
        ("赵敏", "-", Mark::Absent, "缺考"),
        ("阿依古丽·买买提江·吐尔逊", "91.0", Mark::Good, "通过"),
    ];
    let mut rows: Vec<Row> = people
        .iter()
        .zip(10_341..)
        .map(|((name, score, mark, result), number)| Row::Ready {
            cells: vec![
                number.to_string().as_str().into(),
                (*name).into(),
                "软件2302".into(),
                "工业机器人操作与运维(中级)".into(),
                (*score).into(),
                Cell { mark: Some(*mark), text: (*result).into() },
            ],
            ticked: matches!(mark, Mark::Attention | Mark::Problem),
        })
        .collect();
    rows.push(Row::Loading);
    rows
}

fn table(area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
    let (columns, rows) = (table_columns(look), table_rows());
    in_frame(area, buffer, look, |inside, buffer| {
        let table = Table {
            columns: &columns,
            rows: &rows,
            offset: 1_000,
            total: 482_310,
            selected: Some(1_002),
            ticked: 2,
        };
        table.draw(inside, buffer, look);
        None
    })
}

fn fields(lang: Lang) -> Vec<Field> {
    let field = |zh, en, value: &str, mark, text: &str, help: &str| Field {
        label: words(lang, zh, en),
        value: value.into(),
        state: FieldState { mark, text: text.into() },
        help: help.into(),
    };
    let why =
        "为什么要填：省级枢纽按“台套数 ÷ 工位数”核定单次可考人数。\n示例：48 个工位配 48 套终端。";
    let wrong = Some(Mark::Problem);
    vec![
        field("实训室名称", "Room", "智能财税实训中心", Some(Mark::Good), "", ""),
        field("工位数", "Seats", "48", Some(Mark::Good), "不少于计划人数 40", ""),
        field("设备台套数", "Machines", "4", wrong, "少于工位数 48，请核对", why),
        field("设备清单", "Inventory", "", wrong, "必填：Enter 选择文件", ""),
        field("等级", "Level", "初级", Some(Mark::Good), "", "F4 展开选项"),
        field("备注", "Remark", "", None, "选填，最多 200 字", ""),
    ]
}

fn form(area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
    let input = TextInput::new("4", 5);
    let form = Form {
        reason: Some("省级枢纽 陈老师 11-19 退回：请补充实训设备清单，注明台套数。"),
        fields: &fields(look.lang),
        focused: 2,
        input: Some(&input),
        choices: None,
        missing: 2,
    };
    in_frame(area, buffer, look, |inside, buffer| form.draw(inside, buffer, look))
}

fn form_choices(area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
    let options = ["初级", "中级", "高级"].map(String::from);
    let form = Form {
        reason: None,
        fields: &fields(look.lang),
        focused: 4,
        input: None,
        choices: Some(Choices { options: &options, selected: 1, query: &TextInput::new("", 9) }),
        missing: 0,
    };
    in_frame(area, buffer, look, |inside, buffer| form.draw(inside, buffer, look))
}

fn palette(area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
    let actions = [
        ("打开", "成绩", "5"),
        ("导出", "本批成绩 (xlsx / csv)", "F5"),
        ("申请", "成绩复核", "F6"),
        ("打开", "证书", "6"),
        ("帮助", "成绩怎么计算", "F1"),
    ];
    let found = Menu::new(actions.map(|(_, title, _)| title)).find("chengji");
    let entries: Vec<PaletteEntry> = found
        .into_iter()
        .map(|hit| {
            let (kind, title, key) = actions[hit.entry];
            let (kind, title, key) = (kind.into(), title.into(), key.into());
            PaletteEntry { kind, title, graphemes: hit.graphemes, key }
        })
        .collect();
    let query = TextInput::new("chengji", 40);
    table(area, buffer, look);
    Palette { query: &query, entries: &entries, selected: 0 }.draw(area, buffer, look)
}

fn help(area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
    table(area, buffer, look);
    let hints = hints(look.lang);
    let place = words(look.lang, "成绩", "Results");
    let help = Help { place: &place, here: &hints[..5], anywhere: &hints[5..], scroll: 0 };
    help.draw(area, buffer, look);
    None
}

fn empty(area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
    let choices = ["查看制证进度", "查看上一批证书"].map(String::from);
    let empty = EmptyState {
        title: "这里还没有证书。",
        reason: "证书会在评价组织公布成绩并制证之后，自动出现在这里。",
        choices: &choices,
        selected: 0,
    };
    in_frame(area, buffer, look, |inside, buffer| empty.draw(inside, buffer, look))
}

#[test]
fn tables_look_like_the_mockup() {
    check("table", table);
}

#[test]
fn forms_look_like_the_mockup() {
    check("form", form);
    check("form_choices", form_choices);
}

#[test]
fn popups_look_like_the_mockup() {
    check("palette", palette);
    check("help", help);
}

#[test]
fn an_empty_list_says_what_to_do() {
    check("empty", empty);
}

#[test]
fn a_narrow_window_keeps_what_matters() {
    let look = Look::default();
    insta::assert_snapshot!("table_zh_60x16", shot(60, 16, |area, out| table(area, out, look)));
    insta::assert_snapshot!("form_zh_60x16", shot(60, 16, |area, out| form(area, out, look)));
    insta::assert_snapshot!("small_zh_20x8", shot(20, 8, |area, out| table(area, out, look)));
}

#[test]
fn doubtful_glyphs_have_stand_ins_on_a_whole_screen() {
    let picture = shot(120, 40, |area, buffer| {
        let cursor = palette(area, buffer, Look::default());
        Glyphs::Safe.settle(buffer);
        cursor
    });
    assert!(!picture.contains(['─', '│', '…', '┌', '·', '▏', '↑']), "{picture}");
}
