//! Files that are no backup, were changed, cut off, or made by somebody else: nothing of them is put in place.

use std::fs;
use std::io::Write as _;

use serde_json::Value;

use super::{backup, bad, files, good, restore, sheet};
use crate::support::gateway::{Setup, opinion};
use crate::support::sandbox::Sandbox;

/// The entries of the tar in an age file.
fn entries(file: &std::path::Path, sheet: &str) -> Vec<(String, Vec<u8>)> {
    let secret = sheet.lines().last().unwrap();
    let identity: age::x25519::Identity = secret.parse().unwrap();
    let decryptor = age::Decryptor::new(fs::File::open(file).unwrap()).unwrap();
    let clear = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).unwrap();
    let mut archive = tar::Archive::new(clear);
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        (name, bytes)
    };
    archive.entries().unwrap().map(read).collect()
}

/// Whoever knows the public half can write such a file.
fn packed(entries: &[(String, Vec<u8>)], sheet: &str) -> Vec<u8> {
    let recipient: age::x25519::Recipient =
        sheet.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().parse().unwrap();
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let mut file = Vec::new();
    let encrypted = age::Encryptor::with_recipients(recipients).unwrap().wrap_output(&mut file).unwrap();
    let mut tar = tar::Builder::new(encrypted);
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o600);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap().flush().unwrap();
    file
}

#[test]
fn nothing_is_put_in_place_of_a_file_that_is_not_what_the_box_signed() {
    let hub = Sandbox::start();
    hub.down();
    let gateway = Setup::new(&hub).start();
    gateway.accepted(&opinion(1), "one");
    let sheet = sheet(&gateway);
    let file = backup(&gateway);
    let text = fs::read_to_string(&sheet).unwrap();
    let whole = fs::read(&file).unwrap();
    let parts = entries(&file, &text);
    let change = |at: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = parts.clone();
        change(&mut changed[at].1);
        packed(&changed, &text)
    };
    let manifest = |change: &dyn Fn(&mut Value)| {
        let mut changed = parts.clone();
        let mut manifest: Value = serde_json::from_slice(&changed[0].1).unwrap();
        change(&mut manifest);
        changed[0].1 = serde_json::to_vec(&manifest).unwrap();
        packed(&changed, &text)
    };
    let without = |at: usize| {
        let mut left = parts.clone();
        left.remove(at);
        packed(&left, &text)
    };
    let with = |name: &str| {
        let mut more = parts.clone();
        more.push((name.to_owned(), b"more".to_vec()));
        packed(&more, &text)
    };
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    // Another box's backup, signed by that one, for the same recovery key.
    let stranger = Setup::new(&hub).start();
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let wish = crate::support::http::Ask::new("PUT", "/v1/backup/recipient");
    assert_eq!(stranger.ask(&wish.json(&serde_json::json!({ "recipient": recipient }))).status, 200);
    let theirs = fs::read(backup(&stranger)).unwrap();

    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("the same again, as a trial of the tools", packed(&parts, &text), ""),
        ("nothing", Vec::new(), "BACKUP_UNUSABLE"),
        ("a text", b"engawa backup".to_vec(), "BACKUP_UNUSABLE"),
        ("half", whole[..whole.len() / 2].to_vec(), "BACKUP_UNUSABLE"),
        ("all but the last octet", whole[..whole.len() - 1].to_vec(), "BACKUP_UNUSABLE"),
        ("an octet of the first piece", flipped(2000), "BACKUP_UNUSABLE"),
        ("an octet in the middle", flipped(whole.len() / 2), "BACKUP_UNUSABLE"),
        ("the last octet", flipped(whole.len() - 1), "BACKUP_UNUSABLE"),
        ("more at the end", [whole.as_slice(), b"x"].concat(), "BACKUP_UNUSABLE"),
        ("another database", change(2, &|bytes| bytes[200] ^= 1), "BACKUP_UNUSABLE"),
        ("a longer database", change(2, &|bytes| bytes.push(0)), "BACKUP_UNUSABLE"),
        (
            "another master key",
            change(3, &|bytes| bytes[0] = if bytes[0] == b'0' { b'1' } else { b'0' }),
            "BACKUP_UNUSABLE",
        ),
        ("another signature", change(1, &|bytes| bytes[5] ^= 1), "BACKUP_SIGNATURE"),
        ("another epoch", manifest(&|manifest| manifest["epoch"] = 7.into()), "BACKUP_SIGNATURE"),
        ("another facility", manifest(&|manifest| manifest["facility"] = "1".into()), "BACKUP_SIGNATURE"),
        (
            "a name that leads out",
            manifest(&|manifest| manifest["parts"][0]["name"] = "../x".into()),
            "BACKUP_SIGNATURE",
        ),
        ("no signature", without(1), "BACKUP_UNUSABLE"),
        ("no master key", without(3), "BACKUP_UNUSABLE"),
        ("another part", with("authorized_keys"), "BACKUP_UNUSABLE"),
        ("another box's", theirs, "BACKUP_SIGNATURE"),
    ];
    for (what, bytes, code) in cases {
        let forged = gateway.dir().join("forged.age");
        fs::write(&forged, bytes).unwrap();
        let other = Setup::new(&hub).idle();
        let output = restore(&other, &forged, &sheet, &[]);
        if code.is_empty() {
            good(output);
            continue;
        }
        let said = bad(output);
        assert!(said.contains(code), "{what}: {said}");
        assert_eq!(files(other.state()), Vec::<String>::new(), "{what}");
    }
}
