//! A submission's life as columns of its row, and back. A row that does not parse is reported, never guessed at.

use std::time::Duration;

use aws_lc_rs::digest;
use jiff::Timestamp;
use uuid::Uuid;

use super::StateName;
use super::kind::Kind;
use super::machine::{Held, Life, Queued, Sending, State, Unknown};
use crate::fault::Code;
use crate::hub::{Receipt, Refusal};
use crate::store::{Columns, NewEvent, Row, tell_plan};

/// A row that cannot be what this engawa wrote.
#[derive(Debug, thiserror::Error)]
#[error("column {0} does not parse")]
pub struct BadRow(&'static str);

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ending {
    Receipt(Receipt),
    Refusal(Refusal),
}

/// Reads the kind and the life out of a row.
///
/// # Errors
/// [`BadRow`] names the first column that does not parse.
pub fn read(kind: &str, columns: &Columns) -> Result<Life, BadRow> {
    let kind = Kind::parse(kind).ok_or(BadRow("kind"))?;
    Ok(Life {
        kind,
        state: state(kind, columns)?,
        attempts: u32::try_from(columns.attempts).map_err(|_| BadRow("attempts"))?,
        strikes: u32::try_from(columns.strikes).map_err(|_| BadRow("strikes"))?,
        pause: Duration::from_millis(u64::try_from(columns.pause).map_err(|_| BadRow("pause"))?),
        first_sent_at: columns.first_sent_at.map(time).transpose()?,
        failed_at: columns.failed_at.map(time).transpose()?,
        generation: u32::try_from(columns.generation).map_err(|_| BadRow("generation"))?,
        doubtful: columns.doubtful,
    })
}

fn state(kind: Kind, columns: &Columns) -> Result<State, BadRow> {
    let name = StateName::parse(&columns.state).ok_or(BadRow("state"))?;
    let reason = || columns.reason.as_deref().and_then(Code::parse).ok_or(BadRow("reason"));
    let wait_until = columns.wait_until.map(time).transpose()?;
    Ok(match name {
        StateName::Queued => State::Queued(Queued { reason: reason()?, wait_until }),
        StateName::Sending => State::Sending(Sending),
        StateName::Unknown if kind.repeatable() => return Err(BadRow("state")),
        StateName::Unknown => {
            State::Unknown(Unknown { reason: reason()?, ask_at: wait_until.ok_or(BadRow("wait_until"))? })
        }
        StateName::Held => State::Held(Held { reason: reason()?, until: wait_until }),
        StateName::Cancelled => State::Cancelled,
        StateName::OnPaper => State::OnPaper,
        StateName::Delivered => match ending(columns)? {
            Ending::Receipt(receipt) => State::Delivered(receipt),
            Ending::Refusal(_) => return Err(BadRow("result")),
        },
        StateName::Returned => match ending(columns)? {
            Ending::Refusal(refusal) => State::Returned(refusal),
            Ending::Receipt(_) => return Err(BadRow("result")),
        },
    })
}

fn ending(columns: &Columns) -> Result<Ending, BadRow> {
    let text = columns.result.as_deref().ok_or(BadRow("result"))?;
    serde_json::from_slice(text.as_bytes()).map_err(|_| BadRow("result"))
}

/// Writes the life into columns. What the hub told is not part of it.
#[must_use]
pub fn write(life: &Life, now: Timestamp) -> Columns {
    let mut columns = Columns {
        state: life.name().as_str().to_owned(),
        reason: life.reason().map(|code| code.name().to_owned()),
        wait_until: life.wait_until().map(|time| time.as_millisecond()),
        pause: i64::try_from(life.pause.as_millis()).unwrap_or(i64::MAX),
        attempts: i64::from(life.attempts),
        strikes: i64::from(life.strikes),
        first_sent_at: life.first_sent_at.map(|time| time.as_millisecond()),
        failed_at: life.failed_at.map(|time| time.as_millisecond()),
        receipt_number: None,
        result: None,
        outcome: None,
        changed_at: now.as_millisecond(),
        generation: i64::from(life.generation),
        doubtful: life.doubtful,
    };
    let ending = match &life.state {
        State::Delivered(receipt) => {
            columns.receipt_number = life.kind.followed().then(|| receipt.number.clone());
            Some(Ending::Receipt(receipt.clone()))
        }
        State::Returned(refusal) => Some(Ending::Refusal(refusal.clone())),
        _ => None,
    };
    columns.result = ending.and_then(|ending| serde_json::to_string(&ending).ok());
    columns
}

/// The event that tells of a row's new life.
#[must_use]
pub fn event(row: &Row, life: &Life, now: Timestamp) -> NewEvent {
    NewEvent {
        at: now.as_millisecond(),
        facility: row.facility.clone(),
        submission: row.id.as_slice().try_into().ok(),
        kind: life.name().event_kind(),
        data: event_data(life, row.about.as_deref(), row.batch.as_deref()),
    }
}

/// The event's data: kind, state, reason, next try, and of a care plan which one; nothing of the person.
#[must_use]
pub fn event_data(life: &Life, about: Option<&str>, batch: Option<&[u8]>) -> String {
    let mut data = serde_json::Map::new();
    data.insert("kind".into(), life.kind.as_str().into());
    data.insert("state".into(), life.name().as_str().into());
    if let Some(reason) = life.reason() {
        data.insert("reason".into(), reason.name().into());
    }
    if let Some(until) = life.wait_until() {
        data.insert("wait_until".into(), until.to_string().into());
    }
    if let State::Delivered(receipt) = &life.state {
        data.insert("receipt_number".into(), receipt.number.clone().into());
    }
    tell_plan(&mut data, about, batch);
    serde_json::Value::Object(data).to_string()
}

/// The first key of a submission at the hub: what it was accepted with, or its id.
///
/// # Errors
/// [`BadRow`] when it is no key.
pub fn first_key(id: &[u8], hub_key: Option<&[u8]>) -> Result<Uuid, BadRow> {
    Uuid::from_slice(hub_key.unwrap_or(id)).map_err(|_| BadRow("hub_key"))
}

/// The key of this generation: the first one, and after it one made of the first and the generation.
#[must_use]
pub fn hub_key(first: Uuid, generation: u32) -> Uuid {
    if generation == 0 {
        return first;
    }
    let hash = digest::digest(
        &digest::SHA256,
        &[b"engawa key v1".as_slice(), first.as_bytes(), &generation.to_be_bytes()].concat(),
    );
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// A time of day from milliseconds since 1970.
///
/// # Errors
/// [`BadRow`] when it is outside the calendar.
pub fn time(millisecond: i64) -> Result<Timestamp, BadRow> {
    Timestamp::from_millisecond(millisecond).map_err(|_| BadRow("time"))
}

impl Life {
    /// The state's name.
    #[must_use]
    pub const fn name(&self) -> StateName {
        match self.state {
            State::Queued(_) => StateName::Queued,
            State::Sending(_) => StateName::Sending,
            State::Unknown(_) => StateName::Unknown,
            State::Held(_) => StateName::Held,
            State::Delivered(_) => StateName::Delivered,
            State::Returned(_) => StateName::Returned,
            State::Cancelled => StateName::Cancelled,
            State::OnPaper => StateName::OnPaper,
        }
    }

    /// Why it is in its state.
    #[must_use]
    pub const fn reason(&self) -> Option<Code> {
        match &self.state {
            State::Queued(Queued { reason, .. })
            | State::Unknown(Unknown { reason, .. })
            | State::Held(Held { reason, .. })
            | State::Returned(Refusal { code: reason, .. }) => Some(*reason),
            State::Cancelled => Some(Code::CancelledByCaller),
            State::Sending(_) | State::Delivered(_) | State::OnPaper => None,
        }
    }

    /// Nothing happens by itself before this time.
    #[must_use]
    pub const fn wait_until(&self) -> Option<Timestamp> {
        match &self.state {
            State::Queued(Queued { wait_until, .. }) => *wait_until,
            State::Unknown(Unknown { ask_at, .. }) => Some(*ask_at),
            State::Held(Held { until, .. }) => *until,
            _ => None,
        }
    }
}
