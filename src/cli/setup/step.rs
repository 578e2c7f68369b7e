//! What was done, step by step, and how long each took.

use std::time::Duration;

use serde_json::{Value, json};

use super::Said;
use crate::clock::Clock;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Done,
    Unchanged,
    Skipped,
    Failed,
}

/// How a step ended, and what is said of it.
pub(super) struct Outcome {
    pub(super) state: State,
    pub(super) said: Said,
}

impl Outcome {
    pub(super) fn done(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { state: State::Done, said: Said::new(ja, en) }
    }

    pub(super) fn unchanged(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { state: State::Unchanged, said: Said::new(ja, en) }
    }

    pub(super) fn skipped(said: Said) -> Self {
        Self { state: State::Skipped, said }
    }

    pub(super) fn failed(said: Said) -> Self {
        Self { state: State::Failed, said }
    }
}

/// The steps so far.
pub(super) struct Steps {
    clock: Clock,
    since: Duration,
    began: Duration,
    steps: Vec<(&'static str, Outcome, Duration)>,
    /// Told at once, where nobody waits for JSON.
    aloud: bool,
}

impl Steps {
    pub(super) fn new(clock: Clock, aloud: bool) -> Self {
        let began = clock.elapsed();
        Self { clock, since: began, began, steps: Vec::new(), aloud }
    }

    /// The next step has ended.
    pub(super) fn ended(&mut self, name: &'static str, outcome: Outcome) {
        let now = self.clock.elapsed();
        if self.aloud {
            crate::cli::output::say(&line(name, &outcome));
        }
        self.steps.push((name, outcome, now.saturating_sub(self.since)));
        self.since = now;
    }

    pub(super) fn any(&self, state: State) -> bool {
        self.steps.iter().any(|(_, outcome, _)| outcome.state == state)
    }

    /// All of them, for programs.
    pub(super) fn json(&self) -> Value {
        let step = |(name, Outcome { state, said }, took): &(&str, Outcome, Duration)| {
            let state = match state {
                State::Done => "done",
                State::Unchanged => "unchanged",
                State::Skipped => "skipped",
                State::Failed => "failed",
            };
            json!({ "step": name, "state": state, "detail": said.ja, "detail_en": said.en, "ms": milliseconds(*took) })
        };
        self.steps.iter().map(step).collect()
    }

    /// Since the beginning, in milliseconds.
    pub(super) fn total(&self) -> u64 {
        milliseconds(self.clock.elapsed().saturating_sub(self.began))
    }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn line(name: &str, Outcome { state, said }: &Outcome) -> String {
    let state = match state {
        State::Done => "済 ",
        State::Unchanged => "同じ",
        State::Skipped => "—  ",
        State::Failed => "失敗",
    };
    format!("{state}  {name}\n    {}\n    {}", said.ja, said.en)
}
