//! The facility's certificate.

use std::path::Path;

use jiff::Timestamp;

use super::{Check, files};
use crate::config::Config;
use crate::fault::Code;

/// STUB of what `credential` says: only whether the file is there. To be replaced by opening it (passphrase, key) and its
/// kind, facility and dates at `now`, one [`Check`] a problem.
pub(super) fn examine(config: &Config, _credentials: Option<&Path>, _now: Timestamp) -> Vec<Check> {
    vec![files::public_file("hub.certificate_file", &config.hub.certificate_file, Code::CertificateMissing)]
}
