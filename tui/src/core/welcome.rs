//! The two questions of the first use, as actions, so that they are forms like any other.

use onex_crdt::action::{Action, FieldsGiven, Param, Run, Subject, Undo};
use onex_crdt::field::Field;
use onex_crdt::field::code::RegionCode;
use onex_crdt::field::text::{LongText, OrgName, PersonName};

const PERSON: Param = Param {
    key: "person",
    zh: "你的姓名",
    en: "your name",
    ty: <PersonName as Field>::TYPE,
    required: true,
};

/// Joins by an invitation.
pub static JOIN: Action = Action {
    id: "join",
    zh: "凭邀请加入",
    en: "Join by invitation",
    who: &[],
    kind: None,
    subject: Subject::Nothing,
    fields: FieldsGiven::None,
    params: &[
        Param {
            key: "file",
            zh: "邀请文件或邀请码",
            en: "invitation file or code",
            ty: <LongText<1000> as Field>::TYPE,
            required: true,
        },
        PERSON,
        Param {
            key: "address",
            zh: "邀请方地址（用邀请码时）",
            en: "inviter's address (with a code)",
            ty: <LongText<255> as Field>::TYPE,
            required: false,
        },
    ],
    from: &[],
    undo: Undo::No,
    run: Run::Node,
};

/// Founds a network.
pub static FOUND: Action = Action {
    id: "found",
    zh: "建立省级枢纽",
    en: "Found the provincial hub",
    who: &[],
    kind: None,
    subject: Subject::Nothing,
    fields: FieldsGiven::None,
    params: &[
        Param {
            key: "name",
            zh: "枢纽名称",
            en: "name of the hub",
            ty: <OrgName as Field>::TYPE,
            required: true,
        },
        Param {
            key: "region",
            zh: "行政区划代码",
            en: "region code",
            ty: <RegionCode as Field>::TYPE,
            required: true,
        },
        PERSON,
    ],
    from: &[],
    undo: Undo::No,
    run: Run::Node,
};
