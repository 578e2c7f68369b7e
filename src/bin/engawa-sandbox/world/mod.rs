//! The fictitious country the hub serves: written to `world.json` when the folder is made, read from there ever after.

mod facilities;
mod numbers;
mod people;

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};

pub(crate) use numbers::insurer;
pub(crate) use people::clients;

/// Everything that is fixed at the start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) note: String,
    pub(crate) seed: u64,
    pub(crate) made_on: Date,
    pub(crate) facilities: Vec<Facility>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) municipalities: Vec<Municipality>,
    pub(crate) people: Vec<Person>,
    pub(crate) requests: Vec<Request>,
}

/// An office or clinic that takes part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Facility {
    /// The folder under `facilities/`.
    pub(crate) folder: String,
    pub(crate) number: String,
    /// `kaigo-hoken`, `kaigo-dx` or `iryo`: the OU of its certificate.
    pub(crate) kind: String,
    pub(crate) service_kind: String,
    /// Other service kinds under the same number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) further_service_kinds: Vec<String>,
    /// Whether it is on the hub; one that is not can be named as a recipient and is refused.
    #[serde(default = "yes")]
    pub(crate) takes_part: bool,
    pub(crate) name: String,
}

impl Facility {
    /// Whether it offers a service kind.
    pub(crate) fn offers(&self, service_kind: &str) -> bool {
        self.service_kind == service_kind || self.further_service_kinds.iter().any(|kind| kind == service_kind)
    }
}

fn yes() -> bool {
    true
}

/// A member of a facility's staff.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) user_id: String,
    pub(crate) facility: String,
    pub(crate) job_kind: String,
    pub(crate) password: String,
}

/// An insurer and how far it has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Municipality {
    pub(crate) insurer_number: String,
    pub(crate) name: String,
    pub(crate) state: Progress,
    pub(crate) live_from: Option<Date>,
}

/// A municipality's way onto the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    Preparing,
    Migrating,
    Live,
}

/// An insured person. Nobody of this name, number or address exists.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) insurer_number: String,
    pub(crate) insured_number: String,
    pub(crate) name: String,
    pub(crate) kana: String,
    pub(crate) birth_date: Date,
    pub(crate) sex: String,
}

/// 主治医意見書作成依頼書: an insurer asks a clinic for an opinion.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) request_number: String,
    pub(crate) facility: String,
    pub(crate) insurer_number: String,
    pub(crate) insured_number: String,
    pub(crate) issued_at: String,
    pub(crate) due_date: Date,
}

/// The clinic most examples speak of.
pub(crate) const CLINIC: &str = "9910000011";

impl World {
    /// Makes the world of a seed, as of `today`.
    pub(crate) fn new(seed: u64, today: Date) -> Self {
        let municipalities = municipalities(today);
        let people = people::people(seed, &municipalities);
        let requests = requests(&people, today);
        Self {
            note: "All of it is fictitious: prefecture 99 does not exist.".to_owned(),
            seed,
            made_on: today,
            facilities: facilities::facilities(),
            accounts: facilities::accounts(seed),
            municipalities,
            people,
            requests,
        }
    }

    /// The facility of a number.
    pub(crate) fn facility(&self, number: &str) -> Option<&Facility> {
        self.facilities.iter().find(|f| f.number == number)
    }
}

fn municipalities(today: Date) -> Vec<Municipality> {
    let soon = day(today, 60.days());
    [
        ("99999", "架空市", Progress::Live, Some(day(today, (-90).days()))),
        ("99001", "見本市", Progress::Live, Some(day(today, (-30).days()))),
        ("99002", "移行町", Progress::Migrating, Some(soon)),
        ("99003", "準備村", Progress::Preparing, None),
    ]
    .into_iter()
    .map(|(stem, name, state, live_from)| Municipality {
        insurer_number: insurer(stem),
        name: name.to_owned(),
        state,
        live_from,
    })
    .collect()
}

fn requests(people: &[Person], today: Date) -> Vec<Request> {
    (1_i64..).zip(people).take(8).map(|(n, person)| request(n, person, today)).collect()
}

/// The statutory limit is 30 days from the application; the requests were issued on different days of the last weeks.
fn request(n: i64, person: &Person, today: Date) -> Request {
    let issued = day(today, (-(n * 3)).days());
    Request {
        request_number: format!("{n:04}"),
        facility: CLINIC.to_owned(),
        insurer_number: person.insurer_number.clone(),
        insured_number: person.insured_number.clone(),
        issued_at: format!("{issued}T09:00:00+09:00"),
        due_date: day(issued, 30.days()),
    }
}

fn day(date: Date, span: Span) -> Date {
    date.checked_add(span).unwrap_or(date)
}
