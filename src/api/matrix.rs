//! Who may use which route: the table of routes and the table of roles, multiplied. What docs/routes.md shows and what the tests walk.

use super::caller::Door;
use super::routes::{method_name, table};
use crate::order;
use crate::people::Role;
use crate::terminal::Right;

/// Somebody at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comer {
    /// Without any credential, on the LAN. (Programs of the box itself may read the metrics without one.)
    Stranger,
    /// At a paired browser where nobody has logged in.
    Browser,
    /// Logged in with a one-time password.
    OneTime,
    /// Logged in, at a browser that was given every right.
    Role(Role),
    /// An API key or a software terminal with this right alone.
    Key(Right),
    /// The administrator of the box, on the Unix socket.
    Local,
}

impl Comer {
    /// Everybody whom the matrix knows.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let people = [Self::Stranger, Self::Browser, Self::OneTime].into_iter().chain(Role::ALL.map(Self::Role));
        people.chain(Right::ALL.map(Self::Key)).chain([Self::Local]).collect()
    }
}

/// One line of the matrix.
#[derive(Clone, Debug)]
pub struct Permission {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, with `{…}` for parameters.
    pub path: String,
    /// What it is called in the trail; empty: it leaves no record.
    pub act: &'static str,
    door: Door,
    rights: &'static [Right],
}

impl Permission {
    /// The same for whoever comes from the box itself, where some things take no credential.
    #[must_use]
    pub fn allows_on_the_box(&self, comer: Comer) -> bool {
        self.door == Door::Inside || self.allows(comer)
    }

    /// The same of a facility that is not the box's first one.
    #[must_use]
    pub fn allows_elsewhere(&self, comer: Comer) -> bool {
        (self.door != Door::Box || comer == Comer::Local) && self.allows(comer)
    }

    /// Whether `comer`, who is of the box's first facility, is let in. Whatever is not named here is not.
    #[must_use]
    pub fn allows(&self, comer: Comer) -> bool {
        match (self.door, comer) {
            (Door::Open, _)
            | (Door::Inside, Comer::Role(_) | Comer::Local)
            | (Door::Browser, Comer::Browser | Comer::OneTime | Comer::Role(_))
            | (Door::Person, Comer::OneTime | Comer::Role(_))
            | (Door::Rights | Door::Box | Door::Local, Comer::Local) => true,
            (Door::Rights | Door::Box, Comer::Role(role)) => {
                self.rights.iter().any(|right| role.rights().contains(right))
            }
            (Door::Rights | Door::Box | Door::Inside, Comer::Key(right)) => self.rights.contains(&right),
            _ => false,
        }
    }
}

impl Permission {
    fn mark(&self, comer: Comer) -> &'static str {
        match (self.allows(comer), self.allows_elsewhere(comer)) {
            (true, true) => "✓",
            (true, false) => "①",
            (false, _) => "",
        }
    }
}

/// Every route, in the order of their paths.
#[must_use]
pub fn permissions() -> Vec<Permission> {
    let lines = table().into_iter().map(|route| Permission {
        method: method_name(&route.method),
        path: route.path,
        act: route.act,
        door: route.door,
        rights: route.rights,
    });
    let mut lines: Vec<_> = lines.collect();
    order::sort_by(&mut lines, |a, b| (&a.path, a.method).cmp(&(&b.path, b.method)));
    lines
}

const HEAD: &str = "# Who may use which route

Made from the table of routes and the table of roles by `UPDATE_DOCS=1 cargo test --test sim`; what is not named here is refused. A test walks every
line with everybody, at the endpoint itself.

- **stranger**: without any credential, on the LAN (on the box itself `GET /metrics` takes none). **browser**: a paired browser where nobody has logged in. **1×**: somebody who has logged in with a one-time
  password. **local**: root or the daemon's own user, on the Unix socket.
- The roles are those of people who have logged in at a paired browser; what its terminal was not given, they may not do either
  ([access.md](access.md)).
- **key**: the rights of which an API key or a software terminal needs one. A key or terminal that is bound to a person may do what that person's
  role allows as well.
- Refused are 401 (nobody, or nobody any longer) and 403 (known, but may not). What belongs to another facility is not there: 404, or not in the list.
- **①**: at the first facility of the box only, as it is about all of them ([facilities.md](facilities.md)).
- **trail**: what the act is called in the trail ([audit.md](audit.md)).

";

const COLUMNS: [(&str, Comer); 9] = [
    ("stranger", Comer::Stranger),
    ("browser", Comer::Browser),
    ("1×", Comer::OneTime),
    ("管理者<br>administrator", Comer::Role(Role::Administrator)),
    ("介護支援専門員<br>care-manager", Comer::Role(Role::CareManager)),
    ("事務<br>clerk", Comer::Role(Role::Clerk)),
    ("医師<br>doctor", Comer::Role(Role::Doctor)),
    ("保守業者<br>vendor", Comer::Role(Role::Vendor)),
    ("local", Comer::Local),
];

/// The page docs/routes.md.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
    page.push_str(&format!("| route | {} | key | trail |\n", names.join(" | ")));
    page.push_str(&format!("|---|{}---|---|\n", ":-:|".repeat(COLUMNS.len())));
    for line in permissions() {
        let cells: Vec<_> = COLUMNS.iter().map(|(_, comer)| line.mark(*comer)).collect();
        let rights: Vec<_> = Right::ALL.into_iter().filter(|right| line.allows(Comer::Key(*right))).collect();
        let key = if rights.len() == Right::ALL.len() {
            "any, or none".to_owned()
        } else if line.door == Door::Certificate {
            "a terminal's own certificate".to_owned()
        } else {
            let name = |right: &Right| format!("`{}`{}", right.name(), if line.door == Door::Box { " ①" } else { "" });
            rights.iter().map(name).collect::<Vec<_>>().join(" ")
        };
        let act = if line.act.is_empty() { String::new() } else { format!("`{}`", line.act) };
        page.push_str(&format!("| `{} {}` | {} | {key} | {act} |\n", line.method, line.path, cells.join(" | ")));
    }
    page
}
