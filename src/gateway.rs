//! STUB: composition root.
