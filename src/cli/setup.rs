//! `engawa setup`: a box made ready, with questions on a terminal or with a file of answers.

use std::path::Path;

use super::Exit;
use super::arguments::SetupOrder;

pub(super) fn run(_path: &Path, _order: &SetupOrder) -> Exit {
    Exit::Usage
}
