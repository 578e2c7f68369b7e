//! Backups, and the beginning of another box from one (docs/backup.md).
//!
//! Invariants: a backup leaves the box encrypted and signed only; a box that was restored sends nothing until a person has confirmed it.
