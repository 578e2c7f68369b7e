//! The resources, one file each.

pub(super) mod apdu;
pub(super) mod backup;
pub(super) mod basic_four;
pub(super) mod card_sessions;
pub(super) mod card_wire;
pub(super) mod careplans;
mod cover;
pub(super) mod events;
mod evidence;
pub(super) mod gateway;
pub(super) mod identifications;
pub(super) mod identify;
mod identifying;
pub(super) mod intake;
pub(super) mod keys;
pub(super) mod master_key;
mod next_step;
pub(super) mod opinions;
pub(super) mod pairing;
pub(super) mod readers;
pub(super) mod received;
pub(super) mod restore;
pub(super) mod session;
pub(super) mod session_hub;
pub(super) mod staff;
pub(super) mod staff_hub;
pub(super) mod submissions;
pub(super) mod terminals;
pub(super) mod trail;
pub(super) mod turns;
pub(super) mod wire;

pub(super) use super::pages;
