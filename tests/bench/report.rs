//! Rows, their table and their JSON.

use std::path::PathBuf;

use serde_json::{Value, json};

/// One figure, beside what it is measured against.
pub(crate) struct Row {
    id: String,
    value: f64,
    unit: &'static str,
    peer: Option<(String, f64)>,
    goal: Option<Goal>,
}

/// What a figure has to be.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// The value is at most this.
    AtMost(f64),
    /// The value is at least this share of its peer.
    ShareAtLeast(f64),
    /// The value is at most this many times its peer.
    TimesAtMost(f64),
}

impl Row {
    pub(crate) fn new(id: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { id: id.into(), value, unit, peer: None, goal: None }
    }

    /// Beside the value of something else, in the same unit.
    pub(crate) fn beside(mut self, peer: impl Into<String>, value: f64) -> Self {
        self.peer = Some((peer.into(), value));
        self
    }

    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.peer.as_ref().filter(|(_, value)| *value > 0.0).map(|(_, value)| self.value / value)
    }

    fn goal_text(&self) -> Option<String> {
        self.goal.map(|goal| match goal {
            Goal::AtMost(most) => format!("<= {most}"),
            Goal::ShareAtLeast(share) => format!("ratio >= {share}"),
            Goal::TimesAtMost(times) => format!("ratio <= {times}"),
        })
    }

    /// Whether the goal is met; a row without one is.
    fn ok(&self) -> bool {
        match self.goal {
            None => true,
            Some(Goal::AtMost(most)) => self.value <= most,
            Some(Goal::ShareAtLeast(share)) => self.ratio().is_some_and(|ratio| ratio >= share),
            Some(Goal::TimesAtMost(times)) => self.ratio().is_some_and(|ratio| ratio <= times),
        }
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "value": rounded(self.value), "unit": self.unit,
            "peer": self.peer.as_ref().map(|(name, _)| name),
            "peer_value": self.peer.as_ref().map(|(_, value)| rounded(*value)),
            "ratio": self.ratio().map(rounded), "goal": self.goal_text(), "ok": self.ok(),
        })
    }
}

/// What one benchmark found.
#[derive(Default)]
pub(crate) struct Report {
    notes: Vec<String>,
    rows: Vec<Row>,
}

impl Report {
    /// How it was measured, in one sentence.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn good(&self) -> bool {
        self.rows.iter().all(Row::ok)
    }

    pub(crate) fn print(&self, name: &str) {
        println!("\n== {name}");
        for note in &self.notes {
            println!("   {note}");
        }
        println!("{:<34} {:>10} {:<6} {:>10} {:>7}  {:<14} ok   peer", "", "value", "unit", "peer", "ratio", "goal");
        for row in &self.rows {
            let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| rounded(value).to_string());
            println!(
                "{:<34} {:>10} {:<6} {:>10} {:>7}  {:<14} {:<4} {}",
                row.id,
                rounded(row.value),
                row.unit,
                shown(row.peer.as_ref().map(|(_, value)| *value)),
                shown(row.ratio()),
                row.goal_text().unwrap_or_else(|| "-".to_owned()),
                if row.goal.is_none() {
                    "-"
                } else if row.ok() {
                    "yes"
                } else {
                    "NO"
                },
                row.peer.as_ref().map_or("", |(name, _)| name),
            );
        }
    }

    pub(crate) fn write(&self, name: &str) {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench");
        std::fs::create_dir_all(&directory).unwrap();
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let text = serde_json::to_string_pretty(&rows).unwrap();
        std::fs::write(directory.join(format!("{name}.json")), text + "\n").unwrap();
    }
}

/// To three significant figures or so: more would pretend to precision.
fn rounded(value: f64) -> f64 {
    let factor = if value.abs() >= 100.0 {
        1.0
    } else if value.abs() >= 10.0 {
        10.0
    } else {
        100.0
    };
    (value * factor).round() / factor
}

/// The middle one of several measurements.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
