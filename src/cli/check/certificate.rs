//! The facility's certificate: opened with its passphrase or key, and judged by kind, facility and dates.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::secret::{Sight, look};
use super::{Check, Finding, Verdict};
use crate::cli::output::chain;
use crate::config::Config;
use crate::credential::{CertificateProblem, FacilityCertificate, Secret};
use crate::fault::Code;
use crate::order;

const NAME: &str = "certificate";

/// What the certificate is judged by: the time, if the clock can be trusted.
pub(super) fn examine(config: &Config, credentials: Option<&Path>, now: Option<Timestamp>) -> Vec<Check> {
    let hub = &config.hub;
    let file = &hub.certificate_file;
    let content = match std::fs::read(file) {
        Ok(content) => content,
        Err(error) => return vec![failed(Code::CertificateMissing, &format!("{}: {error}", file.display()))],
    };
    let secret = hub.certificate_key_file.as_ref().or(hub.certificate_passphrase_file.as_ref());
    let secret = match secret.map(|place| look(place, credentials)) {
        None => None,
        Some(Sight::Seen(secret)) => Some(secret),
        Some(Sight::Hidden) => return vec![unseen(file)],
        // Named among the keys.
        Some(Sight::Unusable(_)) => return Vec::new(),
    };
    let loaded = match (&secret, &hub.certificate_key_file) {
        (Some(secret), Some(_)) => FacilityCertificate::from_pem(&content, secret.bytes()),
        (Some(secret), None) => FacilityCertificate::from_pkcs12(&content, secret),
        (None, _) => FacilityCertificate::from_pkcs12(&content, &Secret::from("")),
    };
    match loaded {
        Ok(certificate) => judge(&certificate, config, now),
        Err(error) => vec![failed(error.code(), &format!("{}: {}", file.display(), chain(&error)))],
    }
}

fn failed(code: Code, met: &str) -> Check {
    let finding = match code {
        Code::CertificateMissing => Finding::CertificateMissing,
        Code::CertificateWrongKind => Finding::CertificateWrongKind,
        _ => Finding::CertificateUnreadable,
    };
    Check::found(NAME, finding, met)
}

fn unseen(file: &Path) -> Check {
    Check::found_as(
        NAME,
        Finding::SecretHidden,
        &format!("{} はありますが、開くためのパスワードや鍵が見えず、期限や種類を確かめられません", file.display()),
        &format!("{} is there; what opens it is not seen, so its dates and kind cannot be judged", file.display()),
    )
}

fn judge(certificate: &FacilityCertificate, config: &Config, now: Option<Timestamp>) -> Vec<Check> {
    // Without a time that can be trusted only what does not depend on it is judged.
    let problems = certificate.check(now.unwrap_or(certificate.valid_from()), Some(&config.facility.number));
    let dated = |problem: &&CertificateProblem| now.is_some() || !is_of_time(problem);
    let mut found: Vec<Check> = problems.iter().filter(dated).map(problem).collect();
    order::sort_by_key(&mut found, |check| std::cmp::Reverse(check.verdict));
    if found.iter().any(|check| check.verdict != Verdict::Ok) {
        return found;
    }
    let (number, kind) = (certificate.facility(), certificate.kind().unit());
    let Some(now) = now else {
        return vec![Check::ok(
            NAME,
            format!("事業所 {number} の証明書（{kind}）。時計が合うまで期限は確かめません。"),
            format!("The certificate of facility {number} ({kind}); its dates are not judged by a wrong clock."),
        )];
    };
    let days = (certificate.valid_until().as_second() - now.as_second()) / 86_400;
    vec![Check::ok(
        NAME,
        format!("事業所 {number} の証明書（{kind}）。残り{days}日。"),
        format!("The certificate of facility {number} ({kind}); {days} days left."),
    )]
}

fn is_of_time(problem: &CertificateProblem) -> bool {
    use CertificateProblem::{Expired, Expiring, NotYetValid};
    matches!(problem, Expired { .. } | NotYetValid { .. } | Expiring { .. })
}

fn problem(problem: &CertificateProblem) -> Check {
    let day = |at: &Timestamp| at.to_zoned(TimeZone::fixed(Offset::constant(9))).date();
    let (finding, ja, en) = match problem {
        CertificateProblem::WrongKind { found } => {
            let found = found.as_deref().unwrap_or("–");
            (Finding::CertificateWrongKind, format!("種類: {found}"), format!("kind: {found}"))
        }
        CertificateProblem::Expired { until } => {
            let until = day(until);
            (Finding::CertificateExpired, format!("期限: {until}"), format!("it ended {until}"))
        }
        CertificateProblem::NotYetValid { from } => {
            let from = day(from);
            (Finding::CertificateNotYetValid, format!("開始: {from}"), format!("it begins {from}"))
        }
        CertificateProblem::WrongFacility { found, expected } => (
            Finding::CertificateWrongFacility,
            format!("証明書: {found}、設定: {expected}"),
            format!("certificate: {found}, settings: {expected}"),
        ),
        CertificateProblem::Expiring { until, days } => {
            let until = day(until);
            let (ja, en) = (format!("期限: {until}、残り{days}日"), format!("it ends {until}, {days} days left"));
            (Finding::CertificateExpiring, ja, en)
        }
    };
    Check::found_as(NAME, finding, &ja, &en)
}
