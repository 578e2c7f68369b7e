//! Putting lists in order, and making ordered maps and sets.
//!
//! The standard library compiles its sorts anew for every type that is sorted, and its maps sort what they are collected from: some
//! kilobytes each time. Here one sort serves all lists of up to some thousands; files with a row for every act of care keep the library's own.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Sorts; equal ones stay in the order in which they are.
pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, Ord::cmp);
}

/// The same, by what `key` gives for each. It is asked often: it should be cheap.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |one, other| key(one).cmp(&key(other)));
}

/// The same, as `compare` says.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let swaps = swaps(items.len(), &|one, other| match (items.get(one), items.get(other)) {
        (Some(one), Some(other)) => compare(one, other),
        _ => Ordering::Equal,
    });
    for (at, from) in swaps.into_iter().enumerate() {
        items.swap(at, from);
    }
}

/// With what each place in turn has to be swapped, so that what is compared by its place comes into order.
fn swaps(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|one, other| compare(*one, *other));
    // Where what was at a place in the beginning is, and what is at a place, while the swaps are made.
    let (mut place_of, mut lies_at): (Vec<usize>, Vec<usize>) = (0..count).map(|at| (at, at)).unzip();
    for (at, item) in order.iter_mut().enumerate() {
        let (from, gives_way) = (place_of[*item], lies_at[at]);
        (place_of[gives_way], lies_at[from]) = (from, gives_way);
        *item = from;
    }
    order
}

/// A map of these entries; of those with the same key the last one stands.
pub fn map<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for (key, value) in entries {
        map.insert(key, value);
    }
    map
}

/// A set of these.
pub fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    for item in items {
        set.insert(item);
    }
    set
}
