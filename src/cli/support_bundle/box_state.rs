//! The box itself: the service, its records, certificates and readers.

use std::path::Path;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::Ground;
use crate::audit::{Anchor, Hash, check_database};
use crate::card::pcsc::{Look, look};
use crate::cli::client::{self, NoAnswer};
use crate::cli::output::chain;
use crate::cli::unit::Unit;
use crate::cli::{Site, check};
use crate::clock::Clock;
use crate::config::{Config, Loaded, credentials_directory};
use crate::credential::{Authority, fingerprint};
use crate::store::{Survey, TrailReader};
use crate::{gateway, store};

/// As long as `check` waits for pcscd, and a little more.
const PCSCD: Duration = Duration::from_secs(3);
/// A long trail is not read to its end for a bundle.
const TRAIL: Duration = Duration::from_secs(12);
/// No more is taken of an answer.
const MOST: usize = 1 << 20;

type Told = Result<String, String>;

pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Runs something on a runtime of its own, on this thread.
pub(super) fn wait<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot be asked: {error}"))?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

pub(super) fn site(config: &Config, named: bool) -> Site {
    Site { config: config.clone(), named }
}

fn silent(error: &NoAnswer) -> String {
    match error {
        // Its path is the settings' to say.
        NoAnswer::NoSocket => "the settings name no unix_socket".to_owned(),
        NoAnswer::Absent { source, .. } => format!("no gateway answers: {source}"),
        NoAnswer::Denied { .. } => "no permission to ask the gateway; root may".to_owned(),
        NoAnswer::Broken(_) | NoAnswer::Slow => chain(error),
    }
}

/// That the service may be asked: a question starts what somebody has stopped, where systemd holds the socket.
pub(super) fn may_ask(loaded: &Loaded) -> Result<(), String> {
    let Some(socket) = &loaded.config.endpoint.unix_socket else { return Ok(()) };
    match wait(async { Ok(Unit::of(socket).await) })? {
        unit if unit.may_be_asked() => Ok(()),
        unit => Err(format!("not asked, as that would start it; systemd says: {unit:?}")),
    }
}

pub(super) fn service(ground: &Ground) -> Told {
    let loaded = ground.settings()?;
    may_ask(loaded)?;
    let answer = wait(async {
        client::ask(&site(&loaded.config, false), Method::GET, "/v1/health", None).await.map_err(|error| silent(&error))
    })?;
    Ok(pretty(&json!({ "status": answer.status.as_u16(), "health": answer.body })))
}

pub(super) fn metrics(ground: &Ground) -> Told {
    let loaded = ground.settings()?;
    may_ask(loaded)?;
    let text = wait(async {
        let site = site(&loaded.config, false);
        let mut coming = match client::stream(&site, Method::GET, "/metrics").await.map_err(|error| silent(&error))? {
            Ok(coming) => coming,
            Err(answer) => return Err(format!("the gateway refused: {}", answer.status.as_u16())),
        };
        let mut bytes = Vec::new();
        while let Some(piece) = coming.next().await.map_err(|error| silent(&error))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MOST {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    })?;
    Ok(text.lines().map(in_mib).collect::<Vec<_>>().join("\n") + "\n")
}

/// Octets as MiB: their digits would look like a number of a person.
fn in_mib(line: &str) -> String {
    let Some((name, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else { return line.to_owned() };
    match value.parse::<f64>() {
        Ok(bytes) if name.contains("_bytes") => format!("{name} {:.1} MiB", bytes / f64::from(1 << 20)),
        Ok(number) => format!("{name} {}", (number * 1000.0).round() / 1000.0),
        Err(_) => line.to_owned(),
    }
}

pub(super) fn checks(ground: &Ground) -> Told {
    ground.settings()?;
    // A program of its own: it takes on the service's user for a while, and may be ended when it hangs. It logs in nowhere: a bundle is
    // made of boxes that are in trouble, and must not add to it.
    let order =
        ["--config".as_ref(), ground.path.as_os_str(), "check".as_ref(), "--json".as_ref(), "--no-login".as_ref()];
    let report: Value = serde_json::from_slice(&super::programs::own(&order)?)
        .map_err(|error| format!("the check gave no report: {error}"))?;
    Ok(pretty(&report))
}

pub(super) fn survey(state: &Path) -> Result<Survey, String> {
    wait(async { store::survey(state).await.map_err(|error| chain(&error)) })
}

pub(super) fn records(state: &Path, clock: &Clock) -> Told {
    let survey = survey(state)?;
    let age = |at: i64| hours(clock.now().as_millisecond() - at);
    let rows = survey.tallies.into_iter().filter(|tally| tally.count > 0);
    let rows: Vec<Value> = rows
        .map(|tally| {
            let mut row = json!({ "what": tally.what });
            for (name, value) in [("kind", &tally.kind), ("state", &tally.state), ("reason", &tally.reason)] {
                value.iter().for_each(|value| row[name] = json!(value));
            }
            row["count"] = json!(tally.count);
            tally.oldest.into_iter().for_each(|at| row["oldest_hours"] = json!(age(at)));
            row
        })
        .collect();
    Ok(pretty(&json!({ "schema": survey.schema, "facilities": survey.facilities.len(), "rows": rows })))
}

fn hours(milliseconds: i64) -> f64 {
    // More than enough for ages of decades.
    (milliseconds / 36_000) as f64 / 100.0
}

pub(super) fn trail(state: &Path, clock: &Clock) -> Told {
    let survey = survey(state)?;
    let (newest, fits) = wait(async {
        let reader = TrailReader::open(state).await.map_err(|error| chain(&error))?;
        let newest = reader.newest().await.map_err(|error| chain(&error));
        reader.close().await;
        let fits = match tokio::time::timeout(TRAIL, check_database(state, &[])).await {
            Ok(Ok(Ok(_))) => json!(true),
            Ok(Ok(Err(flaw))) => json!({ "record": flaw.seq, "why": flaw.why.name() }),
            Ok(Err(error)) => json!(chain(&error)),
            Err(_) => json!("too long to be read for this; see engawa audit verify"),
        };
        Ok((newest?, fits))
    })?;
    let anchor =
        newest.map(|row| Anchor { seq: row.seq.unsigned_abs(), hash: Hash::of(row.record.as_bytes()) }.to_string());
    let ages: serde_json::Map<String, Value> = survey
        .times
        .into_iter()
        .map(|(name, at)| (format!("{name}_hours_ago"), json!(at.map(|at| hours(clock.now().as_millisecond() - at)))))
        .collect();
    Ok(pretty(&json!({ "anchor": anchor, "fits": fits, "ages": ages })))
}

pub(super) fn certificates(ground: &Ground) -> Told {
    let loaded = ground.settings()?;
    let facilities: Vec<Value> = loaded.facilities().map(certificate).collect();
    let authority = match Authority::certificate_in(&loaded.config.state.directory) {
        Ok(found) => json!(found.map(|(_, fingerprint)| fingerprint)),
        Err(error) => json!({ "missing": error.code().to_string() }),
    };
    let lan = loaded.config.lan.certificate_file.is_some().then(|| {
        match gateway::check_lan_certificate(&loaded.config.lan) {
            Ok(certificate) => json!({ "until": format!("{:.0}", certificate.valid_until) }),
            Err(error) => json!({ "missing": chain(error.as_ref()) }),
        }
    });
    Ok(pretty(&json!({ "facilities": facilities, "authority_sha256": authority, "lan": lan })))
}

fn certificate(config: &Config) -> Value {
    let number = &config.facility.number;
    // As the check opens it: what systemd hands over to the service is not handed over to a shell.
    let opened = check::certificate(config, credentials_directory().as_deref());
    match opened.map_or_else(|| gateway::load_certificate(config), Ok) {
        Ok(certificate) => json!({
            "facility": number,
            "of_this_facility": certificate.facility() == number,
            "kind": certificate.kind().unit(),
            "from": format!("{:.0}", certificate.valid_from()),
            "until": format!("{:.0}", certificate.valid_until()),
            "sha256": certificate.chain().first().map(|leaf| fingerprint(leaf)),
            "chain": certificate.chain().len(),
        }),
        Err((code, error)) => json!({ "facility": number, "missing": code.to_string(), "why": chain(error.as_ref()) }),
    }
}

pub(super) fn readers(loaded: Result<&Loaded, String>) -> Told {
    let version = super::programs::text("pcscd", &["--version"]);
    let version = version.map(|text| text.lines().next().unwrap_or_default().to_owned()).unwrap_or_else(|why| why);
    let enabled = loaded.map(|loaded| loaded.config.cards.enabled).unwrap_or(true);
    let seen = match enabled.then(|| look(PCSCD)) {
        None => json!("switched off by the settings"),
        Some(Look::Readers(found)) => {
            json!(
                found
                    .iter()
                    .map(|(name, card)| json!({ "name": name.0, "card": format!("{card:?}") }))
                    .collect::<Vec<_>>()
            )
        }
        Some(Look::Down) => json!("pcscd cannot be reached"),
        Some(Look::Refused) => json!("pcscd does not let this user in"),
        Some(Look::Hung) => json!("pcscd does not answer"),
    };
    Ok(pretty(&json!({ "version": version, "readers": seen })))
}
