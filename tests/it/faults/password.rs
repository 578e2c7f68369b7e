//! A refused password is tried once, whatever happens.
