//! What the hub says of a submission that may have gone there under more than one key.

use uuid::Uuid;

use super::kind::Kind;
use super::record::hub_key;
use crate::fault::Code;
use crate::hub::{HubPort, LookupOutcome, Scope, Trouble};

/// Keys beyond the one known that are asked about: as often as a person may have sent it again, from another box.
const FURTHER: u32 = 16;

/// Its keys, as far as this box knows them.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    /// What it is.
    pub kind: Kind,
    /// Under which the hub gets it first.
    pub first: Uuid,
    /// Counts them.
    pub generation: u32,
}

impl Keys {
    /// The one in use.
    pub(super) fn current(self) -> Uuid {
        hub_key(self.first, self.generation)
    }

    /// The one after it.
    fn next(self) -> Self {
        Self { generation: self.generation.saturating_add(1), ..self }
    }

    /// Whether a refusal under one key leads to another one: of nothing else does a person's word make a further key.
    fn go_on_after(self, answer: &LookupOutcome) -> bool {
        matches!(answer, LookupOutcome::Refused(refusal) if refusal.code == Code::HubRecipientAbsent)
            && self.kind.has_paper()
    }

    /// Asks what became of it, and under which of its keys. One that was refused for want of an office may have gone under the
    /// next key since, from another box that has the same records.
    pub(super) async fn ask<H: HubPort>(self, hub: &H) -> (Self, LookupOutcome) {
        let (mut keys, mut answer) = (self, hub.lookup(self.current()).await);
        for _ in 0..FURTHER {
            if !keys.go_on_after(&answer) {
                return (keys, answer);
            }
            match hub.lookup(keys.next().current()).await {
                LookupOutcome::Unseen | LookupOutcome::NotOffered => return (keys, answer),
                // Asked again from the key that is known.
                trouble @ LookupOutcome::Trouble(_) => return (keys, trouble),
                further => (keys, answer) = (keys.next(), further),
            }
        }
        if keys.go_on_after(&answer) {
            // More than any person does: nobody can say any more.
            answer = LookupOutcome::Trouble(Trouble::of(Code::OutcomeUnknown, Scope::Item));
        }
        (keys, answer)
    }

    /// Whether the hub knows a further key of one that it has just refused for want of an office: what it said is then not its last
    /// word. Where the hub does not answer, it may.
    pub(super) async fn may_be_under_another<H: HubPort>(self, hub: &H) -> bool {
        self.kind.has_paper()
            && !matches!(hub.lookup(self.next().current()).await, LookupOutcome::Unseen | LookupOutcome::NotOffered)
    }
}
