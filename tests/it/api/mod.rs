//! The local endpoint over real sockets.

mod accept;
mod door;
mod events;
mod house;
mod limits;
mod problems;
