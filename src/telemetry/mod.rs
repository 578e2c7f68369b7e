//! STUB room: replaced by its builder.
