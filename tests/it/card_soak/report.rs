//! The figures of a run: waits by phase, answers, costs, and what the processes held.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::ledger::Audit;
use super::site::Held;
use super::terminal::{Tally, Wait, Wish};
use super::trouble::{Outage, Record};

/// How much longer than the median the longest wait may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    times: u32,
    plus: Duration,
}

impl Bound {
    pub(super) const STRICT: Self = Self { times: 3, plus: Duration::ZERO };
    pub(super) const BESIDE_OTHERS: Self = Self { times: 6, plus: Duration::from_secs(2) };
}

/// Too few waits say nothing of a median.
const ENOUGH: usize = 30;

/// Waits of one phase, sorted.
pub(super) struct Phase {
    name: String,
    /// Of those who would have taken any reader: all have the same load before them.
    any: Vec<Duration>,
    /// Of those who wanted a certain one, or one of theirs: their readers may be busier than others.
    choosy: Vec<Duration>,
}

/// The waits of a run.
pub(super) struct Waits {
    /// The calm times between outages of pcscd: waits that were begun and ended in one of them.
    pub(super) phases: Vec<Phase>,
    /// All, outages included.
    pub(super) all: Phase,
}

impl Waits {
    pub(super) fn sort(waits: &[Wait], begun: Duration, over: Duration, outages: &[Outage]) -> Self {
        let mut phases = Vec::new();
        let mut from = begun;
        let ends = outages.iter().map(|outage| (outage.from, outage.until)).chain([(over, over)]);
        for (number, (until, next)) in ends.enumerate() {
            let inside: Vec<_> =
                waits.iter().filter(|wait| wait.asked >= from && wait.granted <= until).copied().collect();
            phases.push(Phase::of(format!("calm {} ({} s)", number + 1, (until - from).as_secs()), &inside));
            from = next;
        }
        Self { phases, all: Phase::of("all, with outages".to_owned(), waits) }
    }

    /// Nobody starves.
    pub(super) fn check(&self, bound: Bound) {
        let mut judged = 0;
        for phase in self.phases.iter().filter(|phase| phase.any.len() >= ENOUGH) {
            let (median, longest) = (quantile(&phase.any, 50), quantile(&phase.any, 100));
            judged += 1;
            assert!(
                longest <= median * bound.times + bound.plus,
                "{}: waited {longest:?}, while the median is {median:?}",
                phase.name
            );
        }
        assert!(judged > 0, "no phase was long enough to be judged");
    }
}

impl Phase {
    fn of(name: String, waits: &[Wait]) -> Self {
        let sorted = |choosy: bool| {
            let those = waits.iter().filter(|wait| (wait.wish != Wish::Any) == choosy);
            let mut those: Vec<_> = those.map(|wait| wait.granted - wait.asked).collect();
            those.sort_unstable();
            those
        };
        Self { name, any: sorted(false), choosy: sorted(true) }
    }
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or_default()
}

/// What is told in the end.
pub(super) struct Facts<'a> {
    pub(super) size: [usize; 3],
    pub(super) tally: &'a Tally,
    pub(super) waits: &'a Waits,
    pub(super) audit: &'a Audit,
    pub(super) record: &'a Record,
    /// Resets that the cards saw.
    pub(super) resets: u64,
    pub(super) before: [Held; 2],
    pub(super) after: [Held; 2],
}

pub(super) fn text(facts: &Facts<'_>) -> String {
    let [terminals, readers, seconds] = facts.size;
    let mut lines = vec![
        format!("\ncard soak: {terminals} terminals, {readers} readers, {seconds} s"),
        format!(
            "{:<22} {:<8} {:>6} {:>8} {:>8} {:>8} {:>7}",
            "waits", "reader", "number", "median", "p99", "longest", "ratio"
        ),
    ];
    for phase in facts.waits.phases.iter().chain([&facts.waits.all]) {
        lines.push(row(&phase.name, "any", &phase.any));
        lines.push(row("", "certain", &phase.choosy));
    }
    for (title, counts) in [("answers", &facts.tally.answers), ("sessions", &facts.tally.ends)] {
        lines.push(format!("\n{title}"));
        lines.extend(counts.iter().map(|(word, number)| format!("  {number:>7} {word}")));
    }
    lines.push(format!("\nslowest answer: {:?}", facts.tally.slowest));
    let record = facts.record;
    let load = |number: &AtomicUsize| number.load(Ordering::SeqCst);
    lines.push(format!(
        "trouble: {} card faults, {} cards moved, {} resets by another program ({} reached a card), {} outages of pcscd, recovery {:?} at most",
        load(&record.faults),
        load(&record.moved),
        load(&record.resets),
        facts.resets,
        record.outages.lock().unwrap().len(),
        record.recovery.lock().unwrap()
    ));
    let audit = facts.audit;
    lines.push(format!("PINs seen by the cards: {}, tries lost: {}", audit.pins_sent, audit.tries_lost));
    lines.push(format!("requests with a PIN, as told: {:?}", audit.told));
    for (name, at) in [("gateway", 0), ("pcscd", 1)] {
        let (was, is) = (facts.before[at], facts.after[at]);
        lines.push(format!(
            "{name}: threads {} → {}, descriptors {} → {}, resident {} → {} KiB",
            was.threads, is.threads, was.descriptors, is.descriptors, was.resident_kib, is.resident_kib
        ));
    }
    lines.join("\n")
}

fn row(name: &str, reader: &str, waits: &[Duration]) -> String {
    let [median, high, longest] = [50, 99, 100].map(|percent| quantile(waits, percent).as_secs_f64());
    let ratio = if median > 0.0 { longest / median } else { 0.0 };
    format!("{name:<22} {reader:<8} {:>6} {median:>7.2}s {high:>7.2}s {longest:>7.2}s {ratio:>6.2}×", waits.len())
}
