//! The facility's certificate: opened with its passphrase or key, and judged by kind, facility and dates.

use std::path::Path;

use jiff::Timestamp;

use super::secret::{Sight, is_hidden, look};
use super::{Check, Verdict};
use crate::cli::output::chain;
use crate::config::Config;
use crate::credential::{CertificateProblem, FacilityCertificate};
use crate::fault::Code;
use crate::gateway;

const NAME: &str = "hub.certificate_file";

pub(super) fn examine(config: &Config, credentials: Option<&Path>, now: Timestamp) -> Vec<Check> {
    let hub = &config.hub;
    let secret = hub.certificate_key_file.as_ref().or(hub.certificate_passphrase_file.as_ref());
    let loaded = match secret.filter(|place| is_hidden(place, credentials)) {
        Some(place) => with_stored(config, &look(place, credentials)),
        None => gateway::load_certificate(config)
            .map(Some)
            .map_err(|(code, error)| Check::fail(NAME, code, &chain(error.as_ref()))),
    };
    match loaded {
        Ok(Some(certificate)) => judge(&certificate, config, now),
        Ok(None) => vec![unseen(&hub.certificate_file)],
        Err(failed) => vec![failed],
    }
}

/// With a passphrase or key from systemd's store, as far as it can be seen; `None` where it cannot.
fn with_stored(config: &Config, secret: &Sight) -> Result<Option<FacilityCertificate>, Check> {
    let file = &config.hub.certificate_file;
    let content = std::fs::read(file)
        .map_err(|error| Check::fail(NAME, Code::CertificateMissing, &format!("{}: {error}", file.display())))?;
    let secret = match secret {
        Sight::Seen(secret) => secret,
        Sight::Unusable(error) => return Err(Check::fail(NAME, Code::SecretMissing, &chain(error))),
        Sight::Hidden => return Ok(None),
    };
    let loaded = match config.hub.certificate_key_file {
        Some(_) => FacilityCertificate::from_pem(&content, secret.bytes()),
        None => FacilityCertificate::from_pkcs12(&content, secret),
    };
    loaded.map(Some).map_err(|error| Check::fail(NAME, error.code(), &chain(&error)))
}

fn unseen(file: &Path) -> Check {
    let shown = file.display();
    Check::warn(
        NAME,
        Code::SecretMissing,
        format!(
            "{shown} はあります。開くためのパスワードや鍵はsystemdが渡すため、期限や種類はここでは確かめられません（rootで実行すると確かめられることがあります）。"
        ),
        format!(
            "{shown} is there. What opens it is handed over by systemd, so its dates and kind cannot be judged from here (root may see more)."
        ),
    )
}

fn judge(certificate: &FacilityCertificate, config: &Config, now: Timestamp) -> Vec<Check> {
    let problems = certificate.check(now, Some(&config.facility.number));
    if !problems.is_empty() {
        return problems.iter().map(problem).collect();
    }
    let days = (certificate.valid_until().as_second() - now.as_second()) / 86_400;
    let (number, kind) = (certificate.facility(), certificate.kind().unit());
    vec![Check::ok(
        NAME,
        format!("事業所 {number} の証明書（{kind}）。残り{days}日。"),
        format!("The certificate of facility {number} ({kind}); {days} days left."),
    )]
}

fn problem(problem: &CertificateProblem) -> Check {
    let code = problem.code();
    let check = Check::warn(NAME, code, problem.ja(), problem.en());
    if problem.is_warning() { check } else { Check { verdict: Verdict::Fail, ..check } }
}
