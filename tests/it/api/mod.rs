//! The local endpoint over real sockets.

mod accept;
mod apdu;
mod card_sessions;
mod careplans_kit;
mod careplans_paper;
mod careplans_received;
mod careplans_refused;
mod careplans_submit;
mod certificate_end;
mod desk;
mod door;
mod events;
mod house;
mod identify;
mod limits;
mod matrix;
mod problems;
/// The software card of the tests of the card room.
#[allow(dead_code, reason = "it can do more than is asked of it here")]
#[path = "../../sim/card.rs"]
mod softcard;
mod vouched;
