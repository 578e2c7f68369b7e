//! Municipalities: an insurer is live when it says so, or when its day has come.

use jiff::civil::Date;

use super::{Event, Hub, HubError};
use crate::cli::Failure;
use crate::world::{Municipality, Progress};

impl Hub {
    /// All insurers as they stand on a day.
    pub(crate) fn municipalities(&self, today: Date) -> Vec<Municipality> {
        self.municipalities.iter().map(|m| on(m, today)).collect()
    }

    /// Whether an insurer can be sent to.
    pub(crate) fn insurer(&self, number: &str, today: Date) -> Result<(), HubError> {
        let Some(found) = self.municipalities.iter().find(|m| m.insurer_number == number) else {
            return Err(HubError::new("E2103", "保険者番号が見つかりません").at("/insurer_number"));
        };
        match on(found, today) {
            Municipality { state: Progress::Live, .. } => Ok(()),
            Municipality { live_from, .. } => Err(HubError::not_live(live_from)),
        }
    }

    /// Changes an insurer or adds one.
    pub(crate) fn change_municipality(&mut self, municipality: Municipality) -> Result<(), Failure> {
        self.commit(Event::Municipality(municipality))
    }

    pub(super) fn put_municipality(&mut self, municipality: Municipality) {
        self.municipalities.retain(|m| m.insurer_number != municipality.insurer_number);
        self.municipalities.push(municipality);
        self.municipalities.sort_by(|a, b| b.insurer_number.cmp(&a.insurer_number));
    }
}

fn on(municipality: &Municipality, today: Date) -> Municipality {
    let mut municipality = municipality.clone();
    if municipality.live_from.is_some_and(|day| day <= today) && municipality.state == Progress::Migrating {
        municipality.state = Progress::Live;
    }
    municipality
}
