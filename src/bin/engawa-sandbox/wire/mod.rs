//! HTTP as the profile has it: routes, envelope, the calls themselves. `serve` is the way of one request.

mod answer;
mod calls;
mod careplans;
mod identity;
mod keyed;
mod opinions;
mod route;
mod serve;

pub(crate) use answer::{Answer, Manner};
pub(crate) use route::Operation;
pub(crate) use serve::serve;
