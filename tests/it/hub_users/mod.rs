//! Documents go to the hub as the persons who handed them in.

mod asked;
mod clinic;
mod kept;
mod mixed;
mod moved;
