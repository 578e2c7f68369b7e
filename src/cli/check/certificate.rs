//! The facility's certificate: opened with its passphrase or key, and judged by kind, facility and dates.

use jiff::Timestamp;

use super::{Check, Verdict};
use crate::config::Config;
use crate::credential::{CertificateProblem, FacilityCertificate};
use crate::gateway;

const NAME: &str = "hub.certificate_file";

pub(super) fn examine(config: &Config, now: Timestamp) -> Vec<Check> {
    match gateway::load_certificate(config) {
        Err((code, error)) => vec![Check::fail(NAME, code, &error.to_string())],
        Ok(certificate) => judge(&certificate, config, now),
    }
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
