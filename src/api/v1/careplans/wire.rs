//! The JSON that callers see of care plans handed in.

use jiff::Timestamp;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::problem::Place;
use crate::api::v1::wire::{StateView, SubmissionView, SubstitutionView};
use crate::model::hex;
use crate::outbox::{Batch, Submission};

/// Files to be handed in.
#[derive(ToSchema)]
#[schema(as = CareplanParts)]
#[allow(dead_code, reason = "describes the request; it is read by hand to report all problems at once")]
pub(in crate::api) struct FileParts {
    /// CSV files, the images of units, or ZIPs of them, each with its file name. The names of the parts do not matter.
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<Vec<u8>>,
    /// Replacements for characters that the hub cannot hold, as `application/json`.
    #[schema(value_type = Option<Vec<SubstitutionView>>, required = false)]
    substitutions: Vec<SubstitutionView>,
}

/// Units to be handed in.
#[derive(ToSchema)]
#[schema(as = CareplanUnits)]
#[allow(dead_code, reason = "describes the request; it is read by hand to report all problems at once")]
pub(in crate::api) struct UnitsRequest {
    /// Units in the form of docs/careplan-units.md, up to 1,000.
    #[schema(value_type = Vec<Object>, min_items = 1, max_items = 1000)]
    units: Vec<Map<String, Value>>,
    /// Replacements for characters that the hub cannot hold; the pointers are those of the problems (`/units/0/tables/…`).
    #[schema(value_type = Option<Vec<SubstitutionView>>, required = false)]
    substitutions: Vec<SubstitutionView>,
}

/// The promise: all of it is on stable storage.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = CareplanAccepted)]
pub(in crate::api) struct Accepted {
    /// The id of all of it; see `GET /v1/careplans/{id}`.
    id: Uuid,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// One for each unit and office. Each is a submission with a way of its own.
    deliveries: Vec<Delivery>,
    /// What the receiver is likely to refuse, and advice; all of it was accepted.
    warnings: Vec<Place>,
    /// True when this answers a repeat of an earlier request; the states are those of this moment.
    replayed: bool,
}

/// One unit on its way to one office.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = CareplanDelivery)]
struct Delivery {
    /// The submission's id.
    id: Uuid,
    /// Which send unit; see docs/careplan.md.
    #[schema(example = "H2")]
    unit: String,
    /// ファイル連番, 14 digits.
    #[schema(example = "20260425101500")]
    stamp: String,
    /// `YYYYMM`, of units of one month.
    month: Option<String>,
    /// True when it only names what is to be removed.
    delete: bool,
    /// 送信先: 事業所番号.
    to_facility: String,
    /// Its service kind.
    to_service_kind: String,
    /// Names of its CSV files.
    files: Vec<String>,
    /// SHA-256, in hexadecimal, of the exact bytes that go to the hub.
    sha256: String,
    /// Where it is.
    state: StateView,
    /// Where to follow it.
    #[schema(example = "/v1/submissions/0197a1b2-0000-7000-8000-000000000000")]
    status: String,
}

impl From<Batch> for Accepted {
    fn from(batch: Batch) -> Self {
        Self {
            id: batch.id,
            accepted_at: batch.accepted_at,
            deliveries: batch.deliveries.into_iter().filter_map(Delivery::of).collect(),
            warnings: places(batch.warnings),
            replayed: batch.replayed,
        }
    }
}

impl Delivery {
    fn of(submission: Submission) -> Option<Self> {
        let about = submission.care_plan?;
        Some(Self {
            id: submission.id,
            unit: about.unit,
            stamp: about.stamp,
            month: about.month,
            delete: about.delete,
            to_facility: about.to_facility,
            to_service_kind: about.to_service_kind,
            files: about.files,
            sha256: hex(&submission.sha256),
            state: submission.state.into(),
            status: format!("/v1/submissions/{}", submission.id),
        })
    }
}

/// What was handed in together, and how each part of it fares.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = CareplanBatch)]
pub(in crate::api) struct BatchView {
    /// Its id.
    id: Uuid,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// One for each unit and office; without substitutions.
    pub(super) deliveries: Vec<SubmissionView>,
    /// What was noticed at acceptance and did not stand in the way.
    warnings: Vec<Place>,
}

impl BatchView {
    /// The batch without what names a person.
    pub(super) fn of(batch: Batch) -> Self {
        Self {
            id: batch.id,
            accepted_at: batch.accepted_at,
            deliveries: batch.deliveries.into_iter().map(SubmissionView::listed).collect(),
            warnings: places(batch.warnings),
        }
    }
}

fn places(kept: Vec<Value>) -> Vec<Place> {
    kept.into_iter().filter_map(|place| serde_json::from_value(place).ok()).collect()
}
