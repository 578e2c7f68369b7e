//! Every answer tried, before anything is changed.

use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use nix::fcntl::OFlag;
use toml_edit::Value;

use super::Said;
use super::answers::Answers;
use super::given::kind_ja;
use super::layout::{Keeping, Layout};
use super::{office, service};
use crate::config::draft;
use crate::config::{Config, ConfigProblem, Loaded, Place, SecretRef};
use crate::credential::{CertificateError, CertificateKind, FacilityCertificate, Secret};
use crate::{gateway, host, hub};

pub(super) const PASSWORD: &str = "hub-password";
pub(super) const PASSPHRASE: &str = "certificate-passphrase";
/// The answer that names it.
pub(super) const PASSPHRASE_KEY: &str = "hub.certificate_passphrase_file";

/// Answers that may be put in place.
pub(super) struct Sound {
    /// The text of `10-office.toml`.
    pub(super) office: String,
    /// The settings of the box with it.
    pub(super) loaded: Loaded,
    pub(super) certificate: FacilityCertificate,
    /// What is allowed and should be looked at.
    pub(super) notes: Vec<Said>,
}

/// Tries all of it.
///
/// # Errors
/// Every mistake.
pub(super) fn judge(layout: &Layout, answers: &Answers, now: Timestamp) -> Result<Sound, Vec<ConfigProblem>> {
    let (office, loaded) = settings(layout, answers)?;
    let config = &loaded.config;
    let (mut problems, mut notes) = (overruled(layout, answers, &loaded), Vec::new());
    let certificate = certificate(layout, answers, config);
    match &certificate {
        Ok(certificate) => {
            for said in judge_certificate(certificate, config, now) {
                match said {
                    (said, true) => notes.push(said),
                    (said, false) => problems.push(answers.problem("hub.certificate_file", said)),
                }
            }
            problems.extend(other_kind(certificate, answers));
        }
        Err((key, said)) => problems.push(answers.problem(key, said.clone())),
    }
    if answers.password.is_none() && layout.kept(&config.hub.password_file).is_none() {
        problems.push(answers.problem("hub.password_file", missing()));
    }
    problems.extend(authority(answers, config).map(|said| answers.problem("hub.ca_file", said)));
    problems.extend(exchange(layout, config).map(|said| answers.problem("exchange.directory", said)));
    problems.extend(in_clear(layout, answers, &mut notes));
    notes.extend(network(config));
    match certificate {
        Ok(certificate) if problems.is_empty() => Ok(Sound { office, loaded, certificate, notes }),
        _ => Err(problems),
    }
}

fn missing() -> Said {
    Said::new("答えがありません。必ず要ります。", "Not answered. It is required.")
}

/// The settings as they would be, read by their own reader.
pub(super) fn settings(layout: &Layout, answers: &Answers) -> Result<(String, Loaded), Vec<ConfigProblem>> {
    let path = layout.office();
    let present = std::fs::read_to_string(&path).ok();
    let beneath = draft::beneath(&layout.base, &path);
    let text = office::text(present.as_deref(), &with_places(layout, answers), &beneath);
    // What is no TOML is told by the reader, with its line.
    let text = text.or(present).unwrap_or_default();
    match Config::load_with(&layout.base, &path, &text) {
        Ok(loaded) => Ok((text, loaded)),
        Err(problems) => Err(problems.into_iter().map(|problem| at_answer(layout, answers, problem)).collect()),
    }
}

/// The answers that are settings, and the places of what is kept in files.
fn with_places(layout: &Layout, answers: &Answers) -> Vec<(String, Value)> {
    let mut settings = answers.settings.clone();
    let mut name = |key: &str, value: String| settings.push((key.to_owned(), value.into()));
    if answers.authority.is_some() {
        name("hub.ca_file", layout.authority().display().to_string());
    }
    if answers.certificate.is_some() {
        name("hub.certificate_file", layout.certificate().display().to_string());
        name("hub.certificate_key_file", String::new());
    }
    if let Some(passphrase) = &answers.passphrase {
        let none = passphrase.bytes().is_empty();
        let place = if none { String::new() } else { layout.secret_setting(PASSPHRASE) };
        name("hub.certificate_passphrase_file", place);
    }
    if answers.password.is_some() {
        name("hub.password_file", layout.secret_setting(PASSWORD));
    }
    settings
}

/// A mistake in what was answered, or not answered, is told where the answers are; one in another file stays there.
fn at_answer(layout: &Layout, answers: &Answers, problem: ConfigProblem) -> ConfigProblem {
    let Place { file, line } = &problem.place;
    let unset = *file == layout.base && line.is_none() && problem.key.is_some();
    match &problem.key {
        Some(key) if unset || (*file == layout.office() && answers.has(key)) => {
            ConfigProblem { place: answers.place(key), ..problem }
        }
        _ => problem,
    }
}

/// Answers that a file after `10-office.toml` overrules.
fn overruled(layout: &Layout, answers: &Answers, loaded: &Loaded) -> Vec<ConfigProblem> {
    let office = layout.office();
    let mut problems = Vec::new();
    for (key, value) in with_places(layout, answers) {
        let effective = loaded.effective.iter().find(|source| source.key == key);
        let Some((source, place)) = effective.and_then(|source| Some((source, source.place.as_ref()?))) else {
            continue;
        };
        let effective: Option<Value> = source.value.parse().ok();
        if place.file > office && !effective.is_some_and(|effective| draft::same(&effective, &value)) {
            let said = Said::new(
                format!("{place} の行が後から読まれ、この答えは効きません。その行を消すか直してください。"),
                format!("The line at {place} is read later and overrules this answer. Remove or correct it."),
            );
            problems.push(answers.problem(&key, said));
        }
    }
    problems
}

/// The certificate that was answered, or the one that is there; which answer is wrong, otherwise.
pub(super) fn certificate(
    layout: &Layout,
    answers: &Answers,
    config: &Config,
) -> Result<FacilityCertificate, (&'static str, Said)> {
    const FILE: &str = "hub.certificate_file";
    let hub = &config.hub;
    if answers.certificate.is_none() && hub.certificate_key_file.is_some() {
        return gateway::load_certificate(config).map_err(|(code, _)| (FILE, Said::of(code)));
    }
    let there = || std::fs::read(&hub.certificate_file).ok().map(zeroize::Zeroizing::new);
    let Some(archive) = answers.certificate.clone().or_else(there) else { return Err((FILE, missing())) };
    let kept = |place: &SecretRef| layout.kept(place);
    let passphrase = match (&answers.passphrase, &hub.certificate_passphrase_file) {
        (Some(passphrase), _) => Some(passphrase.clone()),
        (None, None) => Some(Secret::from("")),
        (None, Some(place)) => kept(place),
    };
    let Some(passphrase) = passphrase else { return Err((PASSPHRASE_KEY, missing())) };
    open(&archive, &passphrase)
}

/// Opens a certificate; which of the two answers is wrong, otherwise.
pub(super) fn open(archive: &[u8], passphrase: &Secret) -> Result<FacilityCertificate, (&'static str, Said)> {
    FacilityCertificate::from_pkcs12(archive, passphrase).map_err(|error| match error {
        CertificateError::Pkcs12(_) => (
            PASSPHRASE_KEY,
            Said::new(
                "このパスワードでは証明書を開けません。証明書を受け取ったときのパスワードを確かめてください（違わなければファイルが壊れています）。",
                "The certificate does not open with this passphrase. Check the one that came with the certificate; if it is right, the file is damaged.",
            ),
        ),
        error => ("hub.certificate_file", Said::of(error.code())),
    })
}

/// What is wrong with it (false), or will be (true).
fn judge_certificate(certificate: &FacilityCertificate, config: &Config, now: Timestamp) -> Vec<(Said, bool)> {
    let problems = certificate.check(now, Some(&config.facility.number));
    let said =
        |problem: &crate::credential::CertificateProblem| (Said::new(problem.ja(), problem.en()), problem.is_warning());
    problems.iter().map(said).collect()
}

fn other_kind(certificate: &FacilityCertificate, answers: &Answers) -> Option<ConfigProblem> {
    let (wanted, found) = (answers.kind.as_deref()?, certificate.kind().unit());
    if wanted == found || matches!(certificate.kind(), CertificateKind::Other(_)) {
        return None;
    }
    let (wanted_ja, found_ja) = (kind_ja(wanted), kind_ja(found));
    let said = Said::new(
        format!("答えは {wanted}（{wanted_ja}）ですが、証明書は {found}（{found_ja}）です。"),
        format!("The answer is {wanted}; the certificate is {found}."),
    );
    Some(answers.problem("facility.kind", said))
}

/// The CA that is there, where none was answered.
fn authority(answers: &Answers, config: &Config) -> Option<Said> {
    if answers.authority.is_some() {
        return None;
    }
    match std::fs::read(&config.hub.ca_file) {
        Err(_) => Some(missing()),
        Ok(pem) => hub::check_ca(&pem).err().map(|_| Said::of(crate::fault::Code::HubCaUnreadable)),
    }
}

/// Secrets that would be kept in clear: said, and refused where the box passes encrypted ones.
fn in_clear(layout: &Layout, answers: &Answers, notes: &mut Vec<Said>) -> Option<ConfigProblem> {
    let passphrase = answers.passphrase.as_ref().is_some_and(|secret| !secret.bytes().is_empty());
    let key = match (answers.password.is_some(), passphrase) {
        (true, _) => "hub.password_file",
        (false, true) => "hub.certificate_passphrase_file",
        (false, false) => return None,
    };
    if layout.lost_encryption() {
        let said = Said::new(
            "この機器のパスワードは暗号化されていますが、いまは暗号化できません（systemd-creds が動かないか、/etc/credstore/engawa.master-key が暗号化されずにあります）。直してからもう一度。",
            "The secrets of this box are encrypted, and now they cannot be: systemd-creds fails, or /etc/credstore/engawa.master-key lies there in clear. Put that right first.",
        );
        return Some(answers.problem(key, said));
    }
    if layout.keeping == Keeping::Credstore {
        notes.push(Said::new(
            "パスワードは暗号化せずに /etc/credstore に置きます（rootだけが読めます）。systemd-creds がここでは使えないためです。",
            "Secrets lie in /etc/credstore unencrypted, readable by root only: systemd-creds cannot be used here.",
        ));
    }
    None
}

/// What is wrong with the folder for files.
pub(super) fn exchange(layout: &Layout, config: &Config) -> Option<Said> {
    const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];
    let folder = config.exchange.directory.as_deref()?;
    let shown = folder.display();
    if !folder.is_dir() {
        return Some(Said::new(
            format!("フォルダー {shown} がありません。作るか、共有をつないでから答えてください。"),
            format!("There is no folder {shown}. Make it, or mount the share, first."),
        ));
    }
    if !layout.on_box {
        return None;
    }
    // What the quotes of a unit file cannot hold.
    if folder.to_str().is_none_or(|text| text.contains(|sign: char| "\"'\\".contains(sign) || sign.is_control())) {
        return Some(Said::new(
            "フォルダーの名前に引用符、\\、改行は使えません。",
            "The folder's name may hold no quotes, backslashes or control characters.",
        ));
    }
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    if HOMES.iter().any(|home| real.starts_with(home)) && !service::sees_homes() {
        return Some(Said::new(
            format!("engawaのサービスから {shown} は見えません（ProtectHome=yes）。/srv の下などにしてください。"),
            format!("The service does not see {shown} (ProtectHome=yes). Take a folder below /srv, for example."),
        ));
    }
    service::shut_out(folder).then(|| {
        Said::new(
            format!("サービスの利用者 engawa は {shown} に書き込めません。例: install -d -o engawa -g engawa -m 2770 {shown}"),
            format!("The service's user engawa cannot write into {shown}. For example: install -d -o engawa -g engawa -m 2770 {shown}"),
        )
    })
}

/// Whether other machines could come in as answered.
fn network(config: &Config) -> Option<Said> {
    let own = host::addresses();
    let office = |address: &&std::net::IpAddr| !address.is_loopback();
    let inside = own.iter().filter(office).any(|own| config.lan.networks.iter().any(|network| network.contains(own)));
    (!config.lan.listen.is_empty() && !inside).then(|| {
        Said::new(
            "この機器のアドレスが lan.networks の中にありません。LANのケーブルをつないでから engawa check で確かめてください。",
            "No address of this machine is within lan.networks. Connect the LAN and see engawa check.",
        )
    })
}

/// Whether a file is a handover sheet, or not there.
pub(super) fn may_be_sheet(path: &Path) -> Result<(), Said> {
    let shown = path.display();
    if !path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir()) {
        return Err(Said::new(
            format!("{shown} を置くフォルダーがありません。"),
            format!("There is no folder for {shown}."),
        ));
    }
    match beginning(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(found) if String::from_utf8_lossy(&found).contains(super::sheet::MARK) => Ok(()),
        _ => Err(Said::new(
            format!("{shown} は引き渡しの紙ではないため、上書きしません。--sheet で別の場所を指定してください。"),
            format!("{shown} is no handover sheet and is not overwritten. Name another place by --sheet."),
        )),
    }
}

/// The beginning of a plain file: a pipe would be waited for, and a device is no sheet.
fn beginning(path: &Path) -> std::io::Result<Vec<u8>> {
    const MOST: u64 = 64 * 1024;
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = std::fs::File::options().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let mut text = Vec::new();
    file.take(MOST).read_to_end(&mut text)?;
    Ok(text)
}
