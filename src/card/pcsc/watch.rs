//! The watching thread: which readers there are, and what lies on them.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, Scope, State};
use tokio::sync::mpsc::Sender;

use super::Shared;
use crate::card::driver::Report;
use crate::card::machine::{CardState, ReaderName};
use crate::order::{self, SmallMap};

/// pcscd is asked again after so long, whether or not anything has changed: that is its sign of life.
const LOOK: Duration = Duration::from_millis(500);
/// The same while nobody uses a reader. What changes is told at once.
const CALM: Duration = Duration::from_secs(5);
/// PC/SC's most readers, and most entries waited for at a time.
const MOST: usize = 16;
/// The pause before pcscd is looked for again.
pub(super) const PAUSE: Duration = Duration::from_millis(200);
/// The same after [`EAGER`] attempts in vain: a box without readers should not wake its processor for it.
const REST: Duration = Duration::from_secs(2);
/// Attempts that a pcscd which is being started anew may need.
const EAGER: u32 = 50;

/// The room has gone, or the driver was stopped.
pub(super) struct Over;

/// Watches until the driver is stopped.
pub(super) fn run(shared: &Shared, reports: &Sender<Report>, pauses: &Receiver<()>) {
    let mut vain = 0_u32;
    while !shared.stopped() {
        let context = Context::establish(Scope::System);
        shared.answered();
        match context {
            Ok(context) => {
                vain = 0;
                if watch(shared, &context, reports, pauses).is_err() {
                    return;
                }
                // Its pcscd has gone. What comes next, a new context will tell.
            }
            Err(error) if vain == 0 => {
                vain = 1;
                tracing::warn!(%error, "pcscd cannot be reached");
                shared.only(&BTreeSet::new());
                if reports.blocking_send(Report::ServiceDown).is_err() {
                    return;
                }
            }
            Err(_) => vain = vain.saturating_add(1),
        }
        let time = if vain < EAGER { PAUSE } else { shared.clock.until_beat(REST) };
        shared.answered_and_may_be_silent(time);
        if rest(pauses, time).is_err() {
            return;
        }
    }
}

/// Rests, unless the driver is stopped.
pub(super) fn pause(pauses: &Receiver<()>) -> Result<(), Over> {
    rest(pauses, PAUSE)
}

fn rest(pauses: &Receiver<()>, time: Duration) -> Result<(), Over> {
    match pauses.recv_timeout(time) {
        Err(RecvTimeoutError::Disconnected) => Err(Over),
        _ => Ok(()),
    }
}

/// Watches with one context until it fails.
fn watch(shared: &Shared, context: &Context, reports: &Sender<Report>, pauses: &Receiver<()>) -> Result<(), Over> {
    let mut seen: Option<BTreeSet<ReaderName>> = None;
    let mut states = Vec::new();
    let mut counts = SmallMap::new();
    loop {
        if shared.stopped() {
            return Err(Over);
        }
        let Ok(names) = list(context) else { return lost(reports, seen.is_some()) };
        shared.answered();
        if seen.as_ref() != Some(&names) {
            shared.only(&names);
            counts.retain(|name, _| names.contains(name));
            states = entries(&names);
            reports.blocking_send(Report::Readers(names.clone())).map_err(|_| Over)?;
            seen = Some(names);
        }
        let look = if shared.resting() { shared.clock.until_beat(CALM).max(LOOK) } else { LOOK };
        shared.answered_and_may_be_silent(look.saturating_sub(LOOK));
        match context.get_status_change(look, &mut states) {
            Ok(()) => {}
            Err(Error::Timeout | Error::Cancelled) => {
                shared.answered();
                continue;
            }
            // The list has changed under it, or names what pcscd does not know: it is told and waited for anew, after a pause.
            Err(Error::UnknownReader | Error::ReaderUnavailable) => {
                shared.answered();
                seen = None;
                pause(pauses)?;
                continue;
            }
            Err(_) => return lost(reports, true),
        }
        shared.answered();
        for state in &mut states {
            if let Some(report) = changed(state, &mut counts) {
                reports.blocking_send(report).map_err(|_| Over)?;
            }
            state.sync_current_state();
        }
    }
}

/// What is waited for: a change of any reader, and of the list of readers. PC/SC takes no more entries than there can be
/// readers, so a full list goes without the last; the list itself is read again at each look.
pub(super) fn entries(names: &BTreeSet<ReaderName>) -> Vec<ReaderState> {
    let readers = names.iter().filter_map(|name| CString::new(name.0.as_str()).ok());
    let mut entries: Vec<_> = readers.map(|name| ReaderState::new(name, State::UNAWARE)).take(MOST).collect();
    if entries.len() < MOST {
        entries.push(ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE));
    }
    entries
}

/// pcscd has gone: every reader with it.
fn lost(reports: &Sender<Report>, had_any: bool) -> Result<(), Over> {
    if had_any {
        reports.blocking_send(Report::ServiceDown).map_err(|_| Over)?;
    }
    Ok(())
}

/// The readers' names. One that is no text could not be asked for again by what is left of it, so it is left out.
pub(super) fn list(context: &Context) -> Result<BTreeSet<ReaderName>, Error> {
    let names = match context.list_readers_owned() {
        Err(Error::NoReadersAvailable) => Vec::new(),
        names => names?,
    };
    Ok(order::set(names.into_iter().filter_map(|name| name.into_string().ok()).map(ReaderName)))
}

pub(super) fn card(event: State) -> CardState {
    match event {
        event if event.contains(State::PRESENT) && event.contains(State::MUTE) => CardState::Mute,
        event if event.contains(State::PRESENT) => CardState::Present,
        _ => CardState::Absent,
    }
}

/// What a reader's state says of its card. PC/SC counts insertions and removals, so an exchange between two looks shows.
fn changed(state: &ReaderState, counts: &mut SmallMap<ReaderName, (u32, CardState)>) -> Option<Report> {
    if state.name() == PNP_NOTIFICATION() || !state.event_state().contains(State::CHANGED) {
        return None;
    }
    let reader = ReaderName(state.name().to_string_lossy().into_owned());
    let card = card(state.event_state());
    let count = state.event_count();
    let before = counts.insert(reader.clone(), (count, card));
    // Somebody connected or let go: nothing of the card.
    if before == Some((count, card)) {
        return None;
    }
    // A card that lay there before and lies there after, while the count moved by a removal and an insertion.
    let replaced = card != CardState::Absent
        && before.is_some_and(|(old, card)| card != CardState::Absent && count.wrapping_sub(old) >= 2);
    Some(Report::Card { reader, card, replaced })
}
