//! A shop with thirty customers of which two are bad, and the job that brings them to the CRM.

use crate::process::{Ran, Simulator, Workspace};

pub const CUSTOMERS: u64 = 30;

/// Two systems and a workspace with the job `contacts`.
pub struct Scene {
    pub simulator: Simulator,
    pub workspace: Workspace,
}

impl Scene {
    /// With two customers whom the CRM refuses: number 7 for its e-mail address, number 8 for its telephone number.
    pub fn with_two_bad_customers() -> Self {
        let simulator = Simulator::start(CUSTOMERS, 5);
        simulator.act("customers/spoil?id=cus_000007&how=email");
        simulator.act("customers/spoil?id=cus_000008&how=phone");
        let workspace = Workspace::new(&config(&simulator, ""));
        Self { simulator, workspace }
    }

    pub fn healthy() -> Self {
        let simulator = Simulator::start(CUSTOMERS, 5);
        let workspace = Workspace::new(&config(&simulator, ""));
        Self { simulator, workspace }
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        self.workspace.run(words)
    }
}

/// The configuration; `auth` goes into both connections.
pub fn config(simulator: &Simulator, auth: &str) -> String {
    let (shop, crm) = (&simulator.shop, &simulator.crm);
    format!(
        r#"
[workspace]
name = "command"
state = "state"

[connections.shop]
type = "rest"
base_url = "{shop}/api"
timeout = "5s"
retry = {{ attempts = 2, first_delay = "10ms", max_delay = "20ms" }}
{auth}

[connections.crm]
type = "rest"
base_url = "{crm}/v2"
timeout = "5s"
retry = {{ attempts = 2, first_delay = "10ms", max_delay = "20ms" }}
{auth}

[jobs.contacts]
[jobs.contacts.source]
connection = "shop"
path = "/cursor/customers"
query = {{ limit = "10" }}
records = "/data"
id = "/id"
version = "/updated_at"
deleted = "/deleted"
paginate = {{ type = "cursor", next = "/next_cursor", param = "cursor" }}
incremental = {{ param = "updated_since", overlap = "0s" }}
one = {{ path = "/customers/{{{{ id }}}}" }}
[jobs.contacts.destination]
connection = "crm"
write = "upsert"
path = "/contacts/{{{{ id }}}}"
"#
    )
}
