//! The files that the settings name: certificate authority and secrets. Each is read by the reader that `serve` uses, so that
//! both say the same of it.

use std::path::Path;

use super::secret::{Sight, look};
use super::{Check, Verdict};
use crate::cli::output::chain;
use crate::config::{Config, MasterKeyPlace, SecretRef};
use crate::credential::KeyFile;
use crate::credential::seal::SealError;
use crate::fault::Code;
use crate::hub;

pub(super) fn examine(config: &Config, credentials: Option<&Path>) -> Vec<Check> {
    let mut checks = of_facility(config, credentials);
    checks.push(master_key(config, credentials));
    checks
}

/// What one facility names.
pub(super) fn of_facility(config: &Config, credentials: Option<&Path>) -> Vec<Check> {
    let hub = &config.hub;
    let mut checks = vec![authority(&hub.ca_file)];
    let secrets = [
        ("hub.certificate_key_file", hub.certificate_key_file.as_ref()),
        ("hub.certificate_passphrase_file", hub.certificate_passphrase_file.as_ref()),
        ("hub.password_file", Some(&hub.password_file)),
    ];
    let named = secrets.into_iter().filter_map(|(name, place)| Some((name, place?)));
    checks.extend(named.map(|(name, place)| secret(name, place, credentials, Code::SecretMissing)));
    checks
}

fn authority(path: &Path) -> Check {
    const NAME: &str = "hub.ca_file";
    let shown = path.display();
    let fail = |why: &str| Check::fail(NAME, Code::HubCaUnreadable, &format!("{shown}: {why}"));
    match std::fs::read(path) {
        Err(error) => fail(&error.to_string()),
        Ok(pem) => match hub::check_ca(&pem) {
            Err(error) => fail(&chain(&error)),
            Ok(count) => Check::ok(
                NAME,
                format!("{shown} に証明書が{count}枚あります。"),
                format!("{shown} holds {count} certificate(s)."),
            ),
        },
    }
}

fn secret(name: &'static str, place: &SecretRef, credentials: Option<&Path>, code: Code) -> Check {
    match look(place, credentials) {
        Sight::Seen(_) => Check::ok(name, format!("{place} を読めます。"), format!("{place} is readable.")),
        Sight::Unusable(error) => Check::fail(name, code, &format!("{place}: {}", chain(&error))),
        Sight::Hidden => Check::warn(
            name,
            code,
            format!("{place} はsystemdが渡すため、ここでは確かめられません。起動時に確かめます。"),
            format!("{place} is handed over by systemd and cannot be seen from here. It is checked at start."),
        ),
    }
}

fn master_key(config: &Config, credentials: Option<&Path>) -> Check {
    const NAME: &str = "state.master_key_file";
    const CODE: Code = Code::MasterKeyMissing;
    let given = SecretRef::Credential("engawa-master-key".to_owned());
    match (&config.state.master_key_file, config.state.master_key(credentials)) {
        (Some(place), Err(_)) => secret(NAME, place, credentials, CODE),
        (None, Ok(MasterKeyPlace::Own(_))) if credentials.is_none() && matches!(look(&given, None), Sight::Seen(_)) => {
            secret(NAME, &given, credentials, CODE)
        }
        (_, Ok(MasterKeyPlace::Own(path))) if !path.exists() => own_key_to_be_made(config, &path),
        // Asking the token takes its PIN; a wrong one would be spent at every check.
        (_, Ok(_)) if config.state.master_key_token.is_some() => token(config, credentials),
        (_, Ok(MasterKeyPlace::Own(path) | MasterKeyPlace::Kept(path))) => {
            match KeyFile::new(path.clone(), false, None).read() {
                Ok(_) => {
                    let shown = path.display();
                    Check::ok(NAME, format!("{shown} を読めます。"), format!("{shown} is readable."))
                }
                Err(error @ SealError::Token(_)) => Check::fail(NAME, error.code(), &chain(&error)),
                Err(error) => Check::fail(NAME, CODE, &format!("{}: {}", path.display(), chain(&error))),
            }
        }
        (None, Err(error)) => Check::fail(NAME, CODE, &chain(&error)),
    }
}

/// The token itself is not asked: that is done at start.
fn token(config: &Config, credentials: Option<&Path>) -> Check {
    const NAME: &str = "state.master_key_token";
    let (Some(uri), Some(pin)) = (&config.state.master_key_token, &config.state.master_key_pin_file) else {
        return Check::fail(NAME, Code::ConfigInvalid, NAME);
    };
    if !uri.module.is_file() {
        return Check::fail(NAME, Code::MasterKeyTokenAbsent, &uri.module.display().to_string());
    }
    let pin = secret("state.master_key_pin_file", pin, credentials, Code::SecretMissing);
    if pin.verdict != Verdict::Ok {
        return pin;
    }
    let module = uri.module.display();
    Check::ok(
        NAME,
        format!("モジュール {module} とPINのファイルがあります。トークンは起動時に確かめます。"),
        format!("The module {module} and the PIN's file are there. The token is asked at start."),
    )
}

/// A fresh key opens nothing that is stored already, so none is made then.
fn own_key_to_be_made(config: &Config, path: &Path) -> Check {
    const NAME: &str = "state.master_key_file";
    if config.state.directory.join("engawa.db").exists() {
        return Check::fail(NAME, Code::MasterKeyMissing, &path.display().to_string());
    }
    Check::ok(
        NAME,
        "鍵は最初の起動で作ります。控えを取ってください。",
        "The key is made at the first start. Keep a copy of it.",
    )
}
