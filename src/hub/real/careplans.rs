//! Care plans at the real hub, but for sending them, which is [like sending any document](Hub::filed).

use bytes::Bytes;
use http::Method;
use uuid::Uuid;

use super::way::{Read, ReadUnit};
use super::{Hub, List, keyed};
use crate::fault::Code;
use crate::hub::failure::{acknowledgement, arrival_page, arrived_unit, recipient_page, trouble};
use crate::hub::link::request;
use crate::hub::port::{Acknowledgement, ArrivalPage, ChangePage, RecipientState, Scope, Trouble};
use crate::hub::wire::{self, Capabilities};

const SENT: List = (wire::SENT, Capabilities::has_care_plans);
const RECEIVED: List = (wire::RECEIVED, Capabilities::has_care_plans);

impl Hub {
    pub(super) async fn recipients(&self, cursor: Option<String>) -> Result<ChangePage<RecipientState>, Trouble> {
        let (page, restarted) = self.page(SENT, cursor, recipient_page).await?;
        Ok(ChangePage { restarted, ..page })
    }

    pub(super) async fn arrived(&self, cursor: Option<String>) -> Result<ArrivalPage, Trouble> {
        let (page, restarted) = self.page(RECEIVED, cursor, arrival_page).await?;
        Ok(ArrivalPage { restarted, ..page })
    }

    pub(super) async fn unit(&self, id: &str) -> Result<Option<Bytes>, Trouble> {
        let path = wire::unit_path(id).ok_or(no_name())?;
        let link = self.offering(Capabilities::has_care_plans, Scope::Operator).await?;
        arrived_unit(self.call::<ReadUnit>(&link, || request(Method::GET, &path, Bytes::new())).await?)
    }

    /// Repeated when its connection broke: under the same key the hub takes it once.
    pub(super) async fn tell(&self, key: Uuid, id: &str, what: Acknowledgement) -> Result<(), Trouble> {
        let path = wire::acknowledgement_path(id).ok_or(no_name())?;
        let link = self.offering(Capabilities::has_care_plans, Scope::Operator).await?;
        let build = || keyed(request(Method::POST, &path, wire::acknowledgement_body(what)), key);
        acknowledgement(self.call::<Read>(&link, build).await?.1, id)
    }
}

/// No name of the hub's, so nothing is asked under it.
const fn no_name() -> Trouble {
    trouble(Code::HubNonsense, Scope::Item)
}
