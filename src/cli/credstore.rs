//! Secrets as systemd keeps them for the service, as root sees them on the box.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::credential::Secret;

/// Where the unit file's `LoadCredential=` finds its files.
pub(super) const CLEAR: &str = "/etc/credstore";
/// Where `LoadCredentialEncrypted=` does.
pub(super) const ENCRYPTED: &str = "/etc/credstore.encrypted";

/// The file name of a credential, as the unit files have it.
pub(super) fn stored(name: &str) -> String {
    format!("engawa.{}", name.strip_prefix("engawa-").unwrap_or(name))
}

/// The encrypted file of a credential.
pub(super) fn encrypted_file(name: &str) -> PathBuf {
    Path::new(ENCRYPTED).join(stored(name))
}

/// A secret encrypted for this machine under its name; `None` where `systemd-creds` cannot.
pub(super) fn encrypt(name: &str, secret: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    creds(&["encrypt", &format!("--name={name}"), "-", "-"], secret)
}

/// What is kept encrypted under that name; `None` where it is not there, or cannot be opened on this machine or by this user.
pub(super) fn decrypt(name: &str) -> Option<Secret> {
    let blob = std::fs::read(encrypted_file(name)).ok()?;
    creds(&["decrypt", &format!("--name={name}"), "-", "-"], &blob).map(Secret::from)
}

/// `systemd-creds` with what it needs on its standard input: a secret never stands among arguments.
fn creds(arguments: &[&str], input: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut command = Command::new("systemd-creds");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    // Both are far smaller than what a pipe holds: it is written before it is read.
    let written = child.stdin.take().map(|mut pipe| pipe.write_all(input));
    let output = child.wait_with_output().ok()?;
    let stdout = Zeroizing::new(output.stdout);
    (matches!(written, Some(Ok(()))) && output.status.success() && !stdout.is_empty()).then_some(stdout)
}
