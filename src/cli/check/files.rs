//! The files that the settings name: certificate authority and secrets. Their presence and permissions only; what
//! is in them is for the room that uses them.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Check;
use crate::config::{Config, MasterKeyPlace, SecretRef};
use crate::fault::Code;

pub(super) fn examine(config: &Config, credentials: Option<&Path>) -> Vec<Check> {
    let hub = &config.hub;
    let mut checks = vec![public_file("hub.ca_file", &hub.ca_file, Code::HubServerUntrusted)];
    let secrets = [
        ("hub.certificate_key_file", hub.certificate_key_file.as_ref()),
        ("hub.certificate_passphrase_file", hub.certificate_passphrase_file.as_ref()),
        ("hub.password_file", Some(&hub.password_file)),
    ];
    let named = secrets.into_iter().filter_map(|(name, place)| Some((name, place?)));
    checks.extend(named.map(|(name, place)| secret(name, place, credentials, Code::SecretMissing)));
    checks.push(master_key(config, credentials));
    checks
}

pub(super) fn public_file(name: &'static str, path: &Path, code: Code) -> Check {
    match std::fs::read(path) {
        Ok(content) if content.is_empty() => Check::fail(name, code, &format!("{}: 空 / empty", path.display())),
        Ok(_) => {
            Check::ok(name, format!("{} を読めます。", path.display()), format!("{} is readable.", path.display()))
        }
        Err(error) => Check::fail(name, code, &format!("{}: {}", path.display(), error.kind())),
    }
}

fn secret(name: &'static str, place: &SecretRef, credentials: Option<&Path>, code: Code) -> Check {
    match place.locate(credentials) {
        Ok(path) => secret_file(name, &path, code),
        Err(_) => Check::warn(
            name,
            code,
            format!("{place} はsystemdが渡すため、ここでは確かめられません。起動時に確かめます。"),
            format!("{place} is handed over by systemd and cannot be seen from here. It is checked at start."),
        ),
    }
}

fn secret_file(name: &'static str, path: &Path, code: Code) -> Check {
    let shown = path.display();
    let mode = match std::fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(looked) if looked.len() == 0 => return Check::fail(name, code, &format!("{shown}: 空 / empty")),
        Ok(looked) => looked.mode() & 0o777,
        Err(error) => return Check::fail(name, code, &format!("{shown}: {}", error.kind())),
    };
    if mode & 0o007 != 0 {
        return Check::warn(
            name,
            code,
            format!("{shown} はだれでも読めます（{mode:o}）。chmod 600 にしてください。"),
            format!("{shown} can be read by anybody ({mode:o}). chmod 600 it."),
        );
    }
    Check::ok(name, format!("{shown} を読めます。"), format!("{shown} is readable."))
}

fn master_key(config: &Config, credentials: Option<&Path>) -> Check {
    const NAME: &str = "state.master_key_file";
    match config.state.master_key(credentials) {
        Ok(MasterKeyPlace::Own(path)) if !path.exists() => Check::ok(
            NAME,
            "鍵は最初の起動で作ります。控えを取ってください。",
            "The key is made at the first start. Keep a copy of it.",
        ),
        Ok(MasterKeyPlace::Own(path) | MasterKeyPlace::Kept(path)) => secret_file(NAME, &path, Code::MasterKeyMissing),
        Err(_) => match &config.state.master_key_file {
            Some(place) => secret(NAME, place, credentials, Code::MasterKeyMissing),
            None => Check::fail(NAME, Code::MasterKeyMissing, "master.key"),
        },
    }
}
