//! Who somebody is: the role of an organisation, and the roles of a person at a device.
//!
//! What a role allows stands with each action (`actions`), not here.

use crate::field::choices;

choices! {
    /// What an organisation is in the pilot (机构类别). Requirements 2.1.
    OrgRole {
        Hub = "hub" "省项目办" "project office",
        College = "college" "试点院校" "college",
        Evaluator = "evaluator" "培训评价组织" "evaluator",
        Observer = "observer" "主管部门或第三方机构" "observer",
    }
}

choices! {
    /// What a person may do at a device (contract, "Who may").
    PersonRole {
        Lead = "lead" "项目办负责人" "lead",
        Officer = "officer" "项目办工作人员" "officer",
        Coordinator = "coordinator" "院校协调员" "coordinator",
        Academic = "academic" "教务" "academic office",
        Finance = "finance" "财务" "finance",
        Teacher = "teacher" "教师" "teacher",
        Leader = "leader" "分管领导" "leader",
        Invigilator = "invigilator" "监考员" "invigilator",
        Manager = "manager" "考务" "manager",
        Examiner = "examiner" "考评员" "examiner",
        CertificateOfficer = "certificate_officer" "证书管理员" "certificate officer",
        Admin = "admin" "系统管理员" "administrator",
    }
}

impl PersonRole {
    /// Whether a person of such an organisation can hold this role.
    pub fn fits(self, org: OrgRole) -> bool {
        use PersonRole::*;
        match self {
            Admin => true,
            Lead | Officer => org == OrgRole::Hub,
            Coordinator | Academic | Finance | Teacher | Leader | Invigilator => {
                org == OrgRole::College
            }
            Manager | Examiner | CertificateOfficer => org == OrgRole::Evaluator,
        }
    }
}
