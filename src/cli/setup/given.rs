//! The forms of single answers: files that are read, words, people.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use toml_edit::Value;
use zeroize::Zeroizing;

use super::Said;
use crate::cli::output::chain;
use crate::credential::{FacilityCertificate, Secret, SecretSource};
use crate::hub;
use crate::order;
use crate::terminal::Right;

/// The kinds of certificates that the hub knows, as the settings' reader names them.
pub(super) const KINDS: [&str; 3] = ["iryo", "kaigo-hoken", "kaigo-dx"];

/// A certificate's kind, as people call it.
pub(super) fn kind_ja(kind: &str) -> &str {
    match kind {
        "iryo" => "医療機関",
        "kaigo-hoken" => "介護保険証明書",
        "kaigo-dx" => "介護DX証明書",
        other => other,
    }
}

pub(super) fn text_of(value: &Value) -> Result<&str, Said> {
    value.as_str().ok_or_else(|| Said::new("\"…\" で囲んだ文字列で書いてください。", "Write it as text in \"…\"."))
}

/// The place of a file.
pub(super) fn file_of(value: &Value) -> Result<&str, Said> {
    match text_of(value)? {
        "" => Err(Said::new("ファイルの場所を書いてください。", "Name the file.")),
        text => Ok(text),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Said {
    let shown = path.display();
    Said::new(format!("{shown} を読めません（{error}）。"), format!("{shown} cannot be read ({error})."))
}

/// A whole file of at most [`FacilityCertificate::LIMIT`] bytes.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Said> {
    let failed = |error: std::io::Error| unreadable(path, &error);
    let looked = std::fs::metadata(path).map_err(failed)?;
    let shown = path.display();
    if !looked.is_file() {
        return Err(Said::new(format!("{shown} はファイルではありません。"), format!("{shown} is no file.")));
    }
    if looked.len() > FacilityCertificate::LIMIT {
        return Err(Said::new(format!("{shown} は大きすぎます。"), format!("{shown} is too large.")));
    }
    std::fs::read(path).map(Zeroizing::new).map_err(failed)
}

/// The hub operator's certificate authority.
pub(super) fn authority(path: &Path) -> Result<Zeroizing<Vec<u8>>, Said> {
    let pem = read(path)?;
    hub::check_ca(&pem).map_err(|error| {
        let (shown, why) = (path.display(), chain(&error));
        Said::new(
            format!("{shown} はCA証明書（PEM）ではありません（{why}）。"),
            format!("{shown} is no CA certificate in PEM ({why})."),
        )
    })?;
    Ok(pem)
}

/// The facility's certificate, not opened yet.
pub(super) fn certificate(path: &Path) -> Result<Zeroizing<Vec<u8>>, Said> {
    let is = |wanted: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(wanted));
    if is("p12") || is("pfx") { read(path) } else { Err(pem()) }
}

pub(super) fn pem() -> Said {
    Said::new(
        "setup が受け取る証明書は .p12 か .pfx です。PEMの証明書は設定ファイルに書きます（README.md の By hand）。",
        "setup takes a .p12 or .pfx. A certificate in PEM is set by hand, see README.md.",
    )
}

/// A passphrase; the empty one: the certificate has none.
pub(super) fn typed(text: &str) -> Secret {
    Secret::from(text)
}

/// A password.
pub(super) fn password(text: &str) -> Result<Secret, Said> {
    match text {
        "" => Err(Said::new("パスワードが空です。", "The password is empty.")),
        text => Ok(Secret::from(text)),
    }
}

/// A secret in a file; a stick from elsewhere has the modes of its mount, so an open one is taken, with a word.
pub(super) fn secret_of(path: &Path, notes: &mut Vec<Said>) -> Result<Secret, Said> {
    let wrong = |why: String| {
        let shown = path.display();
        Said::new(
            format!("{shown} からパスワードを読めません（{why}）。"),
            format!("No secret can be read from {shown} ({why})."),
        )
    };
    let absolute = std::path::absolute(path).map_err(|error| unreadable(path, &error))?;
    let source = SecretSource::File(absolute.clone());
    let secret = source.read_from(absolute.parent()).map_err(|error| wrong(chain(&error)))?;
    secret.text().map_err(|error| wrong(chain(&error)))?;
    if std::fs::metadata(path).is_ok_and(|looked| looked.permissions().mode() & 0o077 != 0) {
        let shown = path.display();
        notes.push(Said::new(
            format!("{shown} はほかの利用者も読めます。要らなくなったら消してください。"),
            format!("{shown} can be read by others. Delete it when it is no longer needed."),
        ));
    }
    Ok(secret)
}

pub(super) fn kind(text: &str) -> Result<String, Said> {
    let all = KINDS.join(", ");
    match KINDS.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(Said::new(format!("次のどれかです: {all}"), format!("It is one of: {all}"))),
    }
}

pub(super) fn user() -> Said {
    Said::new(
        "英小文字で始まる英数字 . _ - の2〜32字で書いてください。",
        "Write 2 to 32 of a-z 0-9 . _ -, a letter first.",
    )
}

pub(super) fn name() -> Said {
    Said::new("1〜64字で、改行なしで書いてください。", "Write 1 to 64 signs, on one line.")
}

pub(super) fn terminal_kind() -> Said {
    Said::new("次のどれかです: browser, software, key", "It is one of: browser, software, key")
}

/// What a terminal may do.
pub(super) fn rights(value: &Value) -> Result<BTreeSet<Right>, Said> {
    let all: Vec<_> = Right::ALL.iter().map(|right| right.name()).collect();
    let all = all.join(", ");
    let wrong = || Said::new(format!("[\"submit\", …] の形で、次から: {all}"), format!("Write a list of: {all}"));
    let array = value.as_array().filter(|array| !array.is_empty()).ok_or_else(wrong)?;
    let rights = array.iter().map(|entry| entry.as_str().and_then(Right::parse).ok_or_else(wrong));
    rights.collect::<Result<Vec<_>, _>>().map(order::set)
}
