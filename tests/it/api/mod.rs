//! The local endpoint over real sockets.

mod door;
mod house;
mod limits;
mod problems;
