//! As whom documents go: the facility's choice, and the passwords of its staff on their way to the hub.

use crate::hub::MemberStatus;
use crate::model::hub_user::{HubMember, HubUser, StaffLogin};
use crate::outbox::Outbox;
use crate::people::{HubLogin, People, PeopleError};

/// The staff of one facility, as the link to its hub asks for them.
pub(super) struct StaffLogins {
    people: People,
    facility: String,
}

impl StaffLogins {
    pub(super) fn new(people: &People, facility: &str) -> Self {
        Self { people: people.clone(), facility: facility.to_owned() }
    }

    pub(super) async fn password(&self, member: &HubMember) -> Result<HubLogin, PeopleError> {
        self.people.hub_login(&self.facility, &member.account, &member.id).await
    }

    pub(super) fn note(&self, user: &HubUser, said: MemberStatus) {
        self.people.note_hub(&self.facility, user, said);
    }
}

/// Takes up the choice of a facility; `own`: its own user.
pub(super) async fn choose(
    facility: &str,
    (mode, own): (StaffLogin, Option<HubUser>),
    people: &People,
    outbox: &Outbox,
) {
    if mode != StaffLogin::Off {
        outbox.in_person();
    }
    if let Err(error) = people.choose_staff_login(facility, mode, own).await {
        tracing::error!(%error, code = %error.code(), "hub: kept passwords that are not to be kept are still there");
    }
    if mode != StaffLogin::Off {
        return;
    }
    match outbox.all_as_facility().await {
        Ok(0) => {}
        Ok(documents) => tracing::warn!(documents, "hub: what waited for a person goes out as the facility's user"),
        Err(error) => tracing::error!(code = %error.code, "hub: what waits for a person goes on waiting"),
    }
}
