//! The parts, each made on a thread of its own and given its time, then looked through and listed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::known::{self, Known};
use super::scan::{Clean, Masked, ascii_only};
use super::{Ground, box_state, journal, machine, settings};
use crate::clock::Clock;

/// A part that is not there by then is left out.
const PATIENCE: Duration = Duration::from_secs(20);
/// Names and lines are asked for in a row.
const CHECK_PATIENCE: Duration = Duration::from_secs(60);
/// Octets of one part; the journal has its own bound, and half as much again as its words may become longer by being masked.
const MOST: usize = 256 * 1024;
const MOST_JOURNAL: usize = 1792 * 1024;

type Told = Result<String, String>;
type Work = fn(&Ground) -> Told;

/// One file of a bundle.
pub(super) struct Text {
    pub(super) name: &'static str,
    pub(super) text: String,
}

struct Part {
    name: &'static str,
    patience: Duration,
    /// May hold words that nobody foresaw.
    free: bool,
    work: Work,
}

const fn part(name: &'static str, work: Work) -> Part {
    Part { name, patience: PATIENCE, free: false, work }
}

const PARTS: [Part; 14] = [
    part("versions.txt", |ground| {
        Ok(machine::versions(box_state::survey(&ground.state).ok().map(|survey| survey.schema)))
    }),
    Part { name: "check.json", patience: CHECK_PATIENCE, free: false, work: box_state::checks },
    part("settings.json", |ground| {
        Ok(box_state::pretty(&match &ground.loaded {
            Ok(loaded) => settings::told(loaded),
            Err(problems) => json!({ "problems": settings::problems(problems) }),
        }))
    }),
    part("service.json", box_state::service),
    part("metrics.txt", box_state::metrics),
    part("records.json", |ground| box_state::records(&ground.state, &ground.clock)),
    part("trail.json", |ground| box_state::trail(&ground.state, &ground.clock)),
    part("certificates.json", box_state::certificates),
    part("systemd.txt", |_| machine::units()),
    Part { name: "journal.txt", patience: PATIENCE, free: true, work: |_| journal::newest() },
    part("network.json", |_| Ok(box_state::pretty(&machine::network()))),
    part("machine.json", |ground| Ok(box_state::pretty(&machine::machine(&ground.state, &ground.clock)))),
    part("readers.json", |ground| box_state::readers(ground.settings())),
    part("packages.txt", |_| machine::packages()),
];

/// A part as listed.
struct Listed {
    name: &'static str,
    told: Told,
    masked: Masked,
}

/// Everything, the list of contents first.
pub(super) fn gather(ground: Ground) -> Vec<Text> {
    let (ground, clock) = (Arc::new(ground), Clock::system());
    let began = clock.elapsed();
    let left = |patience: Duration| patience.saturating_sub(clock.elapsed().saturating_sub(began));
    let known = begin(&ground, known);
    let begun: Vec<_> = PARTS.iter().map(|part| begin(&ground, part.work)).collect();
    let known = known.recv_timeout(left(PATIENCE)).unwrap_or_else(|_| nobody_known(&ground));
    let mut listed: Vec<Listed> = Vec::new();
    for (part, coming) in PARTS.iter().zip(begun) {
        let told = coming.recv_timeout(left(part.patience));
        let told = told.unwrap_or_else(|_| Err(format!("nothing within {} seconds", part.patience.as_secs())));
        listed.push(look_through(part, told, &known));
    }
    let contents = contents(&listed, &known, &clock);
    let texts = listed.into_iter().filter_map(|part| Some(Text { name: part.name, text: part.told.ok()? }));
    std::iter::once(Text { name: "contents.json", text: contents }).chain(texts).collect()
}

fn known(ground: &Ground) -> Known {
    known::gather(ground, known::stored(&ground.state))
}

fn nobody_known(ground: &Ground) -> Known {
    known::gather(ground, Some(Err("the database did not answer in time".to_owned())))
}

/// Begins something on a thread of its own, which is left to itself if nobody waits for it any more.
fn begin<T: Send + 'static>(ground: &Arc<Ground>, work: fn(&Ground) -> T) -> Receiver<T> {
    let (done, coming) = sync_channel(1);
    let ground = Arc::clone(ground);
    // Without a thread the receiver hears at once that nothing comes.
    let _ = std::thread::Builder::new().name("bundle".to_owned()).spawn(move || {
        let _ = done.send(work(&ground));
    });
    coming
}

fn look_through(part: &Part, told: Told, known: &Known) -> Listed {
    let told = if part.free && known.nobody { told.map(|text| journal::without_messages(&text)) } else { told };
    let (text, missing) = match told {
        Ok(text) => (text, false),
        Err(why) => (why, true),
    };
    let most = if part.free { MOST_JOURNAL } else { MOST };
    let (text, masked) = match known.scan.clean(&text) {
        Ok(Clean { text, masked }) => (text, masked),
        Err(_) => {
            return Listed {
                name: part.name,
                told: Err("a private key was found in it".to_owned()),
                masked: Masked::new(),
            };
        }
    };
    let (text, masked) =
        if part.free && known.unknown.is_some() { without_text(&text, masked) } else { (text, masked) };
    let text = newest(text, most);
    Listed { name: part.name, told: if missing { Err(text) } else { Ok(text) }, masked }
}

fn without_text(text: &str, mut masked: Masked) -> (String, Masked) {
    let (text, count) = ascii_only(text);
    if count > 0 {
        masked.insert("text that is not ASCII", count);
    }
    (text, masked)
}

/// The last lines that fit.
fn newest(text: String, most: usize) -> String {
    let over = text.len().saturating_sub(most);
    if over == 0 {
        return text;
    }
    let from =
        text.as_bytes().iter().skip(over).position(|&byte| byte == b'\n').map_or(text.len(), |end| over + end + 1);
    format!("(cut)\n{}", text.get(from..).unwrap_or_default())
}

fn contents(listed: &[Listed], known: &Known, clock: &Clock) -> String {
    let part = |part: &Listed| {
        let mut value = match &part.told {
            Ok(text) => json!({ "file": part.name, "bytes": text.len() }),
            Err(why) => json!({ "file": part.name, "missing": why }),
        };
        if !part.masked.is_empty() {
            value["masked"] = json!(part.masked);
        }
        value
    };
    let contents = box_state::pretty(&json!({
        "engawa": env!("CARGO_PKG_VERSION"),
        "at": format!("{:.0}", clock.now()),
        "parts": listed.iter().map(part).collect::<Vec<Value>>(),
        "names_not_known": known.unknown,
        "about": "docs/support.md",
    }));
    // What a reason quotes has been looked at; what says that names are not known has not.
    known.scan.clean(&contents).map_or_else(|_| "{}\n".to_owned(), |clean| clean.text)
}
