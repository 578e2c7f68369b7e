//! The questions, on a terminal. Each answer is tried at once; a wrong one is asked for again.
//!
//! Questions go to standard error, so that standard output holds the result alone. What is typed for a secret is not shown.

use std::io::{self, Write as _};

use toml_edit::{Array, Value};

use super::answers::Answers;
use super::layout::Layout;
use super::{Said, judge, read, service};
use crate::clock::Clock;
use crate::config::draft::{self, Line};
use crate::config::{Config, ConfigProblem};
use crate::credential::{FacilityCertificate, Secret};
use crate::host::{self, Typed, typed_unseen};

const ITS_PASSPHRASE: &str = "証明書のパスワード（なければEnter） / Its passphrase (Enter: none)";

/// Nobody answers any more: Ctrl-D, or the terminal is gone.
struct GivenUp;

/// Whether an answer was taken.
type Asked<T> = Result<T, GivenUp>;

/// Asks everything; `None` when it was given up.
pub(super) fn answers(layout: &Layout, clock: &Clock) -> Option<Answers> {
    let folder = std::env::current_dir().unwrap_or_default();
    let answers = Answers::new("(terminal)".into(), folder, read::known(layout));
    let present = Config::load(&layout.base).ok().map(|loaded| loaded.config);
    let mut talk = Talk { layout, answers, present };
    tell("engawa をこの機器に設定します。Enterだけなら [ ] の値です。Ctrl-Cでやめると何も変わりません。");
    tell("Setting this box up. Enter takes what is in [ ]. Ctrl-C gives up and changes nothing.\n");
    talk.all(clock).ok().map(|()| talk.answers)
}

struct Talk<'l> {
    layout: &'l Layout,
    answers: Answers,
    /// What the box is set to.
    present: Option<Config>,
}

impl Talk<'_> {
    fn all(&mut self, clock: &Clock) -> Asked<()> {
        let certificate = self.certificate(clock)?;
        self.facility(certificate.as_ref())?;
        self.hub()?;
        self.lan()?;
        self.rest()?;
        self.people()?;
        match self.yes("この内容で設定しますか / Set the box up like this", true)? {
            true => Ok(()),
            false => Err(GivenUp),
        }
    }

    fn certificate(&mut self, clock: &Clock) -> Asked<Option<FacilityCertificate>> {
        let present = self.present.as_ref().filter(|config| config.hub.certificate_file.exists());
        let shown = present.map(|config| config.hub.certificate_file.display().to_string());
        loop {
            let kept = self.file(
                "hub.certificate_file",
                "事業所の証明書（.p12） / The facility's certificate (.p12)",
                shown.as_deref(),
            )?;
            if kept {
                if let Some(certificate) = self.kept_certificate()? {
                    return Ok(Some(certificate));
                }
                continue;
            }
            if let Some(certificate) = self.opened()? {
                for problem in certificate.check(clock.now(), None) {
                    tell(&format!("  ! {}\n    {}", problem.ja(), problem.en()));
                    if !problem.is_warning() {
                        self.forget_certificate();
                    }
                }
                if self.answers.certificate.is_some() {
                    return Ok(Some(certificate));
                }
            }
        }
    }

    /// The certificate that stays. Its passphrase is asked for where it cannot be had; `None`: name the file again.
    fn kept_certificate(&mut self) -> Asked<Option<FacilityCertificate>> {
        for _ in 0..3 {
            let Some(config) = &self.present else { break };
            match judge::certificate(self.layout, &self.answers, config) {
                Ok(certificate) => return Ok(Some(certificate)),
                Err((judge::PASSPHRASE_KEY, said)) => {
                    if self.answers.passphrase.is_some() {
                        wrong(&said);
                    }
                    self.answers.passphrase = Some(secret(ITS_PASSPHRASE)?);
                }
                Err((_, said)) => {
                    wrong(&said);
                    break;
                }
            }
        }
        self.forget_certificate();
        Ok(None)
    }

    fn forget_certificate(&mut self) {
        self.answers.certificate = None;
        self.answers.passphrase = None;
    }

    /// The certificate that was named, with its passphrase; `None`: name it again.
    fn opened(&mut self) -> Asked<Option<FacilityCertificate>> {
        for _ in 0..3 {
            let passphrase = secret(ITS_PASSPHRASE)?;
            let archive = self.answers.certificate.clone().unwrap_or_default();
            match judge::open(&archive, &passphrase) {
                Ok(certificate) => {
                    self.answers.passphrase = Some(passphrase);
                    return Ok(Some(certificate));
                }
                Err((_, said)) => wrong(&said),
            }
        }
        self.forget_certificate();
        Ok(None)
    }

    fn facility(&mut self, certificate: Option<&FacilityCertificate>) -> Asked<()> {
        let found =
            certificate.map(|certificate| certificate.facility().to_owned()).filter(|number| !number.is_empty());
        if let Some(certificate) = certificate {
            let (kind, until) = (certificate.kind().unit(), super::sheet::date(certificate.valid_until()));
            tell(&format!("  種類 / kind: {kind}（{}）  期限 / until: {until}", super::given::kind_ja(kind)));
        }
        let set = self.present.as_ref().map(|config| config.facility.number.clone());
        loop {
            self.setting(
                "facility.number",
                "事業所番号・医療機関コード / Facility number",
                found.as_deref().or(set.as_deref()),
            )?;
            let number = self.answer("facility.number");
            match found.as_ref().filter(|found| number.as_ref() != Some(*found)) {
                None => break,
                Some(found) => {
                    let (ja, en) =
                        (format!("証明書の番号は {found} です。"), format!("The certificate is of {found}."));
                    wrong(&Said::new(ja, en));
                    self.answers.forget("facility.number");
                }
            }
        }
        let name = self.present.as_ref().map(|config| config.facility.name.clone());
        self.setting("facility.name", "事業所の名前 / Its name", name.as_deref())
    }

    fn hub(&mut self) -> Asked<()> {
        let hub = self.present.as_ref().map(|config| config.hub.clone());
        let url = hub.as_ref().map(|hub| hub.url.to_string().trim_end_matches('/').to_owned());
        self.setting("hub.url", "基盤の接続先（https://…） / The hub's address", url.as_deref())?;
        let authority = hub.as_ref().filter(|hub| hub.ca_file.exists()).map(|hub| hub.ca_file.display().to_string());
        self.file("hub.ca_file", "基盤のCA証明書のファイル / The hub operator's CA file", authority.as_deref())?;
        self.setting(
            "hub.user_id",
            "基盤の利用者ID / User id at the hub",
            hub.as_ref().map(|hub| hub.user_id.as_str()),
        )?;
        let kept = hub.is_some_and(|hub| self.layout.kept(&hub.password_file).is_some());
        self.password(kept)
    }

    fn password(&mut self, kept: bool) -> Asked<()> {
        if let Some(Said { ja, en }) = self.present.as_ref().and_then(service::refused_before) {
            tell(&format!("  ! {ja}\n    {en}"));
        }
        let keep = if kept {
            "（Enterならいまのまま） / Password at the hub (Enter: the present one)"
        } else {
            " / Password at the hub"
        };
        loop {
            let once = secret(&format!("そのパスワード{keep}"))?;
            if once.bytes().is_empty() {
                match kept {
                    true => return Ok(()),
                    false => wrong(&Said::new("パスワードが空です。", "The password is empty.")),
                }
                continue;
            }
            // It cannot be tried here, and the hub locks an account after three wrong ones.
            let twice = secret("もう一度 / Once more")?;
            if once.bytes() == twice.bytes() {
                self.answers.password = Some(once);
                return Ok(());
            }
            wrong(&Said::new("二つが違います。", "They differ."));
        }
    }

    fn lan(&mut self) -> Asked<()> {
        let lan = self.present.as_ref().map(|config| config.lan.clone());
        let on = lan.as_ref().is_some_and(|lan| !lan.listen.is_empty());
        if !self.yes("ほかの機器（受付のPCなど）から使いますか / Do other machines of the office use this box", on)?
        {
            if on {
                self.take("lan.listen", Array::new().into());
            }
            return Ok(());
        }
        let set = lan.filter(|lan| !lan.listen.is_empty());
        let listen = set.as_ref().map(|lan| words(lan.listen.iter()));
        self.list("lan.listen", "受けるアドレスとポート / Listen on", listen.as_deref().unwrap_or("0.0.0.0:8471"))?;
        let own = words(host::networks().iter().filter(|network| network.addr().is_ipv4()));
        let networks = set.map(|lan| words(lan.networks.iter())).filter(|networks| !networks.is_empty());
        self.list("lan.networks", "事業所のネットワーク / The office's networks", &networks.unwrap_or(own))
    }

    fn rest(&mut self) -> Asked<()> {
        let readers = self.present.as_ref().map_or(0, |config| config.cards.readers);
        loop {
            let typed =
                line("カードリーダーの台数（0: 決めない） / Card readers (0: no matter)", Some(&readers.to_string()))?;
            match typed.parse::<i64>() {
                Ok(number) if self.take("cards.readers", number.into()) => break,
                Ok(_) => {}
                Err(_) => wrong(&Said::new("0から16までの数を書いてください。", "Write a number from 0 to 16.")),
            }
        }
        let folder = self.present.as_ref().and_then(|config| config.exchange.directory.clone());
        let folder = folder.map(|folder| folder.display().to_string()).unwrap_or_default();
        let question = match folder.is_empty() {
            true => "ファイル交換のフォルダー（なければEnter） / Exchange folder (Enter: none)",
            false => "ファイル交換のフォルダー（やめるなら - ） / Exchange folder (-: none)",
        };
        loop {
            let typed = line(question, Some(&folder))?;
            let wanted = if typed == "-" { "" } else { &typed };
            if self.take("exchange.directory", wanted.into()) {
                return Ok(());
            }
        }
    }

    fn people(&mut self) -> Asked<()> {
        self.setting("administrator.user", "最初の管理者の利用者名 / The first administrator's user", Some("admin"))?;
        self.setting("administrator.name", "管理者の氏名 / The administrator's name", Some("管理者"))?;
        let lan = self.answer("lan.listen").is_some()
            || self.present.as_ref().is_some_and(|config| !config.lan.listen.is_empty());
        match lan {
            true => self.setting("terminal.name", "最初の端末の名前 / The first terminal's name", Some("受付1")),
            false => Ok(()),
        }
    }

    /// One setting of text.
    fn setting(&mut self, key: &str, question: &str, proposed: Option<&str>) -> Asked<()> {
        loop {
            let typed = line(question, proposed)?;
            if self.take(key, typed.into()) {
                return Ok(());
            }
        }
    }

    /// A list, its entries parted by commas or spaces.
    fn list(&mut self, key: &str, question: &str, proposed: &str) -> Asked<()> {
        loop {
            let typed = line(question, Some(proposed))?;
            let entries = typed.split([',', ' ', '、']).map(str::trim).filter(|entry| !entry.is_empty());
            if self.take(key, entries.collect::<Array>().into()) {
                return Ok(());
            }
        }
    }

    /// A file to be copied; true when the one that is there stays.
    fn file(&mut self, key: &str, question: &str, present: Option<&str>) -> Asked<bool> {
        loop {
            let typed = line(question, present)?;
            if Some(typed.as_str()) == present {
                return Ok(true);
            }
            if self.take(key, typed.into()) {
                return Ok(false);
            }
        }
    }

    fn yes(&self, question: &str, proposed: bool) -> Asked<bool> {
        loop {
            match line(question, Some(if proposed { "y" } else { "n" }))?.to_ascii_lowercase().as_str() {
                "y" | "yes" | "はい" => return Ok(true),
                "n" | "no" | "いいえ" => return Ok(false),
                _ => wrong(&Said::new("y か n で答えてください。", "Answer y or n.")),
            }
        }
    }

    /// Takes an answer and tries it; says what is wrong with it.
    fn take(&mut self, key: &str, value: Value) -> bool {
        self.answers.forget(key);
        let taken = self.answers.take(Line { key: key.to_owned(), line: 0, value: Some(value) });
        let problems = match taken {
            Err(problem) => vec![problem],
            Ok(()) => match judge::settings(self.layout, &self.answers) {
                Err(problems) => problems,
                Ok((_, loaded)) => {
                    let folder = judge::exchange(self.layout, &loaded.config);
                    folder.map(|said| self.answers.problem("exchange.directory", said)).into_iter().collect()
                }
            },
        };
        let own: Vec<&ConfigProblem> = problems.iter().filter(|problem| problem.key.as_deref() == Some(key)).collect();
        for ConfigProblem { ja, en, .. } in &own {
            wrong(&Said::new(ja, en));
        }
        if !own.is_empty() {
            self.answers.forget(key);
        }
        own.is_empty()
    }

    /// A setting as it was answered; of a list its text.
    fn answer(&self, key: &str) -> Option<String> {
        let (_, value) = self.answers.settings.iter().find(|(answered, _)| answered == key)?;
        value.as_str().map(str::to_owned).or_else(|| {
            let array = value.as_array()?;
            (!draft::same(&Array::new().into(), value)).then(|| array.to_string())
        })
    }
}

fn words(items: impl Iterator<Item = impl ToString>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn wrong(Said { ja, en }: &Said) {
    tell(&format!("  × {ja}\n    {en}"));
}

fn ask(question: &str, proposed: Option<&str>) {
    let proposed = proposed.filter(|text| !text.is_empty()).map(|text| format!(" [{text}]")).unwrap_or_default();
    let _ = write!(io::stderr(), "{question}{proposed}: ");
    let _ = io::stderr().flush();
}

fn line(question: &str, proposed: Option<&str>) -> Asked<String> {
    ask(question, proposed);
    let mut text = String::new();
    match io::stdin().read_line(&mut text) {
        Ok(0) | Err(_) => Err(GivenUp),
        Ok(_) => Ok(match text.trim() {
            "" => proposed.unwrap_or_default().to_owned(),
            typed => typed.to_owned(),
        }),
    }
}

/// A line that is not shown; one that is no text is asked for again.
fn secret(question: &str) -> Asked<Secret> {
    loop {
        let typed = typed_unseen(|| ask(question, None));
        // The line end was not shown either.
        tell("");
        let Ok(Typed::Line(line)) = typed else { return Err(GivenUp) };
        let secret = Secret::from(line);
        match secret.text() {
            Ok(_) => return Ok(secret),
            Err(_) => wrong(&Said::new("文字として読めません。", "Not readable as text.")),
        }
    }
}
