//! The handover sheet: one A4 page of HTML that needs nothing from elsewhere.
//!
//! Invariant: no secret is on it but the picture that pairs the first terminal, and beside it stands when that ends.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, fchown};
use std::path::Path;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::unistd::geteuid;
use serde_json::Value;

use super::given::kind_ja;
use super::step::Outcome;
use super::{Said, judge};
use crate::cli::check::{Report, Verdict};
use crate::cli::output::text_of;
use crate::config::Config;
use crate::credential::{Authority, EXPIRY_NOTICE_DAYS, FacilityCertificate};
use crate::host;

const PAGE: &str = include_str!("sheet.html");
/// By what a sheet is known that may be written over.
pub(super) const MARK: &str = "<meta name=\"generator\" content=\"engawa setup\">";

/// What stands on it.
pub(super) struct Facts<'f> {
    pub(super) config: &'f Config,
    pub(super) certificate: &'f FacilityCertificate,
    pub(super) report: &'f Report,
    pub(super) administrator: Option<&'f str>,
    /// The open window, with its code.
    pub(super) window: Option<&'f Value>,
    pub(super) now: Timestamp,
}

/// Writes it, readable to its owner alone: whoever sees the picture in time pairs a terminal.
pub(super) fn write(path: &Path, facts: &Facts<'_>) -> Outcome {
    let shown = path.display();
    match written(path, &page(facts)) {
        Ok(()) => Outcome::done(
            format!("{shown} をブラウザーで開いて印刷してください。"),
            format!("Open {shown} in a browser and print it."),
        ),
        Err(error) => Outcome::failed(Said::new(
            format!("引き渡しの紙 {shown} を書けません（{error}）。"),
            format!("The handover sheet {shown} cannot be written ({error})."),
        )),
    }
}

fn written(path: &Path, page: &str) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let staged = path.with_file_name(format!(".{name}.setup"));
    let _ = fs::remove_file(&staged);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&staged)?;
    let whole = for_whoever_asked(&file)
        .and_then(|()| file.write_all(page.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| put(&staged, path));
    if whole.is_err() {
        let _ = fs::remove_file(&staged);
    }
    whole
}

/// The vendor prints it as themselves, not as root.
fn for_whoever_asked(file: &File) -> io::Result<()> {
    let id = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    match (geteuid().is_root(), id("SUDO_UID"), id("SUDO_GID")) {
        (true, Some(user), Some(group)) => fchown(file, Some(user), Some(group)),
        _ => Ok(()),
    }
}

/// What has come to be at its place meanwhile is looked at again before it is replaced.
fn put(staged: &Path, path: &Path) -> io::Result<()> {
    match renameat2(AT_FDCWD, staged, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE) {
        Ok(()) => Ok(()),
        // Not every share knows this kind of rename.
        Err(Errno::EEXIST | Errno::EINVAL | Errno::ENOSYS) => match judge::may_be_sheet(path) {
            Ok(()) => fs::rename(staged, path),
            Err(_) => Err(io::ErrorKind::AlreadyExists.into()),
        },
        Err(error) => Err(error.into()),
    }
}

fn page(facts: &Facts<'_>) -> String {
    let &Facts { config, certificate, report, administrator, window, now } = facts;
    let kind = certificate.kind().unit();
    let until = certificate.valid_until();
    let notice = until.checked_sub(SignedDuration::from_hours(24 * EXPIRY_NOTICE_DAYS)).unwrap_or(until);
    let user = administrator.map(|user| format!("{} （パスワードは別にお渡しします）", escaped(user)));
    let host = host::host_name().unwrap_or_else(|| "engawa".to_owned());
    let name = if config.facility.name.is_empty() { "（名前なし）" } else { &config.facility.name };
    let mut page = PAGE.to_owned();
    let values = [
        ("name", escaped(name)),
        ("number", escaped(&config.facility.number)),
        ("date", day(now)),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("host", escaped(&host)),
        ("addresses", addresses()),
        ("pages", pages(config, &host)),
        ("administrator", user.unwrap_or_else(|| "—".to_owned())),
        ("fingerprint", fingerprint(config)),
        ("kind", format!("{}（{kind}）", kind_ja(kind))),
        ("until", day(until)),
        ("notice", day(notice)),
        ("digits", report.digits().spoken()),
        ("verdict", verdict(report)),
        ("readers", readers(config)),
        ("qr", window.map(picture).unwrap_or_default()),
        ("secret", secret(window)),
    ];
    for (name, value) in values {
        page = page.replace(&format!("{{{{{name}}}}}"), &value);
    }
    page
}

fn addresses() -> String {
    let own = host::addresses();
    let link_local = |address: &std::net::Ipv6Addr| address.is_unicast_link_local();
    let outside = own.iter().filter(|address| match address {
        std::net::IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
        std::net::IpAddr::V6(address) => !address.is_loopback() && !link_local(address),
    });
    // A sheet has room for some; all are in `engawa status`.
    let shown: Vec<String> = outside.take(3).map(ToString::to_string).collect();
    if shown.is_empty() { "（LANにつながっていません）".to_owned() } else { shown.join("、") }
}

fn pages(config: &Config, host: &str) -> String {
    match config.lan.listen.first() {
        Some(address) => format!("<code>https://{}.local:{}/</code>", escaped(host), address.port()),
        None => "この機器の中だけで使います（ほかの機器からは受けません）".to_owned(),
    }
}

/// To be compared with what a browser or a program shows, in groups of four.
fn fingerprint(config: &Config) -> String {
    match Authority::certificate_in(&config.state.directory) {
        Ok(Some((_, fingerprint))) => format!("<code>SHA-256 {}</code>", escaped(&fingerprint)),
        _ => "（LANから受けるときに作られます）".to_owned(),
    }
}

fn verdict(report: &Report) -> String {
    let first = report.digits().first;
    match (report.verdict(), first) {
        (Verdict::Ok, _) | (_, None) => "すべて良好。".to_owned(),
        (verdict, Some(finding)) => {
            let word = if verdict == Verdict::Fail {
                "直すところがあります"
            } else {
                "動きますが、見るところがあります"
            };
            format!("{word}: {}（{}）", escaped(finding.ja()), finding.who().ja())
        }
    }
}

fn readers(config: &Config) -> String {
    match (config.cards.enabled, config.cards.readers) {
        (false, _) => "使いません。".to_owned(),
        (true, 0) => "台数は決めていません。名前は engawa check に出ます。".to_owned(),
        (true, readers) => format!("{readers}台。減ると engawa check が知らせます。"),
    }
}

fn picture(window: &Value) -> String {
    let svg = text_of(window, "qr_svg");
    let svg = svg.find("<svg").and_then(|at| svg.get(at..)).unwrap_or_default();
    let (label, until) = (escaped(&text_of(window, "label")), time(&text_of(window, "ends_at")));
    format!(
        "<div class=\"qr\" style=\"margin-top:2.5mm\">{svg}<div class=\"small\"><b>端末「{label}」のペアリング</b><br>{until} まで、1台だけ。</div></div>"
    )
}

fn secret(window: Option<&Value>) -> String {
    let qr = match window {
        Some(window) => format!(
            "四角い模様（QRコード）は {} を過ぎるか1台がペアリングすると使えなくなります。それまでは人に見せないでください。",
            time(&text_of(window, "ends_at"))
        ),
        None => "端末のペアリングは engawa terminal pair で始めます。".to_owned(),
    };
    format!(
        "この紙にパスワードは書かれていません。{qr} マスターキーと復旧キーの控えは backup.md（engawa backup init）をご覧ください。"
    )
}

fn time(at: &str) -> String {
    let japan = TimeZone::fixed(Offset::constant(9));
    let at = at.parse::<Timestamp>().map(|at| at.to_zoned(japan).strftime("%-m月%-d日 %H:%M").to_string());
    at.unwrap_or_else(|_| "10分後".to_owned())
}

/// The day in Japan.
pub(super) fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::fixed(Offset::constant(9))).strftime("%Y年%-m月%-d日").to_string()
}

/// The same, as numbers.
pub(super) fn date(at: Timestamp) -> jiff::civil::Date {
    at.to_zoned(TimeZone::fixed(Offset::constant(9))).date()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '{' => safe.push_str("&#123;"),
            sign => safe.push(sign),
        }
    }
    safe
}
