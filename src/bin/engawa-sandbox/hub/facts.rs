//! The record as a test wants it: what happened per key, counted from effects and not from answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::event::Asked;
use super::filings::Verdict;
use super::{Hub, Key};
use crate::clock::stamp;

impl Hub {
    /// Totals only.
    pub(crate) fn summary(&self) -> Value {
        let refused = self.known.values().filter(|k| matches!(k.verdict, Verdict::Refused(_))).count();
        json!({
            "requests_seen": self.seen.total(),
            "effects": self.filed().count(),
            "keys_filed": self.filed().map(key_of).collect::<BTreeSet<_>>().len(),
            "filed_twice": self.effects().values().filter(|n| **n > 1).count(),
            "documents_under_two_keys": self.doubles().len(),
            "refused": refused,
            "assertions": self.assertions.len(),
            "careplans": self.plans.filed.len(),
            "acks": self.plans.acks.len(),
        })
    }

    /// The totals, every key, and every document that has two.
    pub(crate) fn facts(&self) -> Value {
        let effects = self.effects();
        let mut keys: BTreeSet<&Key> = self.seen.keys().collect();
        keys.extend(self.known.keys());
        let keys: Vec<_> = keys.into_iter().map(|key| self.key_facts(key, &effects)).collect();
        let doubles: Vec<_> = self
            .doubles()
            .into_iter()
            .map(|(sha256, keys)| {
                let keys: Vec<_> = keys.iter().map(|(_, key)| key.to_string()).collect();
                json!({"canonical_sha256": sha256, "keys": keys})
            })
            .collect();
        json!({
            "totals": self.summary(), "accepted": self.accepted(), "keys": keys, "doubles": doubles,
            "assertions": self.assertion_facts(), "careplans": self.plan_facts(), "acks": self.ack_facts(),
        })
    }

    /// Logins tried since the start, by account.
    pub(crate) fn account_facts(&self) -> Value {
        self.accounts()
            .map(|(user_id, a)| {
                let facts = json!({
                    "facility": a.facility, "attempts": a.attempts, "wrong": a.wrong, "failures": a.failures,
                    "locked_until": a.locked_until.map(stamp),
                });
                (user_id.clone(), facts)
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn accepted(&self) -> Vec<Value> {
        self.filings
            .iter()
            .map(|f| {
                json!({
                    "key": f.filed.asked.key, "facility": f.filed.asked.facility, "user_id": f.filed.user_id, "receipt_number": f.filed.receipt_number,
                    "accepted_at": stamp(f.filed.asked.at), "body_sha256": f.filed.asked.body_sha256,
                    "canonical_sha256": f.filed.asked.canonical_sha256, "length": f.filed.asked.length,
                    "insurer_number": f.filed.insurer_number, "request_number": f.filed.request_number,
                    "attachments": f.filed.attachments, "state": f.state, "trace_id": f.filed.asked.trace_id,
                })
            })
            .collect()
    }

    /// Every opinion filed and every care plan sent or registered.
    fn filed(&self) -> impl Iterator<Item = &Asked> {
        let opinions = self.filings.iter().map(|f| &f.filed.asked);
        opinions.chain(self.plans.filed.iter().map(|p| &p.dispatched.asked))
    }

    /// Effects per key, acks too, counted one by one.
    fn effects(&self) -> BTreeMap<(&str, Uuid), u64> {
        let mut effects = BTreeMap::new();
        for asked in self.filed().chain(self.plans.acks.iter().map(|a| &a.asked)) {
            *effects.entry(key_of(asked)).or_default() += 1;
        }
        effects
    }

    /// Documents filed under more than one key.
    fn doubles(&self) -> Vec<(&str, BTreeSet<(&str, Uuid)>)> {
        let mut documents: BTreeMap<(&str, &str), BTreeSet<(&str, Uuid)>> = BTreeMap::new();
        for asked in self.filed() {
            documents.entry((&asked.call, &asked.canonical_sha256)).or_default().insert(key_of(asked));
        }
        let doubles = documents.into_iter().filter(|(_, keys)| keys.len() > 1);
        doubles.map(|((_, sha256), keys)| (sha256, keys)).collect()
    }

    fn key_facts(&self, key: &Key, effects: &BTreeMap<(&str, Uuid), u64>) -> Value {
        let seen = self.seen.of(key);
        let effects = effects.get(&(key.0.as_str(), key.1)).copied().unwrap_or(0);
        let verdict = self.known.get(key).map(|k| &k.verdict);
        let (outcome, receipt, errors) = match verdict {
            Some(Verdict::Accepted(data)) => (Some("accepted"), data.get("receipt_number"), None),
            Some(Verdict::Refused(errors)) => (Some("refused"), None, Some(errors)),
            None => (None, None, None),
        };
        json!({
            "key": key.1, "facility": key.0, "seen": seen.map_or(0, |s| s.count),
            "bodies_sha256": seen.map(|s| &s.bodies), "effects": effects,
            "outcome": outcome, "receipt_number": receipt, "errors": errors,
        })
    }
}

fn key_of(asked: &Asked) -> (&str, Uuid) {
    (&asked.facility, asked.key)
}
