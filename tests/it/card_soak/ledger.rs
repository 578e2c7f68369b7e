//! What each request was told, against what the cards counted and who lay on the reader.

use std::collections::BTreeMap;

use serde_json::Value;

use super::site::Site;

/// What a terminal was told of the cost of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It succeeded.
    Done,
    /// No try, with this code.
    None(String),
    /// One try.
    One,
    /// None or one.
    Unknown,
    /// Nobody waited for the answer.
    Unheard,
}

/// The application whose PIN a request may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pin {
    Identity,
    Profile,
    None,
}

/// One request that a card may have seen something of.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) slot: usize,
    pub(super) session: String,
    pub(super) pin: Pin,
    pub(super) from: i64,
    pub(super) until: i64,
    pub(super) told: Told,
    /// Whose card it was by the answer: numbers of the insurer and of the insured, or the name.
    pub(super) person: Option<Vec<String>>,
}

/// A card that lay in a slot for a while.
#[derive(Clone, Debug)]
pub(super) struct Lay {
    pub(super) holder: String,
    pub(super) from: i64,
    pub(super) until: i64,
}

/// A PIN that a card saw.
#[derive(Clone, Debug)]
struct Sent {
    at: i64,
    /// Whose file was selected, where one was.
    pin: Option<Pin>,
    /// The card's own status word, nothing where it did not carry the command out.
    status: Option<String>,
}

/// A moment's error of clocks that count milliseconds.
const GRAIN: i64 = 2;
/// How late a command may arrive at a card whose line was cut, in milliseconds.
const LATE: i64 = 1000;
/// Told with one of these, nothing was sent to a card.
const BEFORE: [&str; 9] = [
    "CARD_LEFT",
    "CARD_PIN_FLOOR",
    "CARD_ABSENT",
    "CARD_WITHOUT_PIN",
    "SESSION_ENDED",
    "SESSION_WAITING",
    "SESSION_BUSY",
    "GATEWAY_BUSY",
    "READER_ABSENT",
];

impl Sent {
    fn read(line: &Value) -> Option<Self> {
        let verify = line["command"].as_str()?.starts_with("0020") && line["command"].as_str()?.contains('+');
        let file = line["file"].as_str().unwrap_or_default();
        let pin = match file {
            file if file.ends_with("0018") => Some(Pin::Identity),
            file if file.ends_with("0011") => Some(Pin::Profile),
            // What was selected has been lost: the card compares nothing then.
            _ => None,
        };
        verify.then(|| Self { at: line["ms"].as_i64().unwrap(), pin, status: line["sw"].as_str().map(str::to_owned) })
    }

    fn cost_a_try(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.starts_with("63"))
    }
}

impl Entry {
    /// Whether this PIN can have been this request's, by what its terminal was told.
    fn accounts_for(&self, sent: &Sent) -> bool {
        let by_told = match &self.told {
            Told::Done => sent.status.as_deref() == Some("9000"),
            Told::One => sent.cost_a_try(),
            Told::None(code) => !sent.cost_a_try() && !BEFORE.contains(&code.as_str()),
            Told::Unknown | Told::Unheard => true,
        };
        let application = self.pin != Pin::None && sent.pin.is_none_or(|pin| pin == self.pin);
        application && by_told && (self.from - GRAIN..=self.until + GRAIN).contains(&sent.at)
    }

    fn has_to_have_sent(&self) -> bool {
        self.pin != Pin::None && matches!(self.told, Told::Done | Told::One)
    }
}

/// What was wrong, and the sums.
#[derive(Debug, Default)]
pub(super) struct Audit {
    pub(super) wrong: Vec<String>,
    pub(super) pins_sent: usize,
    pub(super) tries_lost: usize,
    pub(super) told: BTreeMap<String, usize>,
}

/// Holds every slot's requests against its record.
pub(super) fn audit(site: &Site, mut entries: Vec<Entry>, lays: &[Vec<Lay>]) -> Audit {
    let mut audit = Audit::default();
    entries.sort_by_key(|entry| entry.from);
    for entry in entries.iter().filter(|entry| entry.pin != Pin::None) {
        let told = match &entry.told {
            Told::None(_) => "none".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        *audit.told.entry(told).or_default() += 1;
    }
    for (slot, port) in site.ports.iter().enumerate() {
        let mut here: Vec<_> = entries.iter().filter(|entry| entry.slot == slot).cloned().collect();
        part(&mut here);
        let sent: Vec<_> = site.cards.journal(*port).iter().filter_map(Sent::read).collect();
        audit.pins_sent += sent.len();
        audit.tries_lost += sent.iter().filter(|sent| sent.cost_a_try()).count();
        compare(slot, &here, &sent, &mut audit.wrong);
        persons(site, slot, &here, &lays[slot], &mut audit.wrong);
    }
    audit
}

/// Where the answer does not say when a PIN came. What was never heard of may have come until the next session had the reader;
/// what was on its way when card or pcscd were lost may have come a moment after its terminal was told that nobody knows.
/// The next session had the reader for certain only where it was told a success or a wrong PIN: others may have asked when
/// theirs had long ended.
fn part(entries: &mut [Entry]) {
    for at in 0..entries.len() {
        let served = |next: &&Entry| next.session != entries[at].session && matches!(next.told, Told::Done | Told::One);
        entries[at].until = match entries[at].told {
            Told::Unheard => {
                let next = entries[at + 1..].iter().find(served).map_or(i64::MAX, |next| next.from);
                entries[at].until.min(next)
            }
            Told::Unknown => entries[at].until + LATE,
            _ => entries[at].until,
        };
    }
}

/// Each PIN is one request's, each request has at most one, and those that were told so have one. (Where each side can be
/// served by itself, both can be served at once.)
fn compare(slot: usize, entries: &[Entry], sent: &[Sent], wrong: &mut Vec<String>) {
    let fits: Vec<Vec<usize>> =
        sent.iter().map(|sent| (0..entries.len()).filter(|at| entries[*at].accounts_for(sent)).collect()).collect();
    for left in unmatched(&fits, entries.len()) {
        let around = around(sent[left].at, entries, sent);
        wrong.push(format!("slot {slot}: a PIN that no request accounts for: {:?}{around}", sent[left]));
    }
    let musts: Vec<_> = entries.iter().filter(|entry| entry.has_to_have_sent()).collect();
    let fits: Vec<Vec<usize>> =
        musts.iter().map(|entry| (0..sent.len()).filter(|at| entry.accounts_for(&sent[*at])).collect()).collect();
    for left in unmatched(&fits, sent.len()) {
        let around = around(musts[left].from, entries, sent);
        wrong.push(format!("slot {slot}: told so, and the card saw no PIN: {:?}{around}", musts[left]));
    }
}

/// What happened in a slot about a moment, line by line.
fn around(at: i64, entries: &[Entry], sent: &[Sent]) -> String {
    const NEAR: i64 = 2500;
    let mut lines: Vec<(i64, String)> = Vec::new();
    for entry in entries.iter().filter(|entry| (entry.from - at).abs() < NEAR || (entry.until - at).abs() < NEAR) {
        let what = format!("{:?} in {} until {:+}: {:?}", entry.pin, &entry.session[..8], entry.until - at, entry.told);
        lines.push((entry.from - at, what));
    }
    for sent in sent.iter().filter(|sent| (sent.at - at).abs() < NEAR) {
        lines.push((sent.at - at, format!("the card sees a PIN: {:?} {:?}", sent.pin, sent.status)));
    }
    lines.sort();
    lines.into_iter().map(|(when, what)| format!("\n    {when:+} ms {what}")).collect()
}

/// Those of the left side that cannot all be given one of their own of the right side.
fn unmatched(fits: &[Vec<usize>], right: usize) -> Vec<usize> {
    fn place(left: usize, fits: &[Vec<usize>], taken: &mut [Option<usize>], tried: &mut Vec<usize>) -> bool {
        for &at in &fits[left] {
            if tried.contains(&at) {
                continue;
            }
            tried.push(at);
            if taken[at].is_none_or(|other| place(other, fits, taken, tried)) {
                taken[at] = Some(left);
                return true;
            }
        }
        false
    }
    let mut taken = vec![None; right];
    (0..fits.len()).filter(|left| !place(*left, fits, &mut taken, &mut Vec::new())).collect()
}

/// Nobody is told of a person whose card did not lie there, and a session knows one person.
fn persons(site: &Site, slot: usize, entries: &[Entry], lays: &[Lay], wrong: &mut Vec<String>) {
    let mut holders: BTreeMap<String, (String, String, String)> = BTreeMap::new();
    let mut sessions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entry in entries {
        let Some(told) = &entry.person else { continue };
        let there = lays.iter().filter(|lay| lay.from <= entry.until && lay.until >= entry.from);
        let mut names = Vec::new();
        for lay in there {
            let person = holders.entry(lay.holder.clone()).or_insert_with(|| site.person(&lay.holder)).clone();
            let is = match told.as_slice() {
                [insurer, insured] => *insurer == person.0 && *insured == person.1,
                [name] => *name == person.2,
                _ => false,
            };
            if is {
                names.push(person.2);
            }
        }
        if names.is_empty() {
            wrong.push(format!("slot {slot}: told a person whose card did not lie there: {entry:?} {lays:?}"));
        }
        let known = sessions.entry(&entry.session).or_insert_with(|| names.clone());
        if !known.iter().any(|name| names.contains(name)) {
            wrong.push(format!("slot {slot}: two persons in one session: {entry:?} after {known:?}"));
        }
    }
}
