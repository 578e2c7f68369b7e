//! Every metric by name. A metric that is not in this table does not exist.

use std::sync::{Mutex, PoisonError};

use metrics::{Label, Level, Metadata, SharedString, with_recorder};

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows, from zero at each start.
    Counter,
    /// A present value.
    Gauge,
    /// A distribution over these upper bounds.
    Histogram(&'static [f64]),
}

/// What a metric counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

const FAST: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
const SLOW: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];
const GROUP: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

macro_rules! metrics_table {
    ($( $variant:ident $name:literal $kind:expr, $unit:ident, [$($label:literal),*] $help:literal; )+) => {
        /// A metric.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Metric { $( #[doc = $help] $variant, )+ }

        impl Metric {
            /// Every metric, in the order of the table.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// Its name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $( Self::$variant => $name, )+ } }

            /// How it behaves.
            #[must_use]
            pub const fn kind(self) -> Kind { match self { $( Self::$variant => $kind, )+ } }

            /// What it counts in.
            #[must_use]
            pub const fn unit(self) -> Unit { match self { $( Self::$variant => Unit::$unit, )+ } }

            /// Names of its labels; values are from closed sets.
            #[must_use]
            pub const fn labels(self) -> &'static [&'static str] {
                match self { $( Self::$variant => &[$($label),*], )+ }
            }

            /// What it says.
            #[must_use]
            pub const fn help(self) -> &'static str { match self { $( Self::$variant => $help, )+ } }
        }
    };
}

metrics_table! {
    Accepted "engawa_accepted_total" Kind::Counter, Count, ["facility"]
        "Documents accepted and on stable storage.";
    Refused "engawa_refused_total" Kind::Counter, Count, ["code"]
        "Documents refused at the local endpoint, by code of the catalogue.";
    Submissions "engawa_submissions" Kind::Gauge, Count, ["facility", "state"]
        "Submissions on record by state, also of facilities that the settings do not name.";
    OldestQueued "engawa_oldest_queued_seconds" Kind::Gauge, Seconds, ["facility"]
        "Age of the oldest submission that has not left.";
    Outcomes "engawa_outcomes_total" Kind::Counter, Count, ["facility", "outcome"]
        "Answers to deliveries: accepted, refused, not_live, not_delivered, unknown.";
    SendSeconds "engawa_send_seconds" Kind::Histogram(SLOW), Seconds, []
        "Time of one delivery to the hub, from its first byte to the whole answer.";
    LookupSeconds "engawa_lookup_seconds" Kind::Histogram(SLOW), Seconds, []
        "Time of one question to the hub about an unknown outcome.";
    HubCircuit "engawa_hub_circuit" Kind::Gauge, Count, ["facility"]
        "1 while sending to the hub is suspended because of the hub or the line.";
    CarePlansUnopened "engawa_care_plans_unopened" Kind::Gauge, Count, ["facility"]
        "Care plans from other offices that no person has opened.";
    OldestUnopened "engawa_oldest_unopened_seconds" Kind::Gauge, Seconds, ["facility"]
        "Age here of the oldest care plan that no person has opened.";
    CommitSeconds "engawa_commit_seconds" Kind::Histogram(FAST), Seconds, []
        "Time of one group commit to stable storage.";
    CommitGroupSize "engawa_commit_group_size" Kind::Histogram(GROUP), Count, []
        "Writes that shared one group commit.";
    StorageFree "engawa_storage_free_bytes" Kind::Gauge, Bytes, []
        "Free space of the state directory.";
    Events "engawa_events_total" Kind::Counter, Count, ["kind"]
        "Durable events recorded, by kind.";
    EventStreams "engawa_event_streams" Kind::Gauge, Count, []
        "Clients that follow the events.";
    HttpRequests "engawa_http_requests_total" Kind::Counter, Count, ["route", "status"]
        "Requests to the local endpoint by route pattern and status class.";
    LanRefused "engawa_lan_refused_total" Kind::Counter, Count, ["reason"]
        "Connections from the LAN that were closed: network, address (too many of one), full, displaced, rate, tls.";
    HttpSeconds "engawa_http_request_seconds" Kind::Histogram(FAST), Seconds, ["route"]
        "Time of a request to the local endpoint, by route pattern.";
    ResidentMemory "engawa_resident_bytes" Kind::Gauge, Bytes, []
        "Resident memory of the process.";
    CertificateDays "engawa_certificate_days" Kind::Gauge, Count, ["facility"]
        "Days until the facility's certificate expires.";
    CardOperations "engawa_card_operations_total" Kind::Counter, Count, ["operation", "code"]
        "Operations on cards, by what was done and by code of the catalogue; OK where it succeeded.";
    CardSeconds "engawa_card_operation_seconds" Kind::Histogram(SLOW), Seconds, ["operation"]
        "Time of one operation on a card.";
    Identifications "engawa_identifications_total" Kind::Counter, Count, ["method", "code"]
        "Identifications asked for, by method and by code of the catalogue; OK where the hub knew the person, RECORDED where it is shown later.";
    CardReaders "engawa_card_readers" Kind::Gauge, Count, ["state"]
        "Card readers by state: ok, degraded, absent.";
    CardStuck "engawa_card_stuck_threads" Kind::Gauge, Count, []
        "Card reader threads beyond one a reader, which wait in calls that do not return.";
}

/// Facilities that have a label of their own: as many as the settings may name.
const FACILITIES: usize = 16;
/// The label of all further ones together, and of what is no number.
const OTHERS: &str = "others";

static KNOWN: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// The label of a facility. The first sixteen that a process asks for have their numbers, which say nothing of a person; the set never
/// grows beyond them.
pub fn facility(number: &str) -> &'static str {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(label) = known.iter().copied().find(|label| *label == number) {
        return label;
    }
    let plain = (1..=10).contains(&number.len()) && number.bytes().all(|octet| octet.is_ascii_alphanumeric());
    let numbers = known.iter().filter(|label| **label != OTHERS).count();
    let label = if plain && numbers < FACILITIES { Box::leak(number.to_owned().into_boxed_str()) } else { OTHERS };
    if !known.contains(&label) {
        known.push(label);
    }
    label
}

/// Every label that [`facility`] has given out; what is counted by facility is counted for each of them, be it nothing.
#[must_use]
pub fn facilities() -> Vec<&'static str> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Of a rendered text what is not of another facility than this one.
#[must_use]
pub fn of_facility(text: &str, number: &str) -> String {
    let own = format!("facility=\"{number}\"");
    let lines =
        text.lines().filter(|line| line.starts_with('#') || !line.contains("facility=\"") || line.contains(&own));
    lines.flat_map(|line| [line, "\n"]).collect()
}

static METADATA: Metadata<'static> = Metadata::new("engawa", Level::INFO, None);

/// A label: its name and its value, from a closed set: written in the source, or of [`facility`].
pub type ClosedLabel = (&'static str, &'static str);

/// One metric with its labels, looked up: for what is counted often.
pub struct Series(Found);

enum Found {
    Counter(metrics::Counter),
    Histogram(metrics::Histogram),
    /// Gauges are set by their names.
    Gauge,
}

impl Series {
    /// Adds one to a counter. Nothing happens on a metric of another kind.
    pub fn count(&self) {
        if let Found::Counter(counter) = &self.0 {
            counter.increment(1);
        }
    }

    /// Notes one value of a distribution. Nothing happens on a metric of another kind.
    pub fn record(&self, value: f64) {
        if let Found::Histogram(histogram) = &self.0 {
            histogram.record(value);
        }
    }
}

impl Metric {
    /// Looks the metric up under these labels. What is found before [`super::init`] counts nothing.
    #[must_use]
    pub fn series(self, labels: &[ClosedLabel]) -> Series {
        let key = self.key(labels);
        Series(match self.kind() {
            Kind::Counter => Found::Counter(with_recorder(|recorder| recorder.register_counter(&key, &METADATA))),
            Kind::Histogram(_) => {
                Found::Histogram(with_recorder(|recorder| recorder.register_histogram(&key, &METADATA)))
            }
            Kind::Gauge => Found::Gauge,
        })
    }

    /// Adds to a counter. Nothing happens on a metric of another kind.
    pub fn add(self, labels: &[ClosedLabel], by: u64) {
        if matches!(self.kind(), Kind::Counter) {
            let key = self.key(labels);
            with_recorder(|recorder| recorder.register_counter(&key, &METADATA).increment(by));
        }
    }

    /// Adds one to a counter.
    pub fn count(self, labels: &[ClosedLabel]) {
        self.add(labels, 1);
    }

    /// Sets a gauge. Nothing happens on a metric of another kind.
    pub fn set(self, labels: &[ClosedLabel], value: f64) {
        if matches!(self.kind(), Kind::Gauge) {
            let key = self.key(labels);
            with_recorder(|recorder| recorder.register_gauge(&key, &METADATA).set(value));
        }
    }

    /// Moves a gauge to which several add. Nothing happens on a metric of another kind.
    pub fn change(self, labels: &[ClosedLabel], by: f64) {
        if matches!(self.kind(), Kind::Gauge) {
            let key = self.key(labels);
            with_recorder(|recorder| recorder.register_gauge(&key, &METADATA).increment(by));
        }
    }

    /// Notes one value of a distribution. Nothing happens on a metric of another kind.
    pub fn record(self, labels: &[ClosedLabel], value: f64) {
        if matches!(self.kind(), Kind::Histogram(_)) {
            let key = self.key(labels);
            with_recorder(|recorder| recorder.register_histogram(&key, &METADATA).record(value));
        }
    }

    fn key(self, labels: &[ClosedLabel]) -> metrics::Key {
        debug_assert!(
            labels.iter().map(|(name, _)| name).eq(self.labels()),
            "{} takes the labels {:?}",
            self.name(),
            self.labels()
        );
        let labels: Vec<Label> = labels.iter().map(|(name, value)| Label::from_static_parts(name, value)).collect();
        metrics::Key::from_parts(self.name(), labels)
    }
}

/// Gives the recorder the help texts, and every counter without labels its zero, so that a rate can be taken from the
/// first event on.
pub(super) fn describe() {
    for metric in Metric::ALL.iter().copied() {
        let unit = match metric.unit() {
            Unit::Count => metrics::Unit::Count,
            Unit::Seconds => metrics::Unit::Seconds,
            Unit::Bytes => metrics::Unit::Bytes,
        };
        let (name, help) = (metric.name().into(), SharedString::const_str(metric.help()));
        with_recorder(|recorder| match metric.kind() {
            Kind::Counter => recorder.describe_counter(name, Some(unit), help),
            Kind::Gauge => recorder.describe_gauge(name, Some(unit), help),
            Kind::Histogram(_) => recorder.describe_histogram(name, Some(unit), help),
        });
        if metric.labels().is_empty() {
            metric.add(&[], 0);
        }
    }
}
