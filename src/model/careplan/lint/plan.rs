//! What the settings come to, worked out once: code lists that can be asked fast.

use std::cell::OnceCell;

use super::Settings;
use crate::model::careplan::codes::{CodeList, Scope};
use crate::model::careplan::layout::FileKind;

/// A code of at most eight bytes as a number.
fn packed(code: &[u8]) -> Option<u64> {
    (code.len() <= 8).then(|| code.iter().fold(1, |number, byte| number << 8 | u64::from(*byte)))
}

/// A list that is asked for every value.
#[derive(Clone, Default)]
pub(super) struct Codes(Vec<u64>);

impl Codes {
    fn new(list: &CodeList) -> Self {
        let mut codes: Vec<u64> = list.codes.iter().filter_map(|code| packed(code.code.as_bytes())).collect();
        codes.sort_unstable();
        Self(codes)
    }

    pub(super) fn holds(&self, code: &[u8]) -> bool {
        packed(code).is_some_and(|code| self.0.binary_search(&code).is_ok())
    }
}

/// The settings, ready for use.
pub(super) struct Plan<'a> {
    pub(super) settings: &'a Settings,
    /// By kind and item: the item's codes, worked out for the kinds that are met.
    lists: Vec<OnceCell<Vec<Codes>>>,
    /// The CSVバージョン that needs no second look.
    pub(super) current: Vec<u8>,
    /// The service kinds that need no second look.
    pub(super) exchanged: Codes,
}

impl<'a> Plan<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        let mut exchanged = settings.codes.list("service_kind").clone();
        exchanged.codes.retain(|code| settings.codes.scope(code.code.as_bytes()) == Some(Scope::In));
        Self {
            settings,
            lists: vec![OnceCell::new(); FileKind::ALL.len()],
            current: settings.codes.version_to_write().as_bytes().to_vec(),
            exchanged: Codes::new(&exchanged),
        }
    }

    /// The codes of the items of a kind, in the order of the items.
    pub(super) fn lists(&self, kind: FileKind) -> &[Codes] {
        let list = |id: &str| Codes::new(self.settings.codes.list(id));
        let lists = || kind.items().iter().map(|item| list(item.codes)).collect();
        self.lists.get(kind as usize).map_or(&[], |known| known.get_or_init(lists))
    }
}
