//! The one sort against the standard library's.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use engawa::order::{self, SmallMap};
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

    /// What is done to both leaves the same in both, and is answered alike.
    #[test]
    fn a_small_map_is_what_a_map_is(steps in prop::collection::vec((0_u8..6, 0_u8..8, any::<u16>()), 0..100)) {
        let (mut ours, mut theirs) = (SmallMap::new(), BTreeMap::new());
        for (what, key, value) in steps {
            match what {
                0 => prop_assert_eq!(ours.insert(key, value), theirs.insert(key, value)),
                1 => prop_assert_eq!(ours.remove(&key), theirs.remove(&key)),
                2 => prop_assert_eq!(ours.get_or_insert(key, value), theirs.entry(key).or_insert(value)),
                3 => prop_assert_eq!(ours.get_mut(&key).map(|own| *own = value), theirs.get_mut(&key).map(|own| *own = value)),
                4 => {
                    let keep = |known: &u8, own: &mut u16| *known != key || *own > value;
                    ours.retain(keep);
                    theirs.retain(keep);
                }
                _ => prop_assert_eq!((ours.get(&key), ours.contains_key(&key)), (theirs.get(&key), theirs.contains_key(&key))),
            }
            prop_assert!(ours.iter().eq(theirs.iter()));
            prop_assert!(ours.keys().eq(theirs.keys()) && ours.values().eq(theirs.values()));
            prop_assert_eq!((ours.len(), ours.is_empty()), (theirs.len(), theirs.is_empty()));
        }
        ours.values_mut().for_each(|value| *value = 0);
        prop_assert!(ours.values().all(|value| *value == 0));
        ours.clear();
        prop_assert!(ours == SmallMap::default());
    }
}
