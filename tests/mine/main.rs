#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code, unused_imports)]
#[path = "../it/audit/mod.rs"]
mod audit;
#[path = "../it/backup/mod.rs"]
mod backup;
#[path = "../it/care_plans/mod.rs"]
mod care_plans;
#[path = "../it/crash/mod.rs"]
mod crash;
#[path = "../it/identification/mod.rs"]
mod identification;
#[path = "../it/support/mod.rs"]
mod support;
