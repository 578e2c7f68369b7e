//! The staff in the house: what has to end when somebody goes, and the turn of the day.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use tokio::sync::watch;

use crate::card::{Cards, Terminal};
use crate::clock::Clock;
use crate::credential::seal::Keyring;
use crate::people::People;
use crate::store::Store;
use crate::task;
use crate::terminal::Revocations;

/// While a card or a password is in somebody's hands: what is theirs ends with their session, or with a day that a clock brings.
const LOOK: Duration = Duration::from_secs(2);
/// While nothing is, so long at most: a clock may be set at any time.
const REST: Duration = Duration::from_secs(10);

/// The staff, watched until `stopping`.
pub(super) fn start(
    (store, names): (Store, Arc<Keyring>),
    clock: &Clock,
    cards: &Cards,
    revocations: &Revocations,
    stopping: watch::Receiver<bool>,
) -> People {
    let (cards, revocations, cards_at) = (cards.clone(), revocations.clone(), cards.clone());
    let told = Arc::new(move |ended: &[String]| {
        for id in ended {
            cards.revoke_terminal(&Terminal(id.clone()));
        }
        revocations.announce();
    });
    let people = People::new(store, names, clock.clone(), told);
    task::spawn(watch_days(people.clone(), cards_at, clock.clone(), stopping));
    people
}

/// Whoever leaves at midnight is cut off at midnight.
async fn watch_days(people: People, cards: Cards, clock: Clock, mut stopping: watch::Receiver<bool>) {
    let mut seen: Option<Date> = None;
    loop {
        match people.turn_of_day(seen).await {
            Ok(day) => seen = day,
            Err(error) => tracing::warn!(%error, code = %error.code(), "who has left is not looked for"),
        }
        if let Err(error) = people.forget_what_was_asked().await {
            tracing::warn!(%error, code = %error.code(), "whose sessions are over is not looked for");
        }
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep(until_look_at_staff(&people, &cards, &clock)) => {}
        }
    }
}

/// How long until somebody looks again who has left, and whose session is over.
#[must_use]
pub fn until_look_at_staff(people: &People, cards: &Cards, clock: &Clock) -> Duration {
    let look = if cards.at_rest() && !people.holds_passwords() { REST } else { LOOK };
    clock.until_beat(look).min(clock.until_next_day_in_japan())
}
