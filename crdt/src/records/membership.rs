//! Devices and roles: actions that the node carries out, since they are statements, not records.
//!
//! What a removal cuts off is the membership log's matter.

use crate::action::{Action, FieldsGiven, Param, Run, Subject, Undo};
use crate::field::text::{LongText, PersonName, Text};
use crate::field::{Field, choices};
use crate::roles::OrgRole::{self, College, Evaluator, Hub};
use crate::roles::PersonRole::{self, Admin, Officer};

use crate::field::code::OrgRef;

const ADMINS: &[(OrgRole, &[PersonRole])] =
    &[(Hub, &[Admin, Officer]), (College, &[Admin]), (Evaluator, &[Admin])];

/// Writes an invitation: for a further device of the own organisation, or, by the hub, for the
/// first device of another. Trust A6.
pub const DEVICE_INVITE: Action = Action {
    id: "device.invite",
    zh: "生成邀请",
    en: "Invite device",
    who: ADMINS,
    kind: None,
    subject: Subject::Nothing,
    fields: FieldsGiven::None,
    params: &[
        Param::required("out", "文件", "file", <LongText<1000> as Field>::TYPE),
        Param::optional("role", "角色", "role", <OrgRole as Field>::TYPE),
        Param::optional("org_id", "机构", "organisation", <OrgRef as Field>::TYPE),
    ],
    from: &[],
    undo: Undo::By("device.cancel"),
    run: Run::Node,
};

/// Lets a device in whose digits are the same on both screens. Trust A6.
pub const DEVICE_CONFIRM: Action = Action {
    id: "device.confirm",
    zh: "确认设备",
    en: "Confirm device",
    params: &[Param::required("digits", "核对数字", "digits", <Text<1, 60> as Field>::TYPE)],
    undo: Undo::No,
    ..DEVICE_INVITE
};

/// Makes an invitation useless.
pub const DEVICE_CANCEL: Action = Action {
    id: "device.cancel",
    zh: "作废邀请",
    en: "Cancel invitation",
    params: &[Param::required("id", "邀请", "invitation", <Text<8, 32> as Field>::TYPE)],
    undo: Undo::By("device.invite"),
    ..DEVICE_INVITE
};

/// Removes a device for good: what it held beyond what others have is kept apart. C18.
pub const DEVICE_REMOVE: Action = Action {
    id: "device.remove",
    zh: "移除设备",
    en: "Remove device",
    who: &[(Hub, &[Admin, PersonRole::Lead]), (College, &[Admin]), (Evaluator, &[Admin])],
    params: &[
        Param::required("id", "设备", "device", <Text<8, 32> as Field>::TYPE),
        Param::required("reason", "原因", "reason", <RemovalReason as Field>::TYPE),
    ],
    undo: Undo::No,
    ..DEVICE_INVITE
};

/// Writes the content of a change that was kept apart again, as the admin's own. C18, C31.
pub const DEVICE_ADOPT: Action = Action {
    id: "device.adopt",
    zh: "采用隔离的更改",
    en: "Adopt quarantined work",
    who: &[(Hub, &[Admin]), (College, &[Admin]), (Evaluator, &[Admin])],
    params: &[Param::required("id", "隔离的更改", "change", <Text<8, 32> as Field>::TYPE)],
    undo: Undo::Edit,
    ..DEVICE_INVITE
};

choices! {
    /// Why a device is removed (移除原因).
    RemovalReason {
        Lost = "lost" "丢失或被盗" "lost or stolen",
        Left = "left" "人员离开" "its person has left",
        Replaced = "replaced" "更换设备" "replaced",
    }
}

const DEVICE: Param = Param::required("device", "设备", "device", <Text<8, 32> as Field>::TYPE);
const PERSON: Param = Param::required("person", "姓名", "person", <PersonName as Field>::TYPE);
const ROLE: Param = Param::required("role", "角色", "role", <PersonRole as Field>::TYPE);

/// Gives a person at a device a role.
pub const ROLE_GRANT: Action = Action {
    id: "role.grant",
    zh: "授予角色",
    en: "Grant role",
    who: &[(Hub, &[Admin, PersonRole::Lead]), (College, &[Admin]), (Evaluator, &[Admin])],
    params: &[DEVICE, PERSON, ROLE],
    undo: Undo::By("role.remove"),
    ..DEVICE_INVITE
};

/// Takes a role away.
pub const ROLE_REMOVE: Action = Action {
    id: "role.remove",
    zh: "收回角色",
    en: "Remove role",
    undo: Undo::By("role.grant"),
    ..ROLE_GRANT
};
