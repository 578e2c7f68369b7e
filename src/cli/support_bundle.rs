//! `engawa support-bundle`: what a vendor needs to help from afar, shown before it is written, with nothing personal in it.

use std::path::Path;

use super::Exit;
use super::arguments::SupportBundleOrder;

pub(super) fn run(_path: &Path, _order: &SupportBundleOrder) -> Exit {
    Exit::Usage
}
