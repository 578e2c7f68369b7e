//! Models, property tests and virtual-time schedules: no sockets, no processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod audit;
mod audit_chain;
mod authority;
mod card;
mod card_corpus;
mod card_filter;
mod card_jpki;
mod card_machine;
mod card_model;
mod card_room;
mod careplan;
mod careplan_codes;
mod careplan_corpus;
mod careplan_cover;
mod careplan_generator;
mod careplan_lint;
mod careplan_mutations;
mod careplan_properties;
mod careplan_reader;
mod careplan_unit;
mod careplan_unit_group;
mod careplan_zip;
mod check_digits;
mod check_findings;
mod clock;
mod config;
mod config_facilities;
mod dispatcher;
mod exchange_scan;
mod fault;
mod hub_credential;
mod hub_failure;
mod hub_lockout;
mod hub_scripted;
mod hub_writer;
mod identity;
mod identity_scripted;
mod inbox;
mod lan_doors;
mod machine;
mod master_key;
mod openapi;
mod opinion;
mod opinion_characters;
mod opinion_numbers;
mod opinion_properties;
mod opinion_rules;
mod order;
mod pairing;
mod people;
mod probe;
mod rest;
mod schedule;
mod schedule_kinds;
mod schedule_queues;
mod support_settings;

/// Compares a committed file with what the code generates; `UPDATE_DOCS=1` writes it instead.
fn golden(path: &str, generated: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "{} differs from the code; run UPDATE_DOCS=1 cargo test", path.display());
}
