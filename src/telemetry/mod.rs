//! What engawa says about itself: log and metrics.
//!
//! Invariants: no person data and no secret in either. Labels come from closed sets: written in the source, or the numbers
//! of at most sixteen facilities, which are no person's; never from an id. Other crates log at `warn` and above only, whatever the level: at `debug` an HTTP library may quote
//! headers. A panic is logged by its place, never by its message, which may quote what was being worked on.

mod log;
mod metric;
mod redacted;
mod span_fields;

use std::sync::Arc;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

pub use log::{Format, Level, install_panic_hook};
pub use metric::{ClosedLabel, Kind, Metric, Series, Unit, facilities, facility, of_facility};
pub use redacted::Redacted;

/// Why log and metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The process has a log already.
    #[error("the log is set up already")]
    LogInstalled(#[source] tracing_subscriber::util::TryInitError),
    /// The process has a metrics recorder already, or its description is wrong.
    #[error("the metrics recorder cannot be set up")]
    Metrics(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The level could not be changed.
    #[error("the log level cannot be changed")]
    Level(#[source] tracing_subscriber::reload::Error),
}

/// Access to the log's level and the metrics' text; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    level: Option<Arc<log::LevelHandle>>,
    metrics: PrometheusHandle,
}

/// Sets up log, metrics and panic hook for the process; once.
///
/// # Errors
/// When the process has them already.
pub fn init(format: Format, level: Level) -> Result<Handle, TelemetryError> {
    let recorder = builder()?.build_recorder();
    let metrics = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| TelemetryError::Metrics(Box::new(error)))?;
    let level = log::install(format, level)?;
    install_panic_hook();
    metric::describe();
    Ok(Handle { level: Some(Arc::new(level)), metrics })
}

impl Handle {
    /// A handle to nothing: for a gateway that lives in a test's process, where several share the global recorder.
    #[must_use]
    pub fn unattached() -> Self {
        Self { level: None, metrics: PrometheusBuilder::new().build_recorder().handle() }
    }

    /// Changes how much engawa logs.
    ///
    /// # Errors
    /// When the log has gone.
    pub fn set_level(&self, level: Level) -> Result<(), TelemetryError> {
        self.level.as_ref().map_or(Ok(()), |handle| handle.set(level))
    }

    /// The metrics in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.metrics.run_upkeep();
        self.metrics.render()
    }

    /// Sums up what was noted of times and sizes. Each single value is kept until then, and most boxes are asked for metrics by nobody: to be
    /// called every few seconds.
    pub fn sum_up(&self) {
        self.metrics.run_upkeep();
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

fn builder() -> Result<PrometheusBuilder, TelemetryError> {
    let mut builder = PrometheusBuilder::new();
    for metric in Metric::ALL {
        if let Kind::Histogram(buckets) = metric.kind() {
            let name = metrics_exporter_prometheus::Matcher::Full(metric.name().to_owned());
            let set = builder.set_buckets_for_metric(name, buckets);
            builder = set.map_err(|error| TelemetryError::Metrics(Box::new(error)))?;
        }
    }
    Ok(builder)
}
