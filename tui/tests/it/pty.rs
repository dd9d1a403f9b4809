//! A day at two real terminals: a college writes a line, the hub returns it, the college mends it.
//!
//! Three processes and QUIC between them. What the rules are is tested where they stand.

use super::program::{Home, Running, command};
use super::terminal::Terminal;

#[test]
fn a_college_and_the_hub_at_real_terminals() {
    let home = Home::empty();
    let province = home.folder.path().join("province");
    let dir = province.to_str().expect("UTF-8");
    home.json(&["demo", "--dir", dir, "--no-tui"]);
    let mut serve = command(&province, &["serve", "--json"]);
    serve.env("ONEX_HOME", province.join("hub-1"));
    let _hub = Running::begin(serve);

    let mut officer = Terminal::open(&province.join("hub-2"));
    officer.see("[1今日]").see("孙涛");

    let mut college = Terminal::open(&province.join("xatl-1"));
    look_around(&mut college);
    begin_line(&mut college);
    submit(&mut college);
    speak_english(&mut college);
    find_and_help(&mut college);
    return_line(&mut officer);
    mend_line(&mut college);
    officer.press("Ctrl+R").see_row(&["已提交", "智能财税", "西安铁路"]);
    college.leave();
    officer.leave();
}

fn look_around(college: &mut Terminal) {
    college.see("[1今日]").see("西安铁路职业技术学院").see("王芳");
    college.press("2").see("[2申报]").see("轨道交通电气设备装调").see("F6 新增申报项");
}

/// A line of the other listed certificate, refused at the field that is wrong, then mended.
fn begin_line(college: &mut Terminal) {
    college.press("F6").see("证书等级");
    college.write("智能财税").see_row(&["▸", "初级"]).check_cursor("智能财税");
    college.press("Enter").see_row(&["▸", "证书等级", "初级"]);
    college.down_to("对接专业代码").fill("530302");
    college.down_to("专业名称").fill("大数据与会计");
    college
        .down_to("学历层次")
        .press("Space")
        .see("本科")
        .press("Down Enter")
        .see_row(&["▸", "高职"]);
    college.down_to("在校生数").fill("100");
    college.down_to("计划试点人数").fill("120");
    college.down_to("申请考核站点").press("Space").see("否").press("Enter").see_row(&["▸", "✓"]);
    college.down_to("联系人").fill("王芳");
    college.down_to("联系电话").fill("13900000021");
    college.press("F2").see_row(&["▸", "计划试点人数", "✗"]).check_cursor("120");
    college.see("不能超过在校生数 100").see("还差 1 项就能提交");
    college.press("Ctrl+U").fill("80").see("还没有保存").press("F2");
    college.see("新增申报项：已保存在本机").see_row(&["▸", "草稿", "智能财税"]);
}

fn submit(college: &mut Terminal) {
    college.press("F7").see_row(&["▸", "签批领导"]).see("提交后，省项目办");
    college.press("F2").see("必填，还没有填写");
    college.fill("李院长").press("F2").see_row(&["▸", "已提交", "智能财税"]);
    college.press("Ctrl+R").see("已与");
}

fn speak_english(college: &mut Terminal) {
    college.press("F3").see("[2Applications]").see_row(&["▸", "submitted", "智能财税"]);
    college.press("F3").see("[2申报]");
}

fn find_and_help(college: &mut Terminal) {
    college.press("F10").see("想做什么");
    college.write("立即").see_row(&["▸", "立即同步"]).check_cursor("立即");
    college.press("Esc").wait("no palette", |shown| !shown.contains("立即同步"));
    college.press("F1").see("任何页面都可以");
    college.press("Esc").see("F7 提交申报项");
}

fn return_line(officer: &mut Terminal) {
    officer.press("2").see("F7 退回补正").see_row(&["已提交", "智能财税", "西安铁路"]);
    officer.down_to("智能财税").press("F6").see("这是第一人签署").press("F2");
    officer.see("院校与培训评价组织还没有生效的协议");
    officer.press("Esc").see("F7 退回补正").press("F7").see("院校会看到理由");
    officer.fill(REASON);
    officer.press("F2").see("审核备案：已保存在本机");
    officer.wait("an empty queue", |shown| !shown.contains("智能财税"));
    officer.press("Ctrl+R").see("已与");
}

fn mend_line(college: &mut Terminal) {
    college.press("Ctrl+R").see_row(&["▸", "退回补正", "智能财税"]);
    college.press("Enter").see_row(&["原因", REASON]);
    college.down_to("已获师资培训人数").fill("3");
    college.press("F2").see("修改申报项：已保存在本机");
    college.press("F7").see("签批领导").see("李院长").press("F2");
    college.see_row(&["▸", "已提交", "智能财税"]);
    college.press("Ctrl+R").see("已与");
}

#[test]
fn what_was_typed_survives_the_end_of_the_program() {
    let home = Home::hub();
    let node = home.folder.path().join("node");
    let mut first = Terminal::open(&node);
    first.see("[1今日]").press("F10").write("登记机构").see_row(&["▸", "登记机构"]).press("Enter");
    first.down_to("机构名称").fill("西安铁路职业技术学院").see("已自动保存");
    first.kill();

    let mut second = Terminal::open(&node);
    second.see_row(&["没有写完", "登记机构"]).press("Enter").see("已恢复上次没有写完的内容");
    second.see("西安铁路职业技术学院").press("F8").see("按 F8 恢复");
    second.wait("an empty form", |shown| !shown.contains("西安铁路职业技术学院"));
    second.leave();
    let mut third = Terminal::open(&node);
    third.see("今天没有要办的事");
    third.leave();
}

/// What the officer writes when she returns the line.
const REASON: &str = "缺少已获师资培训人数，请补填";
