//! Opening a backup: who signed it is known before anything of it is written, and what is written is what was signed.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

use super::manifest::{self, Manifest, Part};
use super::{BackupError, BoxKey, RecoveryKey};
use crate::model::hex;

/// Writes the parts of a backup into `into`, an empty directory, on stable storage when it returns. Whatever it returns, nothing
/// of it is in use: that is the caller's to decide.
///
/// # Errors
/// [`BackupError::WrongKey`], [`BackupError::Signature`], [`BackupError::Unusable`], or what a file refused.
pub fn unpack(from: impl Read, key: &RecoveryKey, signed_by: &BoxKey, into: &Path) -> Result<Manifest, BackupError> {
    let decryptor = age::Decryptor::new_buffered(BufReader::new(from)).map_err(refused)?;
    let clear = decryptor.decrypt(std::iter::once(key.identity() as &dyn age::Identity)).map_err(refused)?;
    let mut tar = tar::Archive::new(clear);
    let mut entries = tar.entries().map_err(broken)?;
    let mut next = |name: &str| -> Result<_, BackupError> {
        let entry = entries.next().ok_or(BackupError::Unusable("it ends too early"))?.map_err(broken)?;
        let named = entry.path().is_ok_and(|path| path == Path::new(name));
        let file = entry.header().entry_type() == tar::EntryType::Regular;
        if named && file { Ok(entry) } else { Err(BackupError::Unusable("its parts are out of order")) }
    };
    let bytes = small(next(manifest::NAME)?)?;
    let signature = small(next(manifest::SIGNATURE)?)?;
    if !signed_by.signed(&bytes, &signature) {
        let named = Manifest::parse(&bytes).map(|manifest| manifest.signed_by).unwrap_or_default();
        let plain = named.parse::<BoxKey>().map(|key| key.to_string()).unwrap_or_default();
        return Err(BackupError::Signature(plain));
    }
    let manifest = Manifest::parse(&bytes)?;
    manifest.check()?;
    for part in &manifest.parts {
        write_part(next(&part.name)?, part, &into.join(&part.name))?;
    }
    // The encryption marks its end: what was cut off shows here.
    match entries.next() {
        None => {}
        Some(_) => return Err(BackupError::Unusable("there is more in it than it says")),
    }
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(broken)?;
    File::open(into)?.sync_all()?;
    Ok(manifest)
}

fn refused(error: age::DecryptError) -> BackupError {
    match error {
        age::DecryptError::NoMatchingKeys | age::DecryptError::DecryptionFailed | age::DecryptError::InvalidMac => {
            BackupError::WrongKey
        }
        age::DecryptError::Io(error) => broken(error),
        _ => BackupError::Unusable("it is no age file"),
    }
}

/// Reading fails where the file was changed or cut off, or where the medium cannot be read.
fn broken(error: io::Error) -> BackupError {
    match error.kind() {
        io::ErrorKind::InvalidData
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::Other => BackupError::Unusable("it was changed or cut off"),
        _ => BackupError::File(error),
    }
}

fn small(entry: impl Read) -> Result<Vec<u8>, BackupError> {
    let mut bytes = Vec::new();
    let read = entry.take(manifest::MOST + 1).read_to_end(&mut bytes).map_err(broken)? as u64;
    if read > manifest::MOST { Err(BackupError::Unusable("its manifest is too large")) } else { Ok(bytes) }
}

fn write_part(mut entry: impl Read, part: &Part, to: &Path) -> Result<(), BackupError> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        let read = entry.read(&mut buffer).map_err(broken)?;
        if read == 0 {
            break;
        }
        size += read as u64;
        if size > part.size {
            return Err(BackupError::Unusable("a part is larger than it says"));
        }
        context.update(&buffer[..read]);
        file.write_all(&buffer[..read])?;
    }
    if size != part.size || hex(context.finish().as_ref()) != part.sha256 {
        return Err(BackupError::Unusable("a part is not what was signed"));
    }
    Ok(file.sync_all()?)
}
