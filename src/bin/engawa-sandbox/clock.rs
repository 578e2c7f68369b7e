//! The hub's own clock: the machine's time plus an offset that the control API moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A movable clock; clones share the offset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The hub's time, to the millisecond.
    pub(crate) fn now(&self) -> Timestamp {
        let ms = machine_ms().saturating_add(self.offset_ms());
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
    }

    /// Today in Japan.
    pub(crate) fn today(&self) -> Date {
        self.local().date()
    }

    /// Date and time in Japan.
    pub(crate) fn local(&self) -> DateTime {
        self.now().to_zoned(TimeZone::fixed(JAPAN)).datetime()
    }

    /// How far the clock is ahead of the machine's, in milliseconds.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    /// Puts the clock `offset_ms` milliseconds ahead of the machine's.
    pub(crate) fn put(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    /// The offset at which the clock would show `time`.
    pub(crate) fn offset_for(time: Timestamp) -> i64 {
        time.as_millisecond().saturating_sub(machine_ms())
    }

    /// The offset after moving by `by`.
    pub(crate) fn offset_after(&self, by: SignedDuration) -> i64 {
        self.offset_ms().saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Certificates of clients are judged by the hub's clock, so moving it makes them expire.
impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// A span as people write it: `1500ms`, `90s`, `36h`, `60d` (a day has 24 hours).
pub(crate) fn span(text: &str) -> Result<SignedDuration, String> {
    let why = |e: jiff::Error| format!("{text:?} is no span such as 1500ms, 90s, 36h or 60d: {e}");
    text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours())).map_err(why)
}

/// For members that hold a span.
pub(crate) fn read_span<'de, D: Deserializer<'de>>(from: D) -> Result<SignedDuration, D::Error> {
    span(&String::deserialize(from)?).map_err(D::Error::custom)
}

const JAPAN: Offset = Offset::constant(9);

/// RFC 3339 with Japan's offset, as the profile wants times.
pub(crate) fn stamp(time: Timestamp) -> String {
    time.display_with_offset(JAPAN).to_string()
}

#[allow(clippy::disallowed_methods)]
fn machine_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
