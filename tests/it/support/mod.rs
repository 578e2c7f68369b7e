//! What several tests need: sandbox and gateway as processes, a client, waiting for conditions.
#![allow(dead_code)]

use std::time::{Duration, Instant};

pub(crate) mod curl;
pub(crate) mod gateway;
pub(crate) mod http;
pub(crate) mod mortal;
pub(crate) mod pcscd;
pub(crate) mod sandbox;
pub(crate) mod vcard;
pub(crate) mod volume;

/// How much more patient than on an idle machine tests are: `ENGAWA_TEST_PATIENCE`, 4 by default.
fn factor() -> u32 {
    std::env::var("ENGAWA_TEST_PATIENCE").ok().map_or(4, |text| text.parse().expect("ENGAWA_TEST_PATIENCE: a number"))
}

/// A bound on what an idle machine does in `idle`, for a machine that has other things to do as well.
pub(crate) fn at_most(idle: Duration) -> Duration {
    idle * factor().max(1)
}

/// Notes that a test could not run here: on standard error, past the capture, and in `target/skipped.txt`, which `make test`
/// shows at its end. Under `CI=true` it is a failure.
pub(crate) fn skip(reason: &str) {
    use std::io::Write as _;
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "not possible here, and in CI it has to be: {reason}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("SKIPPED {test}: {}\n", reason.trim().replace('\n', " "));
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    let list = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("skipped.txt");
    let mut list = std::fs::File::options().append(true).create(true).open(list).unwrap();
    list.write_all(line.as_bytes()).unwrap();
}

/// Looks until there is something to see, and panics when [`at_most`] `within` is over.
#[allow(clippy::disallowed_methods)] // Waiting on other processes is in the machine's time.
pub(crate) fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let (start, within) = (Instant::now(), at_most(within));
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < within, "waited {within:?} in vain for {what}");
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(25));
    }
}
