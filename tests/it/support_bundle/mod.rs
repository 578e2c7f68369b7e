//! `engawa support-bundle`: what is in it, what never is, and that nothing that is broken keeps it from being made.

mod boxes;
mod marks;
mod personal;
mod troubles;
