//! The scripted hub's list of what other offices sent, as the contract says: a cursor that has expired starts the list anew, and an
//! acknowledgement under a known key has no second effect.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use uuid::Uuid;

use super::ScriptedHub;
use crate::fault::Code;
use crate::hub::port::{Acknowledgement, Arrival, ArrivalPage, Scope, Trouble};

/// What happens to one acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcknowledgeStep {
    /// It is lost before the hub has it, or refused.
    LoseBefore(Trouble),
    /// The hub has it, and the answer is lost.
    LoseAfter(Trouble),
}

/// One acknowledgement as the hub took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcknowledgementRecord {
    /// Its key.
    pub key: Uuid,
    /// The hub's name for the unit.
    pub id: String,
    /// What it says.
    pub what: Acknowledgement,
}

pub(super) struct Arrivals {
    offered: bool,
    /// Entries of one page.
    page: usize,
    listed: Vec<Arrival>,
    units: BTreeMap<String, Bytes>,
    /// How many units ever came.
    filed: usize,
    /// Cursors carry the number of the list they were given by.
    list: usize,
    next_pages: VecDeque<Trouble>,
    next_units: BTreeMap<String, VecDeque<Trouble>>,
    poisoned: BTreeMap<String, Trouble>,
    garbled: BTreeMap<String, VecDeque<Bytes>>,
    fetched: Vec<String>,
    next_told: BTreeMap<String, VecDeque<AcknowledgeStep>>,
    told: Vec<AcknowledgementRecord>,
    /// Every try, also those that were lost or told again.
    tries: usize,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            offered: true,
            page: 100,
            listed: Vec::new(),
            units: BTreeMap::new(),
            filed: 0,
            list: 0,
            next_pages: VecDeque::new(),
            next_units: BTreeMap::new(),
            poisoned: BTreeMap::new(),
            garbled: BTreeMap::new(),
            fetched: Vec::new(),
            next_told: BTreeMap::new(),
            told: Vec::new(),
            tries: 0,
        }
    }
}

impl ScriptedHub {
    /// Whether the hub has care plans at all; it has, until it is told otherwise.
    pub fn offer_arrivals(&self, offered: bool) {
        self.state().arrivals.offered = offered;
    }

    /// Files a unit that another office sent, under a name of the hub's.
    pub fn arrive(&self, id: &str, from_facility: &str, unit: impl Into<Bytes>) {
        let at = self.clock.now();
        let arrivals = &mut self.state().arrivals;
        arrivals.filed += 1;
        let receipt_number = format!("A{:08}", arrivals.filed);
        arrivals.units.insert(id.to_owned(), unit.into());
        let (id, from_facility) = (id.to_owned(), from_facility.to_owned());
        arrivals.listed.push(Arrival { id, from_facility, kind: "UPPLAN".to_owned(), receipt_number, at });
    }

    /// Lists a unit once more.
    pub fn arrive_again(&self, id: &str) {
        let arrivals = &mut self.state().arrivals;
        let again = arrivals.listed.iter().find(|arrival| arrival.id == id).cloned();
        arrivals.listed.extend(again);
    }

    /// Forgets a unit and leaves it in the list.
    pub fn lose_arrival(&self, id: &str) {
        self.state().arrivals.units.remove(id);
    }

    /// Entries of one page of the list, at least one.
    pub fn page_arrivals(&self, entries: usize) {
        self.state().arrivals.page = entries.max(1);
    }

    /// Makes every cursor of the list given so far unknown.
    pub fn expire_arrival_cursors(&self) {
        self.state().arrivals.list += 1;
    }

    /// Answers the next looks at the list with these troubles.
    pub fn then_list(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.state().arrivals.next_pages.extend(troubles);
    }

    /// Answers the next requests for a unit with these troubles.
    pub fn then_fetch(&self, id: &str, troubles: impl IntoIterator<Item = Trouble>) {
        self.state().arrivals.next_units.entry(id.to_owned()).or_default().extend(troubles);
    }

    /// Gives these in place of a unit, the next times.
    pub fn garble(&self, id: &str, given: impl IntoIterator<Item = &'static str>) {
        let given = given.into_iter().map(|text| Bytes::from_static(text.as_bytes()));
        self.state().arrivals.garbled.entry(id.to_owned()).or_default().extend(given);
    }

    /// Answers every request for a unit with this trouble, until it is told `None`.
    pub fn poison(&self, id: &str, trouble: Option<Trouble>) {
        let poisoned = &mut self.state().arrivals.poisoned;
        match trouble {
            Some(trouble) => drop(poisoned.insert(id.to_owned(), trouble)),
            None => drop(poisoned.remove(id)),
        }
    }

    /// Sets what happens to the next acknowledgements of a unit.
    pub fn then_acknowledge(&self, id: &str, steps: impl IntoIterator<Item = AcknowledgeStep>) {
        self.state().arrivals.next_told.entry(id.to_owned()).or_default().extend(steps);
    }

    /// The units that were handed out, in order.
    #[must_use]
    pub fn fetched(&self) -> Vec<String> {
        self.state().arrivals.fetched.clone()
    }

    /// What the hub was told, in order; the same under the same key stands there once.
    #[must_use]
    pub fn acknowledgements(&self) -> Vec<AcknowledgementRecord> {
        self.state().arrivals.told.clone()
    }

    /// How often somebody tried to tell it something.
    #[must_use]
    pub fn acknowledgements_tried(&self) -> usize {
        self.state().arrivals.tries
    }

    pub(super) fn list_arrivals(&self, cursor: Option<&str>) -> Result<ArrivalPage, Trouble> {
        let arrivals = &mut self.state().arrivals;
        if let Some(trouble) = arrivals.next_pages.pop_front() {
            return Err(trouble);
        }
        arrivals.is_offered()?;
        let known = cursor.and_then(|cursor| {
            let (list, at) = cursor.split_once('.')?;
            list.parse::<usize>().ok().filter(|list| *list == arrivals.list).and(at.parse::<usize>().ok())
        });
        let from = known.unwrap_or(0).min(arrivals.listed.len());
        let items: Vec<_> = arrivals.listed.iter().skip(from).take(arrivals.page).cloned().collect();
        let next_cursor = format!("{}.{}", arrivals.list, from + items.len());
        Ok(ArrivalPage { items, next_cursor, restarted: cursor.is_some() && known.is_none() })
    }

    pub(super) async fn give_unit(&self, id: &str) -> Result<Option<Bytes>, Trouble> {
        // Whoever asks has to wait, so that it can be given up in between.
        tokio::task::yield_now().await;
        let arrivals = &mut self.state().arrivals;
        arrivals.is_offered()?;
        if let Some(trouble) = arrivals.poisoned.get(id) {
            return Err(trouble.clone());
        }
        if let Some(trouble) = arrivals.next_units.get_mut(id).and_then(VecDeque::pop_front) {
            return Err(trouble);
        }
        if let Some(given) = arrivals.garbled.get_mut(id).and_then(VecDeque::pop_front) {
            return Ok(Some(given));
        }
        let unit = arrivals.units.get(id).cloned();
        if unit.is_some() {
            arrivals.fetched.push(id.to_owned());
        }
        Ok(unit)
    }

    pub(super) fn take_acknowledgement(&self, key: Uuid, id: &str, what: Acknowledgement) -> Result<(), Trouble> {
        let arrivals = &mut self.state().arrivals;
        arrivals.tries += 1;
        let lost = match arrivals.next_told.get_mut(id).and_then(VecDeque::pop_front) {
            Some(AcknowledgeStep::LoseBefore(trouble)) => return Err(trouble),
            Some(AcknowledgeStep::LoseAfter(trouble)) => Some(trouble),
            None => None,
        };
        arrivals.is_offered()?;
        if !arrivals.units.contains_key(id) {
            return Err(Trouble::of(Code::HubRefused, Scope::Item));
        }
        let record = AcknowledgementRecord { key, id: id.to_owned(), what };
        match arrivals.told.iter().find(|known| known.key == key) {
            Some(known) if *known == record => {}
            Some(_) => return Err(Trouble::of(Code::HubRefused, Scope::Item)),
            None => arrivals.told.push(record),
        }
        lost.map_or(Ok(()), Err)
    }
}

impl Arrivals {
    fn is_offered(&self) -> Result<(), Trouble> {
        if self.offered { Ok(()) } else { Err(Trouble::of(Code::HubNotOffered, Scope::Operator)) }
    }
}
