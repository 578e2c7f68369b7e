//! Documents go to the hub as the persons who handed them in.

mod another_try;
mod asked;
mod clinic;
mod kept;
mod mixed;
mod moved;
