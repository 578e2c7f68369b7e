//! The service, where systemd has it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::Said;
use super::layout::Layout;
use super::step::Outcome;
use crate::cli::unit::Unit;
use crate::cli::{Site, client};
use crate::config::Config;
use crate::fault::Code;

const UNIT: &str = "engawa.service";
/// So long the service has to show password and certificate to the hub; a line that is silent takes longer, and is found otherwise.
const PROOF: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(200);

/// What was found of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// It runs with the settings as they are.
    Runs,
    /// Something runs that has read the earlier settings.
    Old,
    Down,
}

/// Starts it, or restarts it where something changed. `answers`: whether one answers already.
pub(super) fn bring_up(layout: &Layout, changed: bool, answers: bool) -> (Service, Outcome) {
    if !layout.on_box {
        return without_systemd(layout, changed, answers);
    }
    let (enabled, active) = (systemctl(&["is-enabled", UNIT]), systemctl(&["is-active", UNIT]));
    if enabled && active && !changed {
        return (Service::Runs, Outcome::unchanged("動いています。", "It runs."));
    }
    let verb = if active && changed { "restart" } else { "start" };
    let done = (!changed || systemctl(&["daemon-reload"])) && systemctl(&["enable", UNIT]) && systemctl(&[verb, UNIT]);
    match done {
        true if verb == "restart" => (Service::Runs, Outcome::done("再起動しました。", "Started anew.")),
        true => (
            Service::Runs,
            Outcome::done("起動しました。電源を入れると自動で動きます。", "Started, and at every boot."),
        ),
        false => {
            let said = Said::new(
                "engawa を起動できません。journalctl -u engawa -n 30 を見てください。",
                "engawa does not start. See journalctl -u engawa -n 30.",
            );
            (Service::Down, Outcome::failed(said))
        }
    }
}

/// Waits until the service knows of every facility whether the hub takes its log-in: one that has only just started would be called
/// well with a wrong password. The time is bounded, as there may be no line yet.
pub(super) async fn proven(site: &Site) {
    let looking = async {
        loop {
            match client::ask(site, Method::GET, "/v1/health", None).await {
                Ok(answer) if !is_proven(&answer.body) => tokio::time::sleep(LOOK).await,
                // That it does not answer is found by the check.
                Ok(_) | Err(_) => return,
            }
        }
    };
    let _ = tokio::time::timeout(PROOF, looking).await;
}

/// A word of warning where the hub has refused what this box logs in with: another wrong password may be one too many.
pub(super) fn refused_before(config: &Config) -> Option<Said> {
    let site = Site { config: config.clone(), named: false };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let asked = async {
        // Nothing is started before an answer is given.
        if let Some(socket) = &site.endpoint.unix_socket
            && !Unit::of(socket).await.may_be_asked()
        {
            return Ok(Err(client::NoAnswer::NoSocket));
        }
        tokio::time::timeout(Duration::from_secs(5), client::ask(&site, Method::GET, "/v1/health", None)).await
    };
    let health = runtime.block_on(asked).ok()?.ok()?.body;
    let number = &config.facility.number;
    let own = &health["facilities"][number.as_str()]["parts"]["hub"]["reason"];
    let reason = if own.is_null() { &health["parts"]["hub"]["reason"] } else { own };
    let warned = [Code::HubLoginRefused, Code::HubLoginCautious, Code::HubAccountLocked];
    reason.as_str().and_then(Code::parse).filter(|code| warned.contains(code)).map(|_| {
        Said::new(
            "基盤はいまのパスワードを拒んでいます。間違いが3回続くと利用者IDがロックされ、あと何回かはこの機器からは分かりません。介護WEBサービスでログインできるパスワードだけを入れてください。",
            "The hub has refused the present password. After three wrong ones it locks the account, and how many are left cannot be known from here. Give only a password that is known to work.",
        )
    })
}

fn is_proven(health: &Value) -> bool {
    let known = |of: &Value| {
        let hub = &of["parts"]["hub"];
        !hub["reason"].is_null() || !hub["last_proof"].is_null()
    };
    match health["facilities"].as_object() {
        Some(facilities) => {
            // One that is taken out of the settings has no hub any more.
            facilities.values().filter(|facility| !facility["parts"]["hub"].is_null()).all(known)
        }
        None => known(health),
    }
}

fn without_systemd(layout: &Layout, changed: bool, answers: bool) -> (Service, Outcome) {
    let command = format!("engawa serve --config {}", layout.base.display());
    match (answers, changed) {
        (true, false) => (Service::Runs, Outcome::unchanged("動いています。", "It runs.")),
        (true, true) => {
            let said = Said::new(
                "動いているengawaを起動し直すと、変えたところが効きます。",
                "Start the running engawa anew: then the changes are in force.",
            );
            (Service::Old, Outcome::skipped(said))
        }
        (false, _) => {
            let said = Said::new(
                format!("systemdのサービスではないので起動していません。次で動きます: {command}"),
                format!("Not started, as it is no service of systemd here. Run: {command}"),
            );
            (Service::Down, Outcome::skipped(said))
        }
    }
}

/// Whether the unit sees homes, by a drop-in of the vendor's.
pub(super) fn sees_homes() -> bool {
    let mut command = Command::new("systemctl");
    command.args(["show", "--property=ProtectHome", "--value", UNIT]).stdin(Stdio::null()).stderr(Stdio::null());
    command.output().is_ok_and(|output| output.stdout.trim_ascii() == b"no")
}

/// Whether the service's user is certain not to be able to write into a folder. Asked of the kernel as that user: groups, access
/// lists and shares all count.
pub(super) fn shut_out(folder: &Path) -> bool {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=engawa", "--regid=engawa", "--init-groups", "test", "-w"]).arg(folder);
    command.args(["-a", "-x"]).arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // 1 is the answer of `test`, but also of a setpriv that finds no such user.
    nix::unistd::User::from_name("engawa").is_ok_and(|user| user.is_some())
        && command.status().is_ok_and(|status| status.code() == Some(1))
}

fn systemctl(arguments: &[&str]) -> bool {
    let mut command = Command::new("systemctl");
    command.arg("--quiet").args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
