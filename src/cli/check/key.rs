//! Master key, passwords, and the hub's CA certificates. Each is read by the reader that `serve` uses, so that both say the same of it.

use std::path::Path;

use super::secret::{Sight, look};
use super::{Check, Finding, Verdict};
use crate::cli::output::chain;
use crate::config::{Config, MasterKeyPlace, SecretRef};
use crate::credential::KeyFile;
use crate::credential::seal::SealError;
use crate::hub;

const NAME: &str = "key";
const MASTER_KEY: &str = "state.master_key_file";

/// What one facility names.
pub(super) fn of_facility(config: &Config, credentials: Option<&Path>) -> Vec<Check> {
    let hub = &config.hub;
    let secrets = [
        ("hub.certificate_key_file", hub.certificate_key_file.as_ref()),
        ("hub.certificate_passphrase_file", hub.certificate_passphrase_file.as_ref()),
        ("hub.password_file", Some(&hub.password_file)),
    ];
    let named = secrets.into_iter().filter_map(|(setting, place)| Some((setting, place?)));
    let mut checks: Vec<_> =
        named.map(|(setting, place)| secret(place, credentials, Finding::SecretMissing).about(setting)).collect();
    checks.push(authority(&hub.ca_file));
    checks
}

fn authority(path: &Path) -> Check {
    let shown = path.display();
    let fail = |why: &str| Check::found(NAME, Finding::HubCaUnreadable, &format!("{shown}: {why}"));
    let check = match std::fs::read(path) {
        Err(error) => fail(&error.to_string()),
        Ok(pem) => match hub::check_ca(&pem) {
            Err(error) => fail(&chain(&error)),
            Ok(count) => Check::ok(
                NAME,
                format!("{shown} に証明書が{count}枚あります。"),
                format!("{shown} holds {count} certificate(s)."),
            ),
        },
    };
    check.about("hub.ca_file")
}

fn secret(place: &SecretRef, credentials: Option<&Path>, unusable: Finding) -> Check {
    match look(place, credentials) {
        Sight::Seen(_) => Check::ok(NAME, format!("{place} を読めます。"), format!("{place} is readable.")),
        Sight::Unusable(error) => Check::found(NAME, unusable, &format!("{place}: {}", chain(&error))),
        Sight::Hidden => Check::found(NAME, Finding::SecretHidden, &place.to_string()),
    }
}

/// The key that opens what is stored.
pub(super) fn master(config: &Config, credentials: Option<&Path>) -> Check {
    let given = SecretRef::Credential("engawa-master-key".to_owned());
    let key = |place: &SecretRef| secret(place, credentials, Finding::MasterKeyUnusable);
    let check = match (&config.state.master_key_file, config.state.master_key(credentials)) {
        (Some(place), Err(_)) => key(place),
        (None, Ok(MasterKeyPlace::Own(_))) if credentials.is_none() && matches!(look(&given, None), Sight::Seen(_)) => {
            key(&given)
        }
        (_, Ok(MasterKeyPlace::Own(path))) if is_absent(&path) => to_be_made(config, &path),
        (_, Ok(MasterKeyPlace::Kept(path))) if is_absent(&path) => {
            Check::found(NAME, Finding::MasterKeyMissing, &path.display().to_string())
        }
        // Asking the token takes its PIN; a wrong one would be spent at every check.
        (_, Ok(_)) if config.state.master_key_token.is_some() => return token(config, credentials),
        (_, Ok(MasterKeyPlace::Own(path) | MasterKeyPlace::Kept(path))) => kept(&path),
        (None, Err(error)) => Check::found(NAME, Finding::MasterKeyUnusable, &chain(&error)),
    };
    check.about(MASTER_KEY)
}

/// What only root may look at is not absent.
fn is_absent(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

fn kept(path: &Path) -> Check {
    let shown = path.display();
    match KeyFile::new(path.to_owned(), false, None).read() {
        Ok(_) => Check::ok(NAME, format!("{shown} を読めます。"), format!("{shown} is readable.")),
        Err(error @ SealError::Token(_)) => Check::found(NAME, Finding::MasterKeyToken, &chain(&error)),
        Err(error) => Check::found(NAME, Finding::MasterKeyUnusable, &format!("{shown}: {}", chain(&error))),
    }
}

/// The token itself is not asked: that is done at start.
fn token(config: &Config, credentials: Option<&Path>) -> Check {
    const OBJECT: &str = "state.master_key_token";
    let (Some(uri), Some(pin)) = (&config.state.master_key_token, &config.state.master_key_pin_file) else {
        return Check::found(NAME, Finding::SettingsWrong, "").about(OBJECT);
    };
    let module = uri.module.display();
    if !uri.module.is_file() {
        return Check::found(NAME, Finding::MasterKeyToken, &module.to_string()).about(OBJECT);
    }
    let pin = secret(pin, credentials, Finding::SecretMissing);
    if pin.verdict != Verdict::Ok {
        return pin.about("state.master_key_pin_file");
    }
    let check = Check::ok(
        NAME,
        format!("モジュール {module} とPINのファイルがあります。トークンは起動時に確かめます。"),
        format!("The module {module} and the PIN's file are there. The token is asked at start."),
    );
    check.about(OBJECT)
}

/// A fresh key opens nothing that is stored already, so none is made then.
fn to_be_made(config: &Config, path: &Path) -> Check {
    if config.state.directory.join("engawa.db").exists() {
        return Check::found(NAME, Finding::MasterKeyMissing, &path.display().to_string());
    }
    Check::ok(
        NAME,
        "鍵は最初の起動で作ります。控えを取ってください。",
        "The key is made at the first start. Keep a copy of it.",
    )
}
