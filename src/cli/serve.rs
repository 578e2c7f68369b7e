//! `engawa serve`.

use super::Exit;
use super::output::{chain, complain};
use crate::config::{Loaded, LogFormat};
use crate::fault::Code;
use crate::telemetry::{self, Format};
use crate::{gateway, host};

pub(super) fn run(loaded: Loaded) -> Exit {
    let telemetry = match telemetry::init(format(loaded.config.log.format), gateway::log_level(loaded.config.log.level))
    {
        Ok(telemetry) => telemetry,
        Err(error) => {
            complain(&format!("記録を始められません。 / The log cannot be set up: {}", chain(&error)));
            return Exit::Failed;
        }
    };
    if let Err(error) = host::core_dumps_off() {
        tracing::warn!(error = chain(&error), "a crash could write memory to disk");
    }
    for warning in &loaded.warnings {
        tracing::warn!(place = %warning.place, key = warning.key, "{}", warning.en);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("engawa").build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            return Exit::Failed;
        }
    };
    match runtime.block_on(gateway::run(loaded, telemetry)) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            tracing::error!(code = %error.code, error = chain(&error), "{}", error.code.en());
            // A PIN that is refused would be spent anew at every start that the service manager makes by itself.
            let settings =
                matches!(error.code, Code::ConfigInvalid | Code::CodeTablesInvalid | Code::MasterKeyTokenPin);
            if settings { Exit::Config } else { Exit::Failed }
        }
    }
}

fn format(format: LogFormat) -> Format {
    match format {
        LogFormat::Auto => Format::Auto,
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
        LogFormat::Journal => Format::Journal,
    }
}
