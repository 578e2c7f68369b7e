//! The code tables of care plans, read as `serve` reads them.

use super::{Check, Finding};
use crate::cli::output::chain;
use crate::config::Config;
use crate::gateway::lint_settings;

pub(super) fn examine(config: &Config) -> Check {
    const NAME: &str = "careplans";
    let check = match lint_settings(&config.careplans) {
        Ok(settings) => {
            let (codes, version) = (&settings.codes, settings.codes.version_to_write());
            let (edition, month) = (codes.edition(), codes.month());
            Check::ok(
                NAME,
                format!("標準仕様{edition}版のコード表（{month}）。CSVバージョンは {version}。"),
                format!("Code tables of standard {edition} ({month}); the CSV version is {version}."),
            )
        }
        Err(error) => Check::found(NAME, Finding::CodeTables, &chain(&error)),
    };
    check.about("careplans.code_tables")
}
