//! The service, where systemd has it.

use std::process::{Command, Stdio};

use super::Said;
use super::layout::Layout;
use super::step::Outcome;

const UNIT: &str = "engawa.service";

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

fn systemctl(arguments: &[&str]) -> bool {
    let mut command = Command::new("systemctl");
    command.arg("--quiet").args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
