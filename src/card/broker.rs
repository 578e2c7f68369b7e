//! The task that owns the machine's time: it takes the driver's reports in, lets what is due end, and sees when the service
//! behind the readers stops answering.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::Inner;
use super::driver::Report;
use super::machine::{Machine, ReaderState, Trouble};
use crate::telemetry::Metric;

/// The longest time between two looks at what is due.
const BEAT: Duration = Duration::from_millis(200);
/// The same while the service behind the readers does not answer: it is told when it does again.
const TROUBLED: Duration = Duration::from_secs(1);
/// The same while nobody uses a reader or waits for one: a box that does nothing should not wake its processor for it.
pub(super) const REST: Duration = Duration::from_secs(5);

pub(super) async fn run(inner: Arc<Inner>, mut reports: mpsc::Receiver<Report>, mut stop: watch::Receiver<bool>) {
    // Whether the machine's readers are those of the pcscd that answers.
    let mut known = false;
    while !*stop.borrow_and_update() {
        tokio::select! {
            report = reports.recv() => match report {
                Some(report) => {
                    known = report != Report::ServiceDown;
                    take(&inner, report);
                }
                None => break,
            },
            () = tokio::time::sleep(pause(&inner)) => {}
            // Something is due earlier than what was waited for.
            () = inner.sooner.notified() => {}
            changed = stop.changed() => if changed.is_err() { break },
        }
        inner.with(Machine::tick);
        watch_service(&inner);
        if known && inner.machine().service().is_none() {
            inner.proof.send_replace(Some(answered_at(&inner)));
        }
        inner.beat();
    }
    run_down(&inner).await;
}

fn pause(inner: &Inner) -> Duration {
    let rest = inner.machine().at_rest();
    let service = inner.machine().service();
    inner.driver.at_rest(rest);
    let beat = match service {
        _ if !rest => BEAT,
        Some(Trouble::ServiceHung) => TROUBLED,
        _ => inner.clock.until_beat(REST),
    };
    inner.until_due().min(beat)
}

/// The wall-clock time of the service's last answer.
fn answered_at(inner: &Inner) -> Timestamp {
    let now = inner.clock.now();
    now.checked_sub(inner.clock.elapsed().saturating_sub(inner.driver.last_answer())).unwrap_or(now)
}

/// Nothing new begins; what is under way on a card is let finish for a while, and given up then. What was given up before
/// holds nobody up: its caller knows.
async fn run_down(inner: &Arc<Inner>) {
    inner.with(|machine, now| machine.close_for_good(now));
    if inner.machine().operating() {
        tracing::info!("waiting for card operations that are under way");
    }
    let deadline = inner.clock.elapsed() + inner.config.stop_limit;
    while inner.machine().operating() && inner.clock.elapsed() < deadline {
        let pause = deadline.saturating_sub(inner.clock.elapsed()).min(BEAT);
        let _ = tokio::time::timeout(pause, inner.finished.notified()).await;
    }
    inner.over.send_replace(true);
    inner.driver.stop();
}

fn take(inner: &Inner, report: Report) {
    inner.with(|machine, now| match report {
        Report::Readers(names) => machine.readers_are(&names, now),
        Report::Card { reader, card, replaced } => machine.card(&reader, card, replaced, now),
        Report::ServiceDown => machine.service_lost(Trouble::ServiceDown, now),
    });
    measure(inner);
}

/// Shows how the readers are. To be called whenever one has changed.
pub(super) fn measure(inner: &Inner) {
    measure_stuck(inner);
    let readers = inner.machine().readers();
    let count = |wanted: fn(&ReaderState) -> bool| readers.iter().filter(|reader| wanted(&reader.state)).count();
    for (state, number) in [
        ("ok", count(|state| *state == ReaderState::Ok)),
        ("degraded", count(|state| matches!(state, ReaderState::Degraded(_)))),
        ("absent", count(|state| *state == ReaderState::Absent)),
    ] {
        Metric::CardReaders.set(&[("state", state)], f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
    }
}

fn watch_service(inner: &Inner) {
    let silent = inner.clock.elapsed().saturating_sub(inner.driver.next_answer());
    let hung = silent > inner.config.hung_after;
    let service = inner.machine().service();
    match (hung, service) {
        (true, None) => {
            tracing::warn!(silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX), "pcscd does not answer");
            inner.with(|machine, now| machine.service_lost(Trouble::ServiceHung, now));
            measure(inner);
        }
        (false, Some(Trouble::ServiceHung)) => {
            tracing::info!("pcscd answers again");
            inner.with(Machine::service_answers);
            measure(inner);
        }
        _ => {}
    }
    measure_stuck(inner);
}

fn measure_stuck(inner: &Inner) {
    let stuck = u32::try_from(inner.stuck()).unwrap_or(u32::MAX);
    Metric::CardStuck.set(&[], f64::from(stuck));
}
