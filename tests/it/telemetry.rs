//! Log and metrics of a process of its own, for both are global.

use std::process::{Command, Output};

use engawa::telemetry::{self, Format, Level, Metric, Redacted};

const CHILD: &str = "ENGAWA_TEST_TELEMETRY_CHILD";

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

fn child(test: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(CHILD, "1").env_remove("JOURNAL_STREAM");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn metrics_carry_help_and_zeros_and_closed_labels() {
    if !is_child() {
        child("telemetry::metrics_carry_help_and_zeros_and_closed_labels");
        return;
    }
    let handle = telemetry::init(Format::Text, Level::Info).unwrap();
    Metric::Submissions.set(&[("facility", telemetry::facility("1370000018")), ("state", "queued")], 3.0);
    Metric::HttpRequests.count(&[("route", "/v1/opinions"), ("status", "2xx")]);
    Metric::CommitGroupSize.record(&[], 5.0);
    let own = [("facility", telemetry::facility("1370000018"))];
    Metric::Accepted.set(&own, 9.0);
    Metric::Accepted.add(&own, 0);
    Metric::Accepted.add(&[("facility", telemetry::facility("1370000121"))], 2);
    let text = handle.render();
    for line in [
        "# HELP engawa_accepted_total Documents accepted and on stable storage.",
        "engawa_accepted_total{facility=\"1370000018\"} 0",
        "engawa_accepted_total{facility=\"1370000121\"} 2",
        "engawa_submissions{facility=\"1370000018\",state=\"queued\"} 3",
        "engawa_http_requests_total{route=\"/v1/opinions\",status=\"2xx\"} 1",
        "engawa_commit_group_size_bucket{le=\"4\"} 0",
        "engawa_commit_group_size_bucket{le=\"8\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    // What one is shown holds nothing of the other, and all that is the box's.
    let shown = telemetry::of_facility(&text, "1370000018");
    assert!(shown.contains("1370000018") && !shown.contains("1370000121"), "{shown}");
    assert!(shown.contains("engawa_commit_group_size_bucket{le=\"8\"} 1\n"), "{shown}");
    assert_eq!(text.lines().count() - 1, shown.lines().count());
    // However many numbers a store holds, the labels stay few, and only a number is one.
    let many: std::collections::BTreeSet<_> = (0..100)
        .map(|n| telemetry::facility(&format!("13{n:08}")))
        .chain(["", "a b", "\"}"].map(telemetry::facility))
        .collect();
    assert_eq!((many.len(), many.contains("others")), (15, true));
    assert_eq!(telemetry::facilities().len(), 17);
    assert!(telemetry::init(Format::Text, Level::Info).is_err());
}

#[test]
fn the_log_obeys_its_level_and_hides_what_it_must() {
    if !is_child() {
        let output = child("telemetry::the_log_obeys_its_level_and_hides_what_it_must");
        let log = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<serde_json::Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let said = |text: &str| lines.iter().any(|line| line["message"] == text);
        assert!(said("seen") && said("seen after the change") && !said("unseen"), "{log}");
        assert!(!said("headers of a library") && said("a library warns"), "{log}");
        assert!(log.contains("a panic; its message is withheld") && log.contains("telemetry.rs"), "{log}");
        assert!(!log.contains("hunter2") && log.contains("[redacted]"), "{log}");
        return;
    }
    let handle = telemetry::init(Format::Json, Level::Info).unwrap();
    tracing::info!(target: "engawa::x", password = ?Redacted("hunter2"), "seen");
    tracing::debug!(target: "engawa::x", "unseen");
    handle.set_level(Level::Debug).unwrap();
    tracing::debug!(target: "engawa::x", "seen after the change");
    tracing::debug!(target: "hyper::proto", "headers of a library");
    tracing::warn!(target: "hyper::proto", "a library warns");
    let _ = std::thread::spawn(|| panic!("about hunter2")).join();
}

#[test]
fn metric_names_follow_the_rules_of_prometheus() {
    let mut names: Vec<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    for metric in Metric::ALL {
        let name = metric.name();
        assert!(name.starts_with("engawa_"), "{name}");
        assert_eq!(matches!(metric.kind(), telemetry::Kind::Counter), name.ends_with("_total"), "{name}");
        assert!(metric.help().ends_with('.'), "{name}");
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Metric::ALL.len());
}
