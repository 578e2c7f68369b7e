//! One row, run.

use engawa::fault::Code;
use serde_json::json;

use super::PATIENCE;
use super::house::Lane;
use super::scene::Scene;
use super::table::{Deed, Mend, Row, Then};
use crate::support::http::Answer;
use crate::support::until;
use crate::support::vcard::{PIN, TEXT_PIN};

/// Runs a row; how it differs from what it says.
pub(super) fn run(lane: Lane<'_>, row: &Row) -> Vec<String> {
    let holder = lane.holder(row.kind);
    prepare(lane, row, &holder);
    let mut scene = Scene::new(lane);
    let (pins, tries) = (lane.pins(), lane.tries(&holder));
    let answer = do_it(&mut scene, row);
    let mut differences = Vec::new();
    differ(&mut differences, "answer", row.code, &code(answer.as_ref()));
    differ(&mut differences, "spent", row.spent, &spent(answer.as_ref()));
    sentences(&mut differences, row, answer.as_ref());
    let state = settles(|state: &String| fits(row.session, state), || scene.terminal.state(&scene.session));
    differ(&mut differences, "session", row.session, &state);
    let events = || scene.terminal.listener.since(scene.since, lane.reader(), &scene.session);
    let told = settles(|told| all_told(row.events, told), events);
    if !(all_told(row.events, &told)
        && told.iter().all(|event| row.events.iter().any(|wanted| fits(optional(wanted), event))))
    {
        differences.push(format!("events should be {:?}, are {told:?}", row.events));
    }
    let wanted = row.pins * scene.requests;
    let sent = settles(|sent| *sent == wanted, || (lane.pins() - pins).saturating_sub(scene.theirs));
    differ(&mut differences, "PINs at the card", &wanted.to_string(), &sent.to_string());
    differ(
        &mut differences,
        "tries lost",
        &row.lost.to_string(),
        &tries.saturating_sub(lane.tries(&holder)).to_string(),
    );
    put_right(&mut scene, row);
    differences.extend(afterwards(&scene, row, &holder));
    differences
}

fn prepare(lane: Lane<'_>, row: &Row, holder: &str) {
    lane.clear_faults();
    lane.becomes("state", "ok");
    let facts = lane.facts();
    if facts["card"] != holder || lane.seen()["card"] != "present" {
        lane.lay(holder);
    }
    if row.kind.is_empty() {
        lane.order("tries", &json!({}));
    }
    if let Some(left) = row.left {
        lane.order("tries", &json!({"pin": "auth", "tries": left}));
        lane.order("tries", &json!({"pin": "text", "tries": left}));
    }
}

fn do_it(scene: &mut Scene<'_>, row: &Row) -> Option<Answer> {
    match row.deed {
        Deed::Act(_, act) => return act(scene),
        Deed::Pin(fault) | Deed::Wrong(fault) | Deed::Four(fault) | Deed::Face(fault) | Deed::Batch(fault) => {
            scene.lane.fault(fault);
        }
    }
    Some(match row.deed {
        Deed::Wrong(_) => scene.identify("0000"),
        Deed::Four(_) => scene.act("basic-four", &json!({"pin": TEXT_PIN, "confirm_card_left": true})),
        Deed::Face(_) => scene.by_face(),
        Deed::Batch(_) => scene.batch(&[]),
        _ => scene.identify(PIN),
    })
}

fn code(answer: Option<&Answer>) -> String {
    match answer {
        None => "no answer".to_owned(),
        Some(answer) if answer.status < 300 => answer.status.to_string(),
        Some(answer) => answer.code(),
    }
}

fn spent(answer: Option<&Answer>) -> String {
    let told = answer.map(|answer| answer.json()["card"]["tries_spent"].clone()).unwrap_or_default();
    told.as_str().unwrap_or("–").to_owned()
}

/// The problem's sentences are the catalogue's, or the row's own.
fn sentences(differences: &mut Vec<String>, row: &Row, answer: Option<&Answer>) {
    let Some(answer) = answer else { return };
    let Some(code) = Code::parse(&answer.code()).filter(|code| fits(row.code, code.name())) else { return };
    let problem = answer.json();
    let (ja, en) = row.advice.unwrap_or((code.ja(), code.en()));
    differ(differences, "status", &code.status().to_string(), &answer.status.to_string());
    differ(differences, "detail", ja, problem["detail"].as_str().unwrap_or_default());
    differ(differences, "detail_en", en, problem["detail_en"].as_str().unwrap_or_default());
    let offers = problem["alternatives"].as_array().cloned().unwrap_or_default();
    differ(differences, "alternatives", &json!(row.offers).to_string(), &json!(offers).to_string());
}

fn differ(differences: &mut Vec<String>, what: &str, wanted: &str, seen: &str) {
    if !fits(wanted, seen) {
        differences.push(format!("{what} should be {wanted:?}, is {seen:?}"));
    }
}

/// Whether something is one of what it may be.
fn fits(wanted: &str, seen: &str) -> bool {
    wanted.split('|').any(|wanted| wanted == seen)
}

/// Whether every event has come that has to.
fn all_told(wanted: &[&str], told: &[String]) -> bool {
    wanted.iter().filter(|wanted| !wanted.starts_with('?')).all(|wanted| told.iter().any(|event| fits(wanted, event)))
}

/// An event that comes, or may come.
fn optional(event: &str) -> &str {
    event.strip_prefix('?').unwrap_or(event)
}

/// What is seen once it is as wanted, or at last.
fn settles<T>(good: impl Fn(&T) -> bool, look: impl Fn() -> T) -> T {
    let mut looks = 0;
    until("a look", PATIENCE, || {
        let seen = look();
        looks += 1;
        (good(&seen) || looks > LOOKS).then_some(seen)
    })
}

/// Twenty-five milliseconds lie between two of them.
const LOOKS: u32 = 120;

fn put_right(scene: &mut Scene<'_>, row: &Row) {
    let lane = scene.lane;
    match row.mend {
        Mend::Nothing => {}
        Mend::Card => {
            lane.order("insert", &json!({"holder": lane.holder("")}));
            lane.becomes("card", "present");
        }
        Mend::Starts => lane.house.pcscd().up(),
        Mend::Plugged => lane.house.pcscd().plug(2),
        Mend::GoesOn => lane.house.signal(nix::sys::signal::Signal::SIGCONT),
        Mend::LetsGo => scene.other.take().into_iter().for_each(super::other::Other::lets_go),
        Mend::Dies => {
            lane.house.died.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            drop(scene.other.take());
        }
        Mend::Line => lane.house.hub.up(),
        Mend::Hub => lane.house.hub.clear_faults(),
    }
}

/// What the row says of the time afterwards, and that the next session is served.
fn afterwards(scene: &Scene<'_>, row: &Row, holder: &str) -> Vec<String> {
    let (lane, mut differences) = (scene.lane, Vec::new());
    match row.then {
        Then::Again => {
            lane.becomes("state", "ok");
            differ(&mut differences, "again in the session", "200", &code(Some(&scene.identify(PIN))));
        }
        Then::Anew => {}
        Then::Reinsert => {
            lane.lay(holder);
            differ(&mut differences, "session in the end", "ended", &scene.terminal.state(&scene.session)[..5]);
        }
        Then::Other => lane.lay(&lane.holder("")),
    }
    lane.clear_faults();
    scene.terminal.close(&scene.session);
    if row.kind.is_empty() || row.then == Then::Other {
        lane.order("tries", &json!({}));
    }
    lane.becomes("state", "ok");
    lane.becomes("card", "present");
    lane.becomes("in_use", "none");
    let next = lane.terminal();
    let session = next.session();
    let answer = next.identify(&session, PIN);
    differ(&mut differences, "the next session", "200", &code(Some(&answer)));
    next.close(&session);
    differences
}
