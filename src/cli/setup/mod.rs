//! `engawa setup`: a box made ready, with questions on a terminal or with a file of answers.
//!
//! ```text
//! answers ──▶ tried ──▶ files placed ──▶ service ──▶ administrator ──▶ pairing window ──▶ check ──▶ sheet
//!    └ a mistake: nothing is changed        └ from here on another run goes on where this one ended
//! ```
//!
//! Invariants: nothing is changed before every answer is sound; files are put in place all or none; a secret stands in no argument,
//! log or sheet, and is wiped; the one-time password is shown once, at the end.

mod answers;
mod ask;
mod files;
mod given;
mod judge;
mod layout;
mod office;
mod people;
mod place;
mod read;
mod service;
mod sheet;
mod step;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::arguments::SetupOrder;
use super::check::{Check, Finding, Report, Verdict};
use super::output::{answer, chain, complain, say_json};
use super::{Exit, Site, client, problems_text, staff, terminal};
use crate::clock::Clock;
use crate::config::{Config, ConfigProblem, DEFAULT_PATH, Loaded};
use crate::fault::{Code, crash};
use crate::host;
use answers::Answers;
use files::{Change, Plan};
use judge::Sound;
use layout::Layout;
use place::Earlier;
use service::Service;
use step::{Outcome, State, Steps};

/// A sentence in both languages.
#[derive(Clone, Debug)]
struct Said {
    ja: String,
    en: String,
}

impl Said {
    fn new(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { ja: ja.into(), en: en.into() }
    }

    fn of(code: Code) -> Self {
        Self::new(code.ja(), code.en())
    }
}

pub(super) fn run(base: &Path, order: &SetupOrder) -> Exit {
    // Passwords pass through this process.
    if let Err(error) = host::core_dumps_off() {
        complain(&format!("メモリーの保護に失敗しました。 / The memory cannot be protected: {}", chain(&error)));
    }
    if base == Path::new(DEFAULT_PATH) && !nix::unistd::geteuid().is_root() {
        complain("rootで実行してください（sudo engawa setup）。 / Run it as root (sudo engawa setup).");
        return Exit::Failed;
    }
    let layout = Layout::of(base);
    let clock = Clock::system();
    let mut steps = Steps::new(clock.clone(), !order.json);
    let earlier = match place::finish_earlier(&layout.folder) {
        Ok(earlier) => earlier,
        Err(error) => return not_placed(&chain(&error), error.decided, order.json, steps),
    };
    if earlier == Earlier::Finished {
        let outcome =
            Outcome::done("中断した前回の続きを終えました。", "What an interrupted run had decided is finished.");
        steps.ended("earlier", outcome);
    }
    let asked = match &order.answers {
        Some(path) => read::from_file(&layout, path),
        None if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => {
            match ask::answers(&layout, &clock) {
                Some(answers) => Ok(answers),
                None => {
                    let Said { ja, en } = untouched(earlier);
                    complain(&format!("やめました。{ja} / Given up. {en}"));
                    return Exit::Failed;
                }
            }
        }
        None => {
            complain(
                "端末ではないので尋ねられません。--answers FILE で答えを渡してください。\n\
                 There is no terminal to ask on. Give the answers by --answers FILE.",
            );
            return Exit::Usage;
        }
    };
    let tried = asked.and_then(|answers| {
        let sound = judge::judge(&layout, &answers, clock.now())?;
        let sheet = sheet_path(order, &sound);
        judge::may_be_sheet(&sheet).map_err(|said| vec![sheet_problem(&sheet, said)])?;
        Ok((answers, sound, sheet))
    });
    match tried {
        Ok((answers, sound, sheet)) => {
            Job { layout, answers, sheet, json: order.json, clock, earlier }.carry_out(sound, steps)
        }
        Err(problems) => refused(order.json, &problems, earlier),
    }
}

fn sheet_path(order: &SetupOrder, sound: &Sound) -> PathBuf {
    let number = &sound.loaded.config.facility.number;
    order.sheet.clone().unwrap_or_else(|| PathBuf::from(format!("engawa-handover-{number}.html")))
}

fn sheet_problem(path: &Path, Said { ja, en }: Said) -> ConfigProblem {
    let place = crate::config::Place { file: path.to_owned(), line: None };
    ConfigProblem { place, key: Some("--sheet".to_owned()), ja, en }
}

/// That these answers changed nothing; an interrupted run may just have been finished.
fn untouched(earlier: Earlier) -> Said {
    match earlier {
        Earlier::Finished => Said::new(
            "中断した前回の続きは終えました。ほかは何も変えていません。",
            "What an interrupted run had decided is finished. Nothing else was changed.",
        ),
        Earlier::Nothing | Earlier::Untold => Said::new("何も変えていません。", "Nothing was changed."),
    }
}

fn refused(json: bool, problems: &[ConfigProblem], earlier: Earlier) -> Exit {
    if json {
        say_json(&json!({ "ok": false, "changed": earlier == Earlier::Finished, "problems": problems }));
        return Exit::Config;
    }
    let text = problems_text(problems);
    let sentences = text.split_once('\n').map_or("", |(_, rest)| rest);
    let (count, Said { ja, en }) = (problems.len(), untouched(earlier));
    complain(&format!("答えに誤りが{count}件あります。{ja} / {count} answer(s) are wrong. {en}\n{sentences}"));
    Exit::Config
}

/// `decided`: some of it may be in place, and the next run goes on.
fn not_placed(why: &str, decided: bool, json: bool, mut steps: Steps) -> Exit {
    let said = match decided {
        true => Said::new(
            format!("書き込めません（{why}）。決まったことの続きは、直してからの次の engawa setup がします。"),
            format!(
                "Cannot write ({why}). What was decided is continued by the next engawa setup, once that is put right."
            ),
        ),
        false => Said::new(
            format!("書き込めません（{why}）。何も変えていません。"),
            format!("Cannot write ({why}). Nothing was changed."),
        ),
    };
    complain(&format!("{}\n{}", said.ja, said.en));
    steps.ended("files", Outcome::failed(said));
    if json {
        say_json(&json!({ "ok": false, "changed": decided, "steps": steps.json(), "ms": steps.total() }));
    }
    Exit::Failed
}

/// One box to be made ready by sound answers.
struct Job {
    layout: Layout,
    answers: Answers,
    sheet: PathBuf,
    json: bool,
    clock: Clock,
    earlier: Earlier,
}

impl Job {
    fn carry_out(self, sound: Sound, mut steps: Steps) -> Exit {
        let mut notes = self.answers.notes.clone();
        notes.extend(sound.notes.iter().cloned());
        steps.ended("answers", told_certificate(&sound));
        crash::point("setup.tried");
        let before = self.earlier == Earlier::Finished;
        let plan = match Plan::of(&self.layout, &self.answers, &sound) {
            Ok(plan) => plan,
            Err(error) => return not_placed(&chain(&error), before, self.json, steps),
        };
        if let Err(error) = place::carry_out(&self.layout.folder, &plan) {
            return not_placed(&chain(&error), error.decided || before, self.json, steps);
        }
        steps.ended("files", told_files(&plan));
        let site = match Config::load(&self.layout.base) {
            Ok(Loaded { config, .. }) => Site { config, named: false },
            // They were read a moment ago: somebody else has changed them since.
            Err(problems) => return not_placed(&problems_text(&problems), true, self.json, steps),
        };
        let Some((account, window)) =
            self.with_service(&site, self.earlier != Earlier::Nothing || !plan.is_done(), &mut steps)
        else {
            return Exit::Failed;
        };
        let loaded = Loaded { config: site.config.clone(), ..sound.loaded };
        let report = Report::of(&loaded, false);
        let verdict = verdict(&report, &steps);
        steps.ended("check", told_check(&report, verdict));
        let facts = sheet::Facts {
            config: &site.config,
            certificate: &sound.certificate,
            report: &report,
            administrator: self.answers.administrator.as_ref().map(|administrator| administrator.user.as_str()),
            window: window.as_ref(),
            now: self.clock.now(),
        };
        crash::point("setup.sheet");
        steps.ended("sheet", sheet::write(&self.sheet, &facts));
        self.conclude(&Done { plan, report, verdict, account, window, notes }, &steps)
    }

    /// What needs the running service: people and windows.
    fn with_service(&self, site: &Site, changed: bool, steps: &mut Steps) -> Option<(Option<Value>, Option<Value>)> {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                complain(&format!("実行の準備に失敗しました。 / Cannot start: {error}"));
                return None;
            }
        };
        Some(runtime.block_on(async {
            // Where systemd has it, systemd is asked: a question to the service could start it, with what it had before.
            let asked = client::ask(site, http::Method::GET, "/v1/health", None);
            let answers = !self.layout.on_box && asked.await.is_ok();
            let (service, outcome) = service::bring_up(&self.layout, changed, answers);
            if outcome.state != State::Failed
                && let Err(error) = place::settled(&self.layout.folder)
            {
                complain(&chain(&error));
            }
            steps.ended("service", outcome);
            let wanted = self.answers.administrator.as_ref();
            let (outcome, account) = people::administrator(site, &self.layout, service, wanted).await;
            steps.ended("administrator", outcome);
            crash::point("setup.administrator");
            let (outcome, window) = people::pairing(site, service, &self.answers.terminal).await;
            steps.ended("pairing", outcome);
            if service == Service::Runs {
                service::proven(site).await;
            }
            (account, window)
        }))
    }

    fn conclude(&self, done: &Done, steps: &Steps) -> Exit {
        let ok = !steps.any(State::Failed) && done.verdict != Verdict::Fail;
        answer(self.json, &self.document(done, steps, ok), || readable(done, ok));
        if ok { Exit::Ok } else { Exit::Failed }
    }

    fn document(&self, done: &Done, steps: &Steps, ok: bool) -> Value {
        let mut document = Map::new();
        let mut put = |name: &str, value: Value| drop(document.insert(name.to_owned(), value));
        let file = |put: &files::Put| json!({ "path": put.path, "change": put.change.name() });
        let removed = |path: &PathBuf| json!({ "path": path, "change": Change::Removed.name() });
        let files: Vec<Value> = done.plan.puts.iter().map(file).chain(done.plan.removals.iter().map(removed)).collect();
        put("ok", ok.into());
        put("changed", (!done.plan.is_done()).into());
        put("steps", steps.json());
        put("files", files.into());
        put("notes", done.notes.iter().map(|said| json!({ "detail": said.ja, "detail_en": said.en })).collect());
        if let Some(account) = &done.account {
            put("administrator", json!({ "user": account["user"], "one_time_password": account["one_time_password"] }));
        }
        if let Some(window) = &done.window {
            put("pairing", json!({ "id": window["id"], "ends_at": window["ends_at"] }));
        }
        put("check", done.report.json());
        put("sheet", json!(self.sheet));
        put("ms", steps.total().into());
        document.into()
    }
}

/// What came of it.
struct Done {
    plan: Plan,
    report: Report,
    verdict: Verdict,
    account: Option<Value>,
    window: Option<Value>,
    notes: Vec<Said>,
}

fn told_certificate(sound: &Sound) -> Outcome {
    let (number, kind) = (sound.certificate.facility(), sound.certificate.kind().unit());
    let (until, until_en) = (sheet::day(sound.certificate.valid_until()), sheet::date(sound.certificate.valid_until()));
    Outcome::done(
        format!("答えに誤りはありません。証明書: 事業所 {number}、{kind}、{until} まで。"),
        format!("The answers are sound. Certificate: facility {number}, {kind}, until {until_en}."),
    )
}

fn told_files(plan: &Plan) -> Outcome {
    if plan.is_done() {
        return Outcome::unchanged("変わったところはありません。", "Nothing is another.");
    }
    let changed = plan.puts.iter().filter(|put| put.change != Change::Same);
    let line = |put: &files::Put| {
        (
            format!("{}: {}", put.path.display(), put.change.ja()),
            format!("{}: {}", put.path.display(), put.change.name()),
        )
    };
    let mut lines: Vec<(String, String)> = changed.map(line).collect();
    lines.extend(plan.removals.iter().map(|path| {
        (
            format!("{}: {}", path.display(), Change::Removed.ja()),
            format!("{}: {}", path.display(), Change::Removed.name()),
        )
    }));
    let (ja, en): (Vec<String>, Vec<String>) = lines.into_iter().unzip();
    Outcome::done(ja.join("\n    "), en.join("\n    "))
}

/// How grave it is for what was to be done: where there is no systemd, that nothing runs yet is no failure of the set-up.
fn verdict(report: &Report, steps: &Steps) -> Verdict {
    let left_to_start = steps.is("service", State::Skipped);
    let counts = |check: &&Check| !(left_to_start && check.finding == Some(Finding::ServiceDown));
    report.checks.iter().filter(counts).map(|check| check.verdict).max().unwrap_or_default()
}

fn told_check(report: &Report, verdict: Verdict) -> Outcome {
    let digits = report.digits().spoken();
    let said = match verdict {
        Verdict::Ok if report.verdict() == Verdict::Ok => {
            return Outcome::done(format!("すべて良好です。番号 {digits}"), format!("All is well. Number {digits}"));
        }
        Verdict::Ok | Verdict::Warn => {
            return Outcome::done(
                format!("動きますが、見てほしいところがあります。番号 {digits}"),
                format!("engawa works, and somebody should look at something. Number {digits}"),
            );
        }
        Verdict::Fail => Said::new(
            format!("直すところがあります。番号 {digits}"),
            format!("Something has to be put right. Number {digits}"),
        ),
    };
    Outcome::failed(said)
}

fn readable(done: &Done, ok: bool) -> String {
    let mut text = String::new();
    for Said { ja, en } in &done.notes {
        text.push_str(&format!("! {ja}\n  {en}\n"));
    }
    if done.report.verdict() != Verdict::Ok {
        text.push_str(&format!("\nengawa check:\n{}", done.report.readable()));
    }
    if let Some(window) = &done.window {
        text.push_str(&format!("\n{}\n", terminal::paper(window)));
    }
    if let Some(account) = &done.account {
        text.push_str(&format!("\n{}\n", staff::with_password(account)));
    }
    text.push_str(if ok {
        "\n済みました。次は、事業所のソフトのキー: engawa key add カルテソフト / Done. Next, the key of the office's software: engawa key add NAME\n"
    } else {
        "\n終わっていないところがあります。直してからもう一度 engawa setup を。 / Something is left to do. Put it right and run engawa setup again.\n"
    });
    text
}
