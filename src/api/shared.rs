//! What the handlers share: the gateway's rooms, and the places for what is long or large.
//!
//! One state in place of a layer each: a layer is copied with every request, and copies all that lie below it.

use std::sync::Arc;

use axum::extract::FromRef;
use tokio::sync::Semaphore;

use super::{Api, v1};

/// The state of the router.
#[derive(Clone)]
pub(super) struct Shared(Arc<Rooms>);

struct Rooms {
    api: Arc<Api>,
    streams: v1::events::Streams,
    careplans: v1::careplans::Seats,
    turns: v1::turns::Turns,
    told: Arc<v1::gateway::Told>,
}

impl Shared {
    /// All places free.
    pub(super) fn new(api: Arc<Api>) -> Self {
        let streams = v1::events::Streams(Arc::new(Semaphore::new(api.config.max_streams)));
        let (careplans, turns) = (v1::careplans::Seats::new(), v1::turns::Turns::default());
        Self(Arc::new(Rooms { api, streams, careplans, turns, told: Arc::default() }))
    }

    /// The rooms.
    pub(super) fn api(&self) -> &Arc<Api> {
        &self.0.api
    }
}

macro_rules! parts {
    ($( $part:ty = $field:ident; )+) => { $(
        impl FromRef<Shared> for $part {
            fn from_ref(shared: &Shared) -> Self {
                shared.0.$field.clone()
            }
        }
    )+ };
}

parts! {
    Arc<Api> = api;
    v1::events::Streams = streams;
    v1::careplans::Seats = careplans;
    v1::turns::Turns = turns;
    Arc<v1::gateway::Told> = told;
}
