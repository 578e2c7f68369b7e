//! The clock of the box, as far as the box itself can tell.

use jiff::{SignedDuration, Timestamp};

use super::{Check, Finding};
use crate::clock::Clock;

const NAME: &str = "clock";
/// By so much the clock may be behind what was noted.
const APART: SignedDuration = SignedDuration::from_hours(1);

/// A clock that has never been set starts in the past; certificates and due dates would all be judged wrongly. `been` is what a gateway
/// noted of the time, last ten minutes ago.
pub(super) fn examine(been: Option<Timestamp>, clock: &Clock) -> Check {
    let now = clock.now();
    if clock.today_in_japan().is_none() {
        return Check::found(NAME, Finding::ClockNeverSet, &format!("{now:.0}"));
    }
    if let Some(been) = been.filter(|been| been.duration_since(now) > APART) {
        return Check::found(NAME, Finding::ClockBehind, &format!("{now:.0} < {been:.0}"));
    }
    Check::ok(NAME, format!("時刻は {now:.0} (UTC) です。"), format!("The time is {now:.0} (UTC)."))
}
