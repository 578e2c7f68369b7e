//! The reckoning: what was promised, what the gateway has on record, what the hub has.

use std::collections::BTreeMap;

use serde_json::Value;

use super::senders::Promise;
use crate::support::gateway::Gateway;
use crate::support::sandbox::Sandbox;

/// Holds promises, record and hub against each other; everything has left before.
///
/// # Panics
/// When an acknowledged opinion is lost, one was filed twice, or the hub has other bytes than those acknowledged.
pub(crate) fn judge(hub: &Sandbox, gateway: &Gateway, promises: &[Promise]) {
    let facts = hub.facts();
    let totals = &facts["totals"];
    assert_eq!(totals["filed_twice"], 0, "keys with two effects: {totals}");
    assert_eq!(totals["documents_under_two_keys"], 0, "one document under several keys: {}", facts["doubles"]);
    for state in ["held", "returned", "cancelled"] {
        assert_eq!(gateway.list(state), Vec::<Value>::new(), "nothing here gives cause for {state}");
    }

    let filed: Vec<&Value> = facts["accepted"].as_array().unwrap().iter().collect();
    let at_hub: BTreeMap<&str, &Value> = filed.iter().map(|one| (one["key"].as_str().unwrap(), *one)).collect();
    assert_eq!(at_hub.len(), filed.len(), "a key was filed twice");

    let delivered = gateway.list("delivered");
    let on_record: BTreeMap<&str, &Value> = delivered.iter().map(|one| (one["id"].as_str().unwrap(), one)).collect();
    for (id, record) in &on_record {
        let key = record["hub_key"].as_str().unwrap();
        let filed = at_hub.get(key).unwrap_or_else(|| panic!("{id} has a receipt and is not at the hub"));
        assert_eq!(record["receipt"]["number"], filed["receipt_number"], "{id}");
        assert_eq!(record["sha256"], filed["body_sha256"], "{id}: the hub has other bytes");
    }
    assert_eq!(on_record.len(), at_hub.len(), "the hub has opinions of which the record says nothing");

    for promise in promises {
        let record =
            on_record.get(promise.id.as_str()).unwrap_or_else(|| panic!("acknowledged and lost: {}", promise.id));
        assert_eq!(record["sha256"], promise.sha256.as_str(), "{}", promise.id);
    }
}
