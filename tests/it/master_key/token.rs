//! The master keys wrapped by a key on a token: SoftHSM2 with a directory of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::{SOON, bad, good, lines, master_key, names, rewrapped, rotate, staff};
use crate::support::gateway::{Gateway, Setup, opinion};
use crate::support::sandbox::Sandbox;
use crate::support::skip;

const PIN: &str = "90210417";

/// A token in a folder.
struct Token {
    folder: tempfile::TempDir,
    module: PathBuf,
}

impl Token {
    fn plug() -> Option<Self> {
        let modules = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"];
        let module = modules.iter().map(PathBuf::from).find(|module| module.exists());
        let Some(module) = module else {
            skip("softhsm2 is not installed");
            return None;
        };
        let token = Self { folder: tempfile::tempdir().unwrap(), module };
        fs::create_dir(token.folder.path().join("tokens")).unwrap();
        let tokens = token.folder.path().join("tokens");
        fs::write(token.conf(), format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display()))
            .unwrap();
        token.util(&["--init-token", "--free", "--label", "engawa", "--so-pin", "12345678", "--pin", PIN]);
        Some(token)
    }

    fn conf(&self) -> PathBuf {
        self.folder.path().join("softhsm2.conf")
    }

    fn util(&self, arguments: &[&str]) {
        let done = Command::new("softhsm2-util").args(arguments).env("SOFTHSM2_CONF", self.conf()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn setup(&self, hub: &Sandbox, object: &str) -> Setup {
        let setup = Setup::new(hub);
        setup.secret("pin", format!("{PIN}\n"));
        self.named(setup, object)
    }

    fn named(&self, setup: Setup, object: &str) -> Setup {
        let uri = format!("pkcs11:token=engawa;object={object}?module-path={}", self.module.display());
        let pin = json!(setup.path("pin")).to_string();
        setup
            .set("state.master_key_token", &json!(uri).to_string())
            .set("state.master_key_pin_file", &pin)
            .env("SOFTHSM2_CONF", self.conf().to_str().unwrap())
    }
}

fn wrapped(file: &Path) -> bool {
    lines(file)[0] == "engawa-token-v1"
}

/// Starts it, though it cannot; how it ended and what it logged.
fn refused(gateway: &mut Gateway) -> (Option<i32>, String) {
    gateway.spawn(&[]);
    let status = gateway.wait();
    (status.code(), gateway.present_log())
}

#[test]
fn a_box_begins_with_a_token_and_needs_it_at_each_start() {
    let Some(token) = Token::plug() else { return };
    let hub = Sandbox::start();
    let mut gateway = token.setup(&hub, "engawa-master").idle();
    let file = gateway.state().join("master.key");
    // Before its key is made there is nothing to wrap with.
    let (_, log) = refused(&mut gateway);
    assert!(log.contains("MASTER_KEY_TOKEN_KEY"), "{log}");
    assert!(!file.exists());
    good(gateway.run(&["master-key", "init-token"]));
    gateway.start();
    assert!(wrapped(&file));
    staff(&gateway, "sato");
    let id = gateway.accepted(&opinion(1), "one");
    gateway.reaches(&id, "delivered", SOON);
    assert_eq!(master_key(&gateway, "status")["source"], "token");
    // A rotation needs the public half alone: the token may be gone by then.
    let tokens = token.folder.path().join("tokens");
    let away = token.folder.path().join("away");
    fs::rename(&tokens, &away).unwrap();
    let before = fs::read(&file).unwrap();
    rotate(&gateway);
    assert!(wrapped(&file) && fs::read(&file).unwrap() != before);
    rewrapped(&gateway);
    gateway.kill9();
    fs::create_dir(&tokens).unwrap();
    let (code, log) = refused(&mut gateway);
    assert!(log.contains("MASTER_KEY_TOKEN_ABSENT"), "{log}");
    assert_eq!(code, Some(1), "the service manager tries again: it may be plugged in at any time");
    fs::remove_dir_all(&tokens).unwrap();
    fs::rename(&away, &tokens).unwrap();
    gateway.start();
    assert_eq!(names(&gateway).len(), 1);
    assert_eq!(super::keys(&gateway).len(), 2);
    assert_eq!(gateway.post(&opinion(1), "one").json()["id"], id.as_str());
    let check = good(gateway.run(&["check", "--offline"]));
    assert!(check.contains("state.master_key_token"), "{check}");
    // The PIN stands nowhere but in its own file.
    assert!(!gateway.log().contains(PIN));
    for entry in fs::read_dir(gateway.state()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(PIN.len()).any(|window| window == PIN.as_bytes()));
    }
}

#[test]
fn a_key_in_clear_is_wrapped_and_what_does_not_fit_is_named() {
    let Some(token) = Token::plug() else { return };
    let hub = Sandbox::start();
    let mut gateway = Setup::new(&hub).start();
    let file = gateway.state().join("master.key");
    staff(&gateway, "sato");
    assert!(gateway.stop().success());
    let clear = fs::read_to_string(&file).unwrap();
    gateway.secret("pin", PIN);
    let mut gateway = gateway.again(|setup| token.named(setup, "engawa-master"));
    let (_, log) = refused(&mut gateway);
    assert!(log.contains("MASTER_KEY_TOKEN_KEY"), "{log}");
    good(gateway.run(&["master-key", "init-token"]));
    assert!(wrapped(&file) && !fs::read_to_string(&file).unwrap().contains(clear.trim()));
    // A second time it stays as it is.
    good(gateway.run(&["master-key", "init-token"]));
    gateway.start();
    assert_eq!(names(&gateway).len(), 1);
    gateway.kill9();

    // A wrong PIN is spent once, not at every start: that exit status is not tried again.
    gateway.secret("pin", "00000000");
    let (code, log) = refused(&mut gateway);
    assert!(log.contains("MASTER_KEY_TOKEN_PIN"), "{log}");
    assert_eq!(code, Some(78));
    gateway.secret("pin", PIN);
    // Another key of that name, as after a token was set up anew.
    let good_file = fs::read(&file).unwrap();
    let mut gateway = gateway.again(|setup| token.named(setup, "another"));
    assert!(bad(gateway.run(&["master-key", "init-token"])).contains("MASTER_KEY_TOKEN_KEY"));
    let (_, log) = refused(&mut gateway);
    assert!(log.contains("MASTER_KEY_TOKEN_KEY"), "{log}");
    assert_eq!(fs::read(&file).unwrap(), good_file, "nothing was changed");
    let mut gateway = gateway.again(|setup| token.named(setup, "engawa-master"));
    // One bit changed.
    let mut text = String::from_utf8(good_file.clone()).unwrap();
    let last = text.len() - 8;
    let other = if text.as_bytes()[last] == b'A' { "B" } else { "A" };
    text.replace_range(last..=last, other);
    fs::write(&file, &text).unwrap();
    let (_, log) = refused(&mut gateway);
    assert!(log.contains("MASTER_KEY_TOKEN_KEY"), "{log}");
    fs::write(&file, &good_file).unwrap();
    // A module that is none.
    let mut gateway = gateway.again(|setup| {
        let uri = "pkcs11:token=engawa;object=x?module-path=/usr/lib/no-such-module.so";
        setup.set("state.master_key_token", &json!(uri).to_string())
    });
    let (_, log) = refused(&mut gateway);
    assert!(log.contains("MASTER_KEY_TOKEN_ABSENT"), "{log}");
    let check = String::from_utf8(gateway.run(&["check", "--offline"]).stdout).unwrap();
    assert!(check.contains("MASTER_KEY_TOKEN_ABSENT"), "{check}");
}
