//! The log-in: by the running service's word, or by one of our own that cannot lock the account.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Way;
use crate::cli::check::secret::{Sight, look};
use crate::cli::check::service::Service;
use crate::cli::check::{Check, Finding};
use crate::cli::output::chain;
use crate::credential::FacilityCertificate;
use crate::fault::Code;
use crate::gateway::{self, NotTried};
use crate::hub::Trouble;
use crate::hub::probe::Heard;
use crate::store::Unseen;

const NAME: &str = "hub.login";
/// A hub that is well answers in a fraction of this.
const SLOW: Duration = Duration::from_secs(5);
/// An answer of the hub that is not older than this counts for more than a trouble with the line.
const RECENT: SignedDuration = SignedDuration::from_mins(2);

/// Nothing to log in with can be seen, or nothing is told.
pub(super) fn unseen() -> Check {
    Check::found_as(
        NAME,
        Finding::LoginUntried,
        "パスワードか証明書、または動いているengawaの様子が見えません",
        "password or certificate, or how the running engawa is, cannot be seen from here",
    )
}

/// The ways before this one took too long.
pub(super) fn no_time() -> Check {
    Check::found_as(
        NAME,
        Finding::LoginUntried,
        "ほかの事業所に時間がかかりました",
        "the other facilities took too long",
    )
}

impl Way<'_> {
    /// After the hub was asked without a password: what it answered to that comes first.
    pub(super) async fn log_in(
        &self,
        heard: &Heard,
        certificate: Option<FacilityCertificate>,
        credentials: Option<&Path>,
    ) -> Check {
        if let Some(trouble) = &heard.trouble {
            return troubled(trouble);
        }
        let begun = self.clock.elapsed();
        let check = match self.service {
            Service::Answers { health, .. } => told(health, &self.config.facility.number, self.clock.now()),
            Service::Deaf(_) | Service::Denied => unseen(),
            _ if !self.log_in => Check::found(NAME, Finding::LoginUntried, ""),
            // Where it cannot be asked, the state's lock tells whether it runs.
            Service::Down | Service::Stopped | Service::Broken(_) | Service::Unasked => {
                self.try_it(certificate, credentials).await
            }
        };
        let took = heard.took.max(self.clock.elapsed().saturating_sub(begun));
        match took > SLOW && check.is_ok() {
            true => {
                let (ja, en) = (format!("{}秒", took.as_secs()), format!("{} seconds", took.as_secs()));
                Check::found_as(NAME, Finding::HubSlow, &ja, &en)
            }
            false => check,
        }
    }

    async fn try_it(&self, certificate: Option<FacilityCertificate>, credentials: Option<&Path>) -> Check {
        let (Some(certificate), Sight::Seen(password)) =
            (certificate, look(&self.config.hub.password_file, credentials))
        else {
            return unseen();
        };
        if let Some((ja, en)) = self.left_alone() {
            return Check::found_as(NAME, Finding::LoginUntried, ja, en);
        }
        match gateway::try_log_in(self.config, self.first, certificate, password).await {
            Ok(Ok(())) => Check::ok(NAME, "ログインし、ログアウトしました。", "Logged in and out again."),
            Ok(Err(trouble)) => troubled(&trouble),
            Err(NotTried::NotBegun) => Check::found_as(
                NAME,
                Finding::LoginUntried,
                "engawaがまだ一度も起動していません",
                "engawa has never been started",
            ),
            Err(NotTried::State(error)) => Check::found(NAME, Finding::LoginUntried, &chain(&error)),
        }
    }

    /// What a log-in, for which the state has to be opened as a gateway opens it, would change beyond a note of itself.
    fn left_alone(&self) -> Option<(&'static str, &'static str)> {
        if self.config.state.master_key_token.is_some() {
            // A wrong PIN would use up one of its few tries at every check.
            return Some((
                "マスターキーのトークンは、確かめるためには使いません",
                "the token of the master keys is not used for a check",
            ));
        }
        match &self.state.0 {
            Err(Unseen::Absent) => None,
            Ok(_) if self.state.barred().is_none() => None,
            Ok(_) => Some(("この機器は送信を止めています", "this box sends nothing")),
            // An older engawa's would be brought up to date.
            Err(_) => Some((
                "データベースは、engawaが起動して開くまで見られません",
                "the database cannot be looked at before engawa has started and opened it",
            )),
        }
    }
}

/// What the service says of its link with the hub as this facility.
fn told(health: &Value, facility: &str, now: Timestamp) -> Check {
    let hub = match health["facilities"].as_object() {
        // Not everybody is told of each facility.
        None => &health["parts"]["hub"],
        Some(served) => match served.get(facility).map(|own| &own["parts"]["hub"]) {
            Some(hub) if !hub.is_null() => hub,
            _ => return Check::found(NAME, Finding::FacilityUnserved, ""),
        },
    };
    let reason = hub["reason"].as_str().and_then(Code::parse);
    let last: Option<Timestamp> = hub["last_proof"].as_str().and_then(|at| at.parse().ok());
    let on_the_line = matches!(reason, Some(Code::HubUnreachable | Code::HubServerUntrusted));
    // Something else of it had an answer since; what met the line's trouble asks again by itself.
    let back = last.is_some_and(|last| now.duration_since(last).abs() < RECENT);
    if let Some(name) = hub["reason"].as_str().filter(|_| !(on_the_line && back)) {
        return match reason.and_then(finding) {
            Some(finding) => Check::found_as(NAME, finding, "動いているengawaによる", "says the running engawa"),
            // Nothing of the kind was met from here; the unit may be shut in, or its process have older files.
            None if on_the_line => Check::found(NAME, Finding::ServiceLine, name),
            None => Check::found(NAME, Finding::ServiceHindered, name),
        };
    }
    match last {
        Some(last) => Check::ok(
            NAME,
            format!("動いているengawaに、基盤が {last:.0} に答えています。"),
            format!("The hub answered the running engawa at {last:.0}."),
        ),
        None => Check::found(NAME, Finding::LoginUnproven, ""),
    }
}

fn troubled(trouble: &Trouble) -> Check {
    let finding = finding(trouble.code).unwrap_or(match trouble.code {
        Code::HubUnreachable | Code::HubServerUntrusted => Finding::LineCut,
        Code::StorageBroken | Code::SecretMissing | Code::GatewayInternal => Finding::LoginUntried,
        _ => Finding::HubTrouble,
    });
    match trouble.until {
        None => Check::found(NAME, finding, ""),
        Some(until) => {
            let (ja, en) = (format!("{until:.0} まで"), format!("until {until:.0}"));
            Check::found_as(NAME, finding, &ja, &en)
        }
    }
}

/// What the hub's answer, or the lack of one, stands for. Nothing for what the line or the box itself is to blame for.
const fn finding(code: Code) -> Option<Finding> {
    Some(match code {
        Code::HubLoginRefused => Finding::LoginRefused,
        Code::HubAccountLocked => Finding::AccountLocked,
        Code::HubLoginCautious => Finding::LoginCautious,
        Code::HubCertificateWrongKind => Finding::WrongKindAtHub,
        Code::HubBusy => Finding::HubBusy,
        Code::HubTrouble => Finding::HubTrouble,
        Code::HubNonsense => Finding::HubNonsense,
        Code::HubTimeout => Finding::HubTimeout,
        Code::HubNotPermitted => Finding::NotPermitted,
        _ => return None,
    })
}
