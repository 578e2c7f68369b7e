//! The scripted hub keeps the contract's promises about keys.

use engawa::clock::Clock;
use engawa::fault::Code;
use engawa::hub::{Delivery, HubPort as _, LookupOutcome, MunicipalState, Outcome, Scope, ScriptedHub, Step, Trouble};
use http_body_util::{BodyExt as _, Full};
use uuid::Uuid;

fn delivery(key: u128, body: &'static str) -> Delivery {
    let length = body.len() as u64;
    let body = Full::from(body).map_err(|never| match never {}).boxed_unsync();
    Delivery { key: Uuid::from_u128(key), length, body, user: None }
}

fn lost() -> Trouble {
    Trouble { code: Code::HubTimeout, scope: Scope::Item, retry_after: None, until: None, trace_id: None }
}

#[tokio::test]
async fn keys_are_kept() {
    let hub = ScriptedHub::new(Clock::manual("2026-11-22T00:00:00Z".parse().unwrap()));
    hub.then([Step::LoseBefore(lost()), Step::LoseAfter(lost())]);
    let key = Uuid::from_u128(1);

    assert!(matches!(hub.deliver(delivery(1, "a")).await, Outcome::Unknown(_)));
    assert_eq!(hub.lookup(key).await, LookupOutcome::Unseen);
    assert!(matches!(hub.deliver(delivery(1, "a")).await, Outcome::Unknown(_)));
    let LookupOutcome::Accepted(receipt) = hub.lookup(key).await else { panic!("not filed") };
    assert_eq!(hub.deliver(delivery(1, "a")).await, Outcome::Accepted(receipt));
    assert!(matches!(hub.deliver(delivery(1, "b")).await, Outcome::Refused(_)));
    assert_eq!(hub.filed().get(&key), Some(&1));
    assert_eq!(hub.deliveries().len(), 4);
}

#[tokio::test]
async fn the_feed_goes_on_and_starts_again() {
    let hub = ScriptedHub::new(Clock::manual("2026-11-22T00:00:00Z".parse().unwrap()));
    hub.change("R1", MunicipalState::Received, None);
    let first = hub.changes(None).await.unwrap();
    assert_eq!((first.items.len(), first.restarted), (1, false));
    hub.change("R1", MunicipalState::Forwarded, None);
    let second = hub.changes(Some(first.next_cursor)).await.unwrap();
    assert_eq!((second.items.len(), second.restarted), (1, false));
    hub.expire_cursors();
    let again = hub.changes(Some(second.next_cursor)).await.unwrap();
    assert_eq!((again.items.len(), again.restarted), (2, true));
    let quiet = hub.changes(Some(again.next_cursor)).await.unwrap();
    assert_eq!((quiet.items.len(), quiet.restarted), (0, false));
}
