//! The one sort against the standard library's.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use engawa::order;
use proptest::prelude::*;

proptest! {
    /// Few keys and many items: what is equal stays in the order in which it was.
    #[test]
    fn sorts_as_the_standard_library_does(keys in prop::collection::vec(0_u8..8, 0..200)) {
        let items: Vec<(u8, String)> = keys.into_iter().zip(0..).map(|(key, at)| (key, format!("{at}"))).collect();
        let (mut ours, mut theirs) = (items.clone(), items.clone());
        order::sort_by_key(&mut ours, |item| item.0);
        theirs.sort_by_key(|item| item.0);
        prop_assert_eq!(ours, theirs);

        let (mut ours, mut theirs) = (items.clone(), items.clone());
        order::sort_by(&mut ours, |one, other| other.0.cmp(&one.0));
        theirs.sort_by_key(|item| Reverse(item.0));
        prop_assert_eq!(ours, theirs);

        let (mut ours, mut theirs) = (items.clone(), items);
        order::sort(&mut ours);
        theirs.sort();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn maps_and_sets_are_those_of_the_standard_library(entries in prop::collection::vec((0_u8..8, any::<u16>()), 0..50)) {
        prop_assert_eq!(order::map(entries.clone()), entries.iter().copied().collect::<BTreeMap<_, _>>());
        prop_assert_eq!(order::set(entries.clone()), entries.into_iter().collect::<BTreeSet<_>>());
    }
}
