//! `engawa backup`: over the socket when a gateway runs, on the state directory itself when none does.
//!
//! The recovery key is made here: the gateway learns its public half only. The file is written here too, so that the service needs no
//! way to anywhere but its own directory.

use std::path::{Path, PathBuf};

use http::Method;
use serde_json::json;

use super::arguments::BackupOrder;
use super::client::{self, NoAnswer};
use super::output::{chain, complain, say, text_of};
use super::{Exit, Site, on_this_thread};
use crate::backup::{RecoveryKey, Target};
use crate::clock::Clock;
use crate::gateway::{self, BackupDone, StartError};
use crate::host;

pub(super) fn run(site: &Site, order: Option<BackupOrder>, out: Option<PathBuf>) -> Exit {
    match (order, out) {
        (Some(BackupOrder::Init { replace }), _) => on_this_thread(init(site, replace)),
        (None, Some(out)) => on_this_thread(make(site, out)),
        (None, None) => {
            complain("保存先を --out で指定してください。 / Say where to put it: --out DIR");
            Exit::Usage
        }
    }
}

async fn init(site: &Site, replace: bool) -> Exit {
    if let Err(error) = host::core_dumps_off() {
        complain(&format!("core dump: {}", chain(&error)));
    }
    let key = RecoveryKey::generate();
    let order = json!({ "recipient": key.recipient().to_string(), "replace": replace });
    let signed_by = match client::ask(site, Method::PUT, "/v1/backup/recipient", Some(&order)).await {
        Ok(answer) if answer.status.is_success() => text_of(&answer.body, "signed_by"),
        Ok(answer) => return client::refused(&answer, false),
        Err(NoAnswer::Absent { .. } | NoAnswer::NoSocket) => {
            let order = gateway::BackupOrder::Recipient { recipient: key.recipient(), replace };
            match gateway::backup_offline(site, order).await {
                Ok(BackupDone::Signer(signer)) => signer.to_string(),
                Ok(BackupDone::File(_)) => return Exit::Failed,
                Err(error) => return failed(&error),
            }
        }
        Err(error) => return error.report(),
    };
    say(&key.sheet(&site.facility.number, Clock::system().now(), &signed_by));
    complain(
        "この復旧キーは二度と表示されず、機器にも残りません。紙に印刷または書き写して金庫にしまい、機器やバックアップと同じ場所に置かないでください。\n\
         This recovery key is not shown again, and the box does not keep it. Print it or copy it onto paper for the safe; keep it apart from the box and its backups.",
    );
    Exit::Ok
}

async fn make(site: &Site, out: PathBuf) -> Exit {
    match over_socket(site, &out).await {
        Ok(Ok(file)) => done(&file),
        Ok(Err(exit)) => exit,
        Err(NoAnswer::Absent { .. } | NoAnswer::NoSocket) => {
            match gateway::backup_offline(site, gateway::BackupOrder::Make { out }).await {
                Ok(BackupDone::File(file)) => done(&file),
                Ok(BackupDone::Signer(_)) => Exit::Failed,
                Err(error) => failed(&error),
            }
        }
        Err(error) => error.report(),
    }
}

/// The answer as it comes goes into the file; only a whole one gets its name.
async fn over_socket(site: &Site, out: &Path) -> Result<Result<PathBuf, Exit>, NoAnswer> {
    let mut answer = match client::stream(site, Method::POST, "/v1/backup").await? {
        Ok(answer) => answer,
        Err(refusal) => return Ok(Err(client::refused(&refusal, false))),
    };
    let name = answer.file_name().unwrap_or_else(|| "engawa.age".to_owned());
    let mut target = match Target::begin(out, &name) {
        Ok(target) => target,
        Err(error) => return Ok(Err(unwritable(out, &error))),
    };
    while let Some(piece) = answer.next().await? {
        if let Err(error) = std::io::Write::write_all(target.file(), &piece) {
            return Ok(Err(unwritable(out, &error)));
        }
    }
    Ok(target.finish().map_err(|error| unwritable(out, &error)))
}

fn unwritable(out: &Path, error: &std::io::Error) -> Exit {
    let out = out.display();
    complain(&format!(
        "{out} に書けません。バックアップはできていません。 / {out} cannot be written, and there is no backup. ({error})"
    ));
    Exit::Failed
}

fn done(file: &Path) -> Exit {
    say(&file.display().to_string());
    Exit::Ok
}

pub(super) fn failed(error: &StartError) -> Exit {
    complain(&format!("{}\n{}\n{}\n  ({})", error.code, error.code.ja(), error.code.en(), chain(error)));
    Exit::Failed
}
