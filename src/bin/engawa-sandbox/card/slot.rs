//! A reader's slot: the card that lies in it, the line to vpcd, and a thread that serves both. Where pcscd is away, the
//! thread goes on knocking.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::applet::Card;
use super::faults::{Fault, Faults, Kind};
use super::holder::Name;
use super::journal::{Entry, Journal};
use super::line::{Line, Message};
use crate::cli::Failure;

/// Between two knocks at a vpcd that is not there.
const KNOCK: Duration = Duration::from_millis(100);
/// How often a mute card looks whether its reader is still there.
const LOOK: Duration = Duration::from_millis(50);

/// Where a slot is, and how its cards remember.
pub(super) struct Place {
    pub(super) dir: PathBuf,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) fsync: bool,
}

/// One slot.
pub(super) struct Slot {
    pub(super) place: Place,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    card: Option<Card>,
    /// The card that lies here or lay here last.
    last: Name,
    /// Grows with each insertion and removal: what was begun for another one has ended.
    turn: u64,
    /// To cut the line when the card is taken out.
    line: Option<TcpStream>,
    powered: bool,
    /// Whether the reader has powered up since the card was put in, or since the line was made. pcscd switches a card off
    /// again that nobody uses.
    seen: bool,
    faults: Faults,
    journal: Journal,
}

/// What the thread does with a command.
enum Reply {
    Send(Vec<u8>),
    /// The card is gone: no answer.
    Gone,
    /// It is gone and comes back, perhaps as another one.
    Back(Duration, Name),
}

impl Slot {
    /// A slot without a card.
    pub(super) fn new(place: Place, last: Name) -> Result<Arc<Self>, Failure> {
        let readers = place.dir.join("readers");
        std::fs::create_dir_all(&readers)?;
        let journal = Journal::open(&readers.join(format!("{}.jsonl", place.port)))?;
        let faults = Faults::default();
        let state = State { card: None, last, turn: 0, line: None, powered: false, seen: false, faults, journal };
        Ok(Arc::new(Self { place, state: Mutex::new(state), changed: Condvar::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a card in, the last one if none is named; refused where one lies already, or the card lies elsewhere.
    pub(super) fn insert(&self, name: Option<Name>) -> Result<(), Failure> {
        let name = name.unwrap_or_else(|| self.state().last.clone());
        if self.state().card.is_some() {
            return Err("there is a card in the reader already".into());
        }
        let card = name.open(&self.place.dir, self.place.fsync)?;
        let mut state = self.state();
        (state.card, state.last) = (Some(card), name);
        state.turn += 1;
        state.journal.counts.inserted += 1;
        self.changed.notify_all();
        Ok(())
    }

    /// Takes the card out; false if there was none.
    pub(super) fn remove(&self) -> bool {
        let mut state = self.state();
        let was = state.card.take().is_some();
        if was {
            state.turn += 1;
            state.powered = false;
            state.seen = false;
            state.journal.counts.removed += 1;
        }
        if let Some(line) = state.line.take() {
            let _ = line.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
        was
    }

    /// Another card in place of this one, with the reader empty for a while. It is made first, so that the while can be
    /// short. A reader that looks only after it has seen no change.
    pub(super) fn swap(&self, name: Name, empty: Duration) -> Result<(), Failure> {
        if self.state().last.text() != name.text() {
            drop(name.open(&self.place.dir, self.place.fsync)?);
        }
        self.remove();
        let turn = self.state().turn;
        self.pause(turn, empty);
        self.insert(Some(name))
    }

    /// Does something with the card in the reader.
    pub(super) fn with_card<T>(&self, act: impl FnOnce(&mut Card) -> Result<T, Failure>) -> Result<T, Failure> {
        act(self.state().card.as_mut().ok_or("there is no card in the reader")?)
    }

    pub(super) fn order(&self, faults: Vec<Fault>) -> Result<(), Failure> {
        for fault in &faults {
            fault.check()?;
            let other = fault.holder.as_deref().map(str::parse::<Name>).transpose()?;
            // Made now, so that it is at hand when the fault comes.
            if let Some(other) = other.filter(|other| other.text() != self.state().last.text()) {
                drop(other.open(&self.place.dir, self.place.fsync)?);
            }
        }
        let mut state = self.state();
        faults.into_iter().for_each(|fault| state.faults.order(fault));
        Ok(())
    }

    pub(super) fn clear_faults(&self) {
        self.state().faults.clear();
    }

    pub(super) fn clear_counts(&self) {
        self.state().journal.counts = super::journal::Counts::default();
    }

    /// Everything a test may ask.
    pub(super) fn facts(&self) -> Value {
        let state = self.state();
        json!({
            "port": self.place.port, "card": state.card.as_ref().map(|c| &c.name), "last": state.last.text(),
            "inserted": state.card.is_some(), "connected": state.line.is_some(), "seen": state.seen, "powered": state.powered,
            "tries": state.card.as_ref().map(|c| c.memory.all()),
            "counts": state.journal.counts, "faults": state.faults.list(),
        })
    }

    /// The thread: for ever.
    pub(super) fn serve(&self) {
        loop {
            let turn = {
                let here = self.changed.wait_while(self.state(), |state| state.card.is_none());
                here.unwrap_or_else(PoisonError::into_inner).turn
            };
            match Line::connect(&self.place.host, self.place.port) {
                Ok(line) => {
                    let back = self.talk(line, turn).ok().flatten();
                    self.hang_up(turn);
                    if let Some((after, name)) = back {
                        self.come_back(after, name);
                    }
                }
                Err(_) => self.pause(turn, KNOCK),
            }
        }
    }

    /// Serves one connection until the card or the reader goes.
    fn talk(&self, mut line: Line, turn: u64) -> io::Result<Option<(Duration, Name)>> {
        {
            let mut state = self.state();
            if state.turn != turn {
                return Ok(None);
            }
            state.line = Some(line.other_end()?);
        }
        loop {
            let message = line.receive()?;
            let answer = match message {
                Message::Command(command) => match self.answer(&command, turn, &line) {
                    Reply::Send(answer) => answer,
                    Reply::Gone => return Ok(None),
                    Reply::Back(after, name) => return Ok(Some((after, name))),
                },
                order => match self.obey(&order, turn) {
                    Some(atr) => atr,
                    None => continue,
                },
            };
            line.send(&answer)?;
        }
    }

    /// An order of the reader's; only the question for the ATR is answered.
    fn obey(&self, order: &Message, turn: u64) -> Option<Vec<u8>> {
        let mut state = self.state();
        let State { card, powered, seen, journal, turn: now, .. } = &mut *state;
        let card = card.as_mut().filter(|_| *now == turn)?;
        match order {
            Message::Atr => return Some(card.atr.clone()),
            Message::PowerOn => journal.counts.power_on += 1,
            Message::PowerOff => journal.counts.power_off += 1,
            _ => journal.counts.resets += 1,
        }
        *powered = !matches!(order, Message::PowerOff);
        *seen |= *powered;
        card.reset();
        None
    }

    fn answer(&self, command: &[u8], turn: u64, line: &Line) -> Reply {
        let (fault, answer) = {
            let mut state = self.state();
            if state.turn != turn {
                return Reply::Gone;
            }
            let State { card: Some(card), faults, journal, .. } = &mut *state else { return Reply::Gone };
            let fault = faults.take(command.get(1).copied(), card.addressed(command));
            if fault.as_ref().is_some_and(|f| f.kind == Kind::Forget) {
                card.reset();
            }
            let (place, touches_my_number) = (card.addressed(command), card.is_after_my_number(command));
            let answer = fault.as_ref().is_none_or(Fault::has_effect).then(|| card.transmit(command));
            let (card, answered) = (card.name.as_str(), answer.as_deref());
            let entry = Entry { card, command, place, answer: answered, fault: fault.as_ref(), touches_my_number };
            journal.note(&entry);
            (fault, answer.unwrap_or_else(|| vec![0x6F, 0x00]))
        };
        match fault {
            None => Reply::Send(answer),
            Some(fault) => self.trouble(&fault, answer, turn, line),
        }
    }

    fn trouble(&self, fault: &Fault, answer: Vec<u8>, turn: u64, line: &Line) -> Reply {
        match fault.kind {
            Kind::Remove => {
                let last = self.state().last.clone();
                self.remove();
                let next = fault.holder.as_deref().and_then(|holder| holder.parse().ok()).unwrap_or(last);
                match fault.ms {
                    Some(ms) => Reply::Back(Duration::from_millis(ms), next),
                    None => Reply::Gone,
                }
            }
            Kind::Mute => {
                while self.state().turn == turn && !line.is_cut() {
                    self.pause(turn, LOOK);
                }
                Reply::Gone
            }
            Kind::Slow => {
                self.pause(turn, Duration::from_millis(fault.ms.unwrap_or(1000)));
                if self.state().turn == turn { Reply::Send(answer) } else { Reply::Gone }
            }
            _ => Reply::Send(fault.spoil(answer)),
        }
    }

    /// Waits, but not beyond the card's removal.
    fn pause(&self, turn: u64, span: Duration) {
        let _ = self.changed.wait_timeout_while(self.state(), span, |state| state.turn == turn);
    }

    fn hang_up(&self, turn: u64) {
        let mut state = self.state();
        if state.turn == turn {
            state.line = None;
            state.powered = false;
            state.seen = false;
            if let Some(card) = &mut state.card {
                card.reset();
            }
        }
    }

    /// Puts the card of a fault in, unless somebody was faster.
    fn come_back(&self, after: Duration, name: Name) {
        let turn = self.state().turn;
        self.pause(turn, after);
        if self.state().turn == turn {
            let _ = self.insert(Some(name));
        }
    }
}
