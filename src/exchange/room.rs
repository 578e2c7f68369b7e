//! The room itself: one look after the other, each through all folders.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch as channel;
use uuid::Uuid;

use super::claim::{self, Content, Quiet, Verdict};
use super::hand::{self, Bench, Chosen, MAX_TOTAL, Named};
use super::place::Place;
use super::remark::Remark;
use super::result::{self, Report, is_final, is_told};
use super::scan::{Entry, Scan, Wait, What};
use super::status::Status;
use super::told::{Taken, Told, beside, is_named};
use super::watch::Watch;
use super::{Config, Health, arrive, disk};
use crate::clock::Clock;
use crate::fault::{Blame, Code, Retry, crash};
use crate::inbox::{Inbox, InboxError};
use crate::model::careplan::cover;
use crate::outbox::{Batch, Outbox, OutboxError, Sender, StateName};
use crate::store::{
    BeginPlacement, DropPlacement, ForgetTaken, Placed, PlacementRow, RecordTaken, SetFact, Store, StoreError,
};

/// Under which the outbox knows the folders.
const SENDER: &str = "exchange";
/// Octets of `substitutions.txt` that are read.
const MAX_CHOSEN: usize = 64 * 1024;
/// Of what was delivered nothing more is told after this time, opened or not.
const NEWS_FOR: Duration = Duration::from_secs(92 * 86_400);

/// The room.
pub struct Room {
    outbox: Outbox,
    inbox: Inbox,
    store: Store,
    config: Config,
    clock: Clock,
    stop: channel::Receiver<bool>,
    sender: Sender,
    place: Place,
    watch: Watch,
    scan: Scan,
    quiet: Quiet,
    status: Status,
    /// `None` until the database has been asked.
    taken: Option<Vec<Taken>>,
    /// The newest event that was looked at.
    events: i64,
    /// What was logged last, so that it is logged once.
    logged: Option<String>,
    health: channel::Sender<Health>,
    next: Duration,
}

/// What keeps the room from going on.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("a folder cannot be used")]
    Folder(#[from] io::Error),
    #[error("{0}")]
    Later(Code),
}

impl Trouble {
    const fn code(&self) -> Code {
        match self {
            Self::Folder(_) => Code::ExchangeFolder,
            Self::Later(code) => *code,
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Later(error.code())
    }
}

impl From<OutboxError> for Trouble {
    fn from(error: OutboxError) -> Self {
        Self::Later(error.code)
    }
}

impl From<InboxError> for Trouble {
    fn from(error: InboxError) -> Self {
        Self::Later(error.code)
    }
}

/// News that is worth a look.
pub(super) struct News {
    events: channel::Receiver<i64>,
    inbox: channel::Receiver<u64>,
}

impl News {
    /// Waits for any.
    pub(super) async fn any(&mut self) {
        let changed = async {
            tokio::select! {
                changed = self.events.changed() => changed.is_ok(),
                changed = self.inbox.changed() => changed.is_ok(),
            }
        };
        if !changed.await {
            // Whoever told of it has ended.
            std::future::pending::<()>().await;
        }
    }
}

/// Work on files, on a thread that may wait.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

impl Room {
    /// Opens the room. Nothing is touched before the first look.
    #[must_use]
    pub fn open(
        outbox: Outbox,
        inbox: Inbox,
        store: Store,
        config: Config,
        clock: Clock,
        stop: channel::Receiver<bool>,
    ) -> Self {
        Self {
            sender: Sender { facility: config.facility.clone(), id: SENDER.to_owned() },
            place: Place::new(&config.directory, &config.facility),
            watch: Watch::new(),
            scan: Scan::new(config.settle, config.patience),
            quiet: Quiet::default(),
            status: Status::default(),
            taken: None,
            events: 0,
            logged: None,
            health: channel::Sender::new(Health::default()),
            next: config.look,
            outbox,
            inbox,
            store,
            config,
            clock,
            stop,
        }
    }

    /// How the room does.
    #[must_use]
    pub fn health(&self) -> channel::Receiver<Health> {
        self.health.subscribe()
    }

    pub(super) fn news(&self) -> News {
        News { events: self.outbox.event_watch(), inbox: self.inbox.watch() }
    }

    /// Waits for a change in `out`, where the system tells of one.
    pub(super) async fn changed(&self) {
        self.watch.changed().await;
    }

    /// Looks through all folders once and does what there is to do. Gives the time after which the next look is due.
    pub async fn look(&mut self) -> Duration {
        self.status.begin();
        self.next = self.config.look;
        let done = self.work().await;
        let reason = match &done {
            Ok(reason) => *reason,
            Err(trouble) => Some(trouble.code()),
        };
        if let Some(code) = reason {
            self.status.trouble(code);
        }
        self.log(done.err().as_ref(), reason);
        let (place, now) = (self.place.base.clone(), self.clock.now());
        // Where the folder is not there its status cannot be written either; the health report has it.
        let mut status = std::mem::take(&mut self.status);
        let written = tokio::task::spawn_blocking(move || {
            let _ = if place.is_dir() { status.write(&place, now) } else { Ok(()) };
            status
        });
        self.status = written.await.unwrap_or_default();
        self.health.send_modify(|health| {
            health.reason = reason;
            health.last_proof = if reason.is_none() { Some(now) } else { health.last_proof };
        });
        self.next
    }

    fn log(&mut self, trouble: Option<&Trouble>, reason: Option<Code>) {
        let what = reason.map(|code| match trouble {
            Some(Trouble::Folder(error)) => format!("{} {error}", code.name()),
            _ => code.name().to_owned(),
        });
        match (&what, reason) {
            (Some(said), Some(code)) if self.logged.as_ref() != Some(said) => {
                let error = trouble.map(|trouble| trouble as &dyn std::error::Error);
                tracing::warn!(code = %code, error, "exchange: the folders have to wait");
            }
            (None, _) if self.logged.is_some() => tracing::info!("exchange: the folders work again"),
            _ => {}
        }
        self.logged = what;
    }

    /// One look; gives what has to wait although the folders can be used.
    async fn work(&mut self) -> Result<Option<Code>, Trouble> {
        self.prepare().await?;
        let chosen = Arc::new(self.chosen().await);
        self.load().await?;
        let mut wait = self.claims(&chosen).await;
        if wait.is_none() {
            wait = self.out(&chosen).await?;
        }
        // What was not heard out is not told of: the word that something goes on paper may be among it.
        let told = if wait.is_none() { self.tell().await } else { Ok(()) };
        let arrived = self.arrive().await;
        for done in [told, arrived] {
            match done {
                Ok(()) => {}
                Err(Trouble::Later(code)) => wait = wait.or(Some(code)),
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(wait)
    }

    async fn prepare(&mut self) -> Result<(), Trouble> {
        let name = format!("exchange.device.{}", self.config.facility);
        let known: Option<u64> = self.store.fact(&name).await?.and_then(|value| value.parse().ok());
        let place = self.place.clone();
        let device = aside(move || place.prepare(known)).await?;
        if known != Some(device) {
            self.store.write(SetFact { name, value: device.to_string() }).await?;
        }
        self.watch.follow(&self.place.at("out"));
        Ok(())
    }

    /// What the facility chose to send for characters that the hub lacks.
    async fn chosen(&mut self) -> Chosen {
        let path = self.place.at("substitutions.txt");
        let read = aside(move || disk::read(&path)).await;
        let (chosen, odd) = match read {
            Ok(Some(bytes)) if bytes.len() <= MAX_CHOSEN => hand::chosen(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Default::default(),
            _ => {
                self.status.say("substitutions.txt を読めません。", "substitutions.txt cannot be read.");
                Default::default()
            }
        };
        if !odd.is_empty() {
            let lines = odd.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join(", ");
            self.status.say(
                format!("substitutions.txt の{lines}行目が「髙 高」の形ではありません。"),
                format!("substitutions.txt: line {lines} is not of the form \"髙 高\"."),
            );
        }
        chosen
    }

    async fn load(&mut self) -> Result<(), Trouble> {
        if self.taken.is_none() {
            let (_, newest) = self.outbox.event_bounds(&self.config.facility).await?;
            let rows = self.store.taken(&self.config.facility).await?;
            self.events = newest;
            self.taken = Some(rows.iter().filter_map(Taken::read).collect());
        }
        Ok(())
    }

    fn stopping(&self) -> bool {
        *self.stop.borrow()
    }

    fn sooner(&mut self, within: Duration) {
        self.next = self.next.min(within);
    }

    /// Goes on with what has been taken before.
    async fn claims(&mut self, chosen: &Arc<Chosen>) -> Option<Code> {
        let work = self.place.at(".work");
        let found = match aside(move || claim::all(&work)).await {
            Ok(found) => found,
            Err(error) => return Some(Trouble::from(error).code()),
        };
        for (id, path) in found {
            if self.stopping() {
                return None;
            }
            match self.finish(id, &path, chosen).await {
                Ok(()) => {}
                Err(Trouble::Later(code)) => return Some(code),
                Err(trouble) => {
                    self.log(Some(&trouble), Some(trouble.code()));
                    return Some(trouble.code());
                }
            }
        }
        None
    }

    /// Looks at what lies in `out` and takes what is whole.
    async fn out(&mut self, chosen: &Arc<Chosen>) -> Result<Option<Code>, Trouble> {
        let out = self.place.at("out");
        let folder = out.clone();
        let listing = aside(move || disk::list(&folder)).await?;
        let mut scan = std::mem::replace(&mut self.scan, Scan::new(self.config.settle, self.config.patience));
        let (now, folder, entries) = (self.clock.elapsed(), out.clone(), listing.files);
        let (scan, look) = aside(move || {
            let look = scan.look(entries, now, |name| disk::hold(&folder.join(name)));
            Ok((scan, look))
        })
        .await?;
        self.scan = scan;
        if let Some(next) = look.next {
            self.sooner(next);
        }
        self.say_waiting(&look.wait, listing.odd, listing.more);
        for take in look.take {
            if self.stopping() {
                break;
            }
            let (out, work, files) = (out.clone(), self.place.at(".work"), take.files.clone());
            let Some(id) = aside(move || claim::take(&out, &work, &files)).await? else { continue };
            self.quiet.taken(id, &take.files);
            let path = self.place.at(".work").join(id.to_string());
            match self.finish(id, &path, chosen).await {
                Ok(()) => {}
                Err(Trouble::Later(code)) => return Ok(Some(code)),
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(None)
    }

    fn say_waiting(&mut self, wait: &[(String, Wait)], odd: usize, more: bool) {
        let of = |what: Wait| -> Vec<String> {
            wait.iter().filter(|(_, why)| *why == what).map(|(name, _)| name.clone()).collect()
        };
        let said = [
            (
                Wait::Locked,
                ["ほかのソフトが開いているため待っています:", "Waiting for files that a program holds open:"],
            ),
            (Wait::Members, ["そろうのを待っています:", "Waiting for the other files of:"]),
            (Wait::Unreadable, ["読む権限がありません:", "No right to read:"]),
        ];
        for (what, words) in said {
            self.status.files(words, &of(what));
        }
        if odd > 0 {
            self.status.say(
                format!("名前の文字を読めないファイルが out に{odd}個あります。"),
                format!("The names of {odd} files in `out` cannot be read."),
            );
        }
        if more {
            self.status.say(
                "out のファイルが多すぎます。順に進めます。",
                "There are too many files in `out`; they go in turn.",
            );
        }
    }

    /// Brings a claim to its end, or as far as it comes.
    async fn finish(&mut self, id: Uuid, path: &Path, chosen: &Arc<Chosen>) -> Result<(), Trouble> {
        let claim = path.to_owned();
        let files = match aside(move || claim::content(&claim)).await? {
            Content::Judged(verdict) => return self.carry_out(id, path, verdict).await,
            Content::Files(files) => files,
        };
        if files.is_empty() {
            let claim = path.to_owned();
            return Ok(aside(move || claim::close(&claim)).await?);
        }
        // Of the word for paper nothing is read, and nothing must be told before it has been heard.
        let what = claim::what(&files);
        if let What::Paper(name) = &what {
            return self.paper(id, path, files, name).await;
        }
        if !self.quiet.is_whole(id, &files, self.clock.elapsed(), self.config.settle) {
            self.sooner(self.config.settle);
            return Ok(());
        }
        self.judge(id, path, files, what == What::Archive, chosen).await
    }

    async fn judge(
        &mut self,
        id: Uuid,
        path: &Path,
        files: Vec<Entry>,
        zip: bool,
        chosen: &Arc<Chosen>,
    ) -> Result<(), Trouble> {
        let sizes = || files.iter().map(|entry| entry.facts.size);
        if sizes().any(|size| size > disk::MAX_FILE) || sizes().sum::<u64>() > MAX_TOTAL {
            let large = files.iter().find(|entry| entry.facts.size > disk::MAX_FILE);
            let remark = hand::too_large(large.map(|entry| entry.name.as_str()));
            return self.refuse(id, path, files, vec![remark]).await;
        }
        let (claim, entries) = (path.to_owned(), files.clone());
        let Some(read) = aside(move || claim::read(&claim, &entries)).await? else {
            self.sooner(self.config.settle);
            return Ok(());
        };
        match self.hand_in(read, zip, chosen).await? {
            Ok(batch) => {
                crash::point("exchange.handed_in");
                self.decide(id, path, files, ("sent", Some(batch)), Vec::new()).await
            }
            Err(remarks) => self.refuse(id, path, files, remarks).await,
        }
    }

    /// Hands files in; the same ones again are the same batch, whatever is thought of them by now.
    async fn hand_in(
        &mut self,
        files: Vec<Named>,
        zip: bool,
        chosen: &Arc<Chosen>,
    ) -> Result<Result<Uuid, Vec<Remark>>, Trouble> {
        let (key, request) = hand::request(&files);
        if let Some(batch) = self.outbox.handed_in(&self.sender, &key, &request.clone().finish()).await? {
            return Ok(Ok(batch.id));
        }
        let (facility, settings, chosen) = (self.config.facility.clone(), self.config.lint.clone(), chosen.clone());
        let judged = aside(move || {
            let bench = Bench { facility: &facility, chosen: &chosen, settings: &settings };
            Ok(hand::batch(files, zip, &bench))
        });
        let batch = match judged.await? {
            Ok(batch) => batch,
            Err(remarks) => return Ok(Err(remarks)),
        };
        match self.outbox.hand_in(&self.sender, &key, request, batch).await {
            Ok(batch) => Ok(Ok(batch.id)),
            Err(error) if error.code.blame() == Blame::Caller && error.code.retry() == Retry::Never => {
                let code = error.code;
                Ok(Err(vec![Remark::refusal(code.name(), None, code.ja(), code.en())]))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn refuse(&mut self, id: Uuid, path: &Path, files: Vec<Entry>, remarks: Vec<Remark>) -> Result<(), Trouble> {
        self.decide(id, path, files, ("refused", None), remarks).await
    }

    async fn decide(
        &mut self,
        id: Uuid,
        path: &Path,
        files: Vec<Entry>,
        (folder, batch): (&str, Option<Uuid>),
        remarks: Vec<Remark>,
    ) -> Result<(), Trouble> {
        let japan = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
        let folder = format!("{folder}/{}", self.clock.now().to_zoned(japan).date());
        let (base, claim) = (self.place.base.clone(), path.to_owned());
        let verdict = aside(move || claim::decide(&base, &claim, (folder, batch), &files, remarks)).await?;
        self.carry_out(id, path, verdict).await
    }

    async fn carry_out(&mut self, id: Uuid, path: &Path, mut verdict: Verdict) -> Result<(), Trouble> {
        let (base, claim) = (self.place.base.clone(), path.to_owned());
        let verdict = aside(move || {
            claim::carry_out(&base, &claim, &mut verdict)?;
            Ok(verdict)
        })
        .await?;
        match verdict.batch {
            None => self.tell_refused(verdict).await?,
            Some(batch) => {
                let mut taken = Taken {
                    claim: id,
                    batch,
                    folder: verdict.folder,
                    files: verdict.files,
                    told: Told::default(),
                    deliveries: Vec::new(),
                    news: true,
                };
                if self.tell_of(&mut taken).await? {
                    let rows = self.taken.get_or_insert_default();
                    rows.retain(|row| row.claim != id);
                    rows.push(taken);
                }
            }
        }
        crash::point("exchange.recorded");
        let claim = path.to_owned();
        aside(move || claim::close(&claim)).await?;
        self.quiet.done(id);
        Ok(())
    }

    async fn tell_refused(&self, verdict: Verdict) -> Result<(), Trouble> {
        let (folder, now) = (self.place.at(&verdict.folder), self.clock.now());
        let write = move || {
            let files = verdict.files.iter().map(|file| file.name.as_str()).collect();
            let report = Report { files, batch: None, remarks: &verdict.remarks, covers: &[] };
            beside(&folder, &verdict.files, &report, now)
        };
        aside(write).await?;
        crash::point("exchange.told");
        Ok(())
    }

    /// Keeps up to date what stands beside files in `sent`.
    async fn tell(&mut self) -> Result<(), Trouble> {
        self.read_events().await?;
        let mut rows = self.taken.take().unwrap_or_default();
        let mut failed = None;
        for row in rows.iter_mut().filter(|row| row.news) {
            if failed.is_some() || *self.stop.borrow() {
                break;
            }
            match self.tell_of(row).await {
                // Nothing more will be news of it.
                Ok(false) => row.deliveries.clear(),
                Ok(true) => {}
                Err(trouble) => failed = Some(trouble),
            }
        }
        rows.retain(|row| row.news || !row.deliveries.is_empty());
        self.taken = Some(rows);
        failed.map_or(Ok(()), Err)
    }

    async fn read_events(&mut self) -> Result<(), Trouble> {
        loop {
            let events = self.outbox.events_after(&self.config.facility, self.events, 1000).await?;
            let Some(last) = events.last() else { return Ok(()) };
            self.events = last.seq;
            for row in self.taken.iter_mut().flatten() {
                row.news |= events.iter().filter_map(|event| event.submission).any(|id| row.deliveries.contains(&id));
            }
        }
    }

    /// Tells what there is to tell of files in `sent`. False: nothing more will be.
    async fn tell_of(&self, row: &mut Taken) -> Result<bool, Trouble> {
        let facility = &self.config.facility;
        let Some(batch) = self.outbox.batch(facility, row.batch).await? else {
            return self.forget(row).await;
        };
        row.deliveries = batch.deliveries.iter().map(|one| one.id).collect();
        for one in batch.deliveries.iter().filter(|one| one.state == StateName::OnPaper) {
            if !row.told.covers.iter().any(|(id, _)| *id == one.id) {
                let file = one.care_plan.as_ref().and_then(|about| about.files.first());
                let name = file.map(|name| row.file(name).map_or(name, |file| &file.placed).clone());
                self.cover(row, one.id, name.as_deref().unwrap_or("paper")).await?;
            }
        }
        let over = batch.deliveries.iter().all(is_told)
            || batch.deliveries.iter().all(is_final)
                && self.clock.now().duration_since(batch.accepted_at).unsigned_abs() > NEWS_FOR;
        let there = self.write_results(row, batch).await?;
        crash::point("exchange.told");
        row.news = false;
        if over || !there {
            return self.forget(row).await;
        }
        self.record(row).await?;
        Ok(true)
    }

    async fn write_results(&self, row: &mut Taken, batch: Batch) -> Result<bool, Trouble> {
        let (mut own, folder, now) = (row.clone(), self.place.at(&row.folder), self.clock.now());
        let write = move || {
            let files: Vec<&str> = own.files.iter().map(|file| file.name.as_str()).collect();
            let report = Report { files, batch: Some(&batch), remarks: &[], covers: &own.told.covers };
            let digest = hand::hex(report.value().to_string().as_bytes());
            if digest == own.told.digest {
                return Ok((own, true));
            }
            let there = beside(&folder, &own.files, &report, now)?;
            own.told.digest = digest;
            Ok((own, there))
        };
        let (own, there) = aside(write).await?;
        row.told = own.told;
        Ok(there)
    }

    async fn record(&self, row: &Taken) -> Result<(), Trouble> {
        let facility = self.config.facility.clone();
        Ok(self.store.write(RecordTaken { facility, row: row.row() }).await?)
    }

    async fn forget(&self, row: &mut Taken) -> Result<bool, Trouble> {
        self.store.write(ForgetTaken { claim: row.claim.as_bytes().to_vec() }).await?;
        row.news = false;
        Ok(false)
    }

    /// Writes the cover page of a delivery beside the files it is of.
    async fn cover(&self, row: &mut Taken, id: Uuid, name: &str) -> Result<(), Trouble> {
        let Some(one) = self.outbox.submission(&self.config.facility, id).await? else { return Ok(()) };
        let Some(cover) = result::cover(&one, self.clock.today_in_japan()) else { return Ok(()) };
        let name = disk::shortened(name, ".cover.html");
        let (folder, file) = (self.place.at(&row.folder), name.clone());
        aside(move || {
            if disk::exists(&folder)? {
                disk::replace(&folder.join(file), cover::page(&cover).as_bytes())
            } else {
                Ok(())
            }
        })
        .await?;
        row.told.covers.push((id, name));
        Ok(())
    }

    /// A person put the word into `out` that a unit goes on paper.
    async fn paper(&mut self, id: Uuid, path: &Path, files: Vec<Entry>, name: &str) -> Result<(), Trouble> {
        let mut rows = self.taken.take().unwrap_or_default();
        let done = self.on_paper(&mut rows, name).await;
        self.taken = Some(rows);
        match done? {
            None => {
                let claim = path.to_owned();
                let markers: Vec<PathBuf> = files.iter().map(|entry| path.join(&entry.name)).collect();
                aside(move || {
                    markers.iter().try_for_each(std::fs::remove_file)?;
                    claim::close(&claim)
                })
                .await?;
                self.quiet.done(id);
                Ok(())
            }
            Some(remark) => self.refuse(id, path, files, vec![remark]).await,
        }
    }

    /// Puts on paper what `name` means; gives why nothing of it could be.
    async fn on_paper(&mut self, rows: &mut [Taken], name: &str) -> Result<Option<Remark>, Trouble> {
        let mut remark = Some(unknown_paper());
        for row in rows {
            let Some(batch) = self.outbox.batch(&self.config.facility, row.batch).await? else { continue };
            let own = row.file(name).map(|file| file.placed.clone());
            let of_unit = |files: &[String]| files.iter().any(|file| is_named(file, name));
            let archive = own.as_ref().is_some_and(|name| name.to_ascii_lowercase().ends_with(".zip"));
            let meant = batch
                .deliveries
                .iter()
                .filter(|one| archive || one.care_plan.as_ref().is_some_and(|about| of_unit(&about.files)));
            let mut put = Vec::new();
            for one in meant {
                match one.state {
                    StateName::OnPaper => put.push(one),
                    StateName::Held | StateName::Queued | StateName::Sending | StateName::Unknown => {
                        match self.outbox.on_paper(&self.sender, one.id).await {
                            Ok(_) => put.push(one),
                            Err(error) if error.code == Code::SubmissionState => remark = Some(too_late()),
                            Err(error) => return Err(error.into()),
                        }
                    }
                    _ => remark = Some(too_late()),
                }
            }
            if put.is_empty() {
                continue;
            }
            crash::point("exchange.on_paper");
            for one in &put {
                let file = one.care_plan.as_ref().and_then(|about| about.files.first());
                let beside = match put.len() {
                    1 => Some(own.clone().unwrap_or_else(|| name.to_owned())),
                    _ => file.cloned(),
                };
                row.told.covers.retain(|(id, _)| *id != one.id);
                self.cover(row, one.id, beside.as_deref().unwrap_or(name)).await?;
            }
            self.record(row).await?;
            row.news = true;
            remark = None;
        }
        Ok(remark)
    }

    /// Puts what arrived into `in`.
    async fn arrive(&mut self) -> Result<(), Trouble> {
        let facility = self.config.facility.clone();
        let mut shut: Vec<String> = Vec::new();
        let mut started: Vec<Vec<u8>> = Vec::new();
        for row in self.store.placements(&facility).await? {
            started.push(row.received.clone());
            self.rename(row).await?;
        }
        let rows = self.store.unplaced(&facility).await?;
        let plan = arrive::plan(&rows);
        if plan.unreadable > 0 {
            let count = plan.unreadable;
            self.status.say(
                format!("ファイルにできない受信ケアプランが{count}件あります。engawa の一覧（GET /v1/careplans/received）を見てください。"),
                format!("{count} received care plans cannot become files. See the list: GET /v1/careplans/received."),
            );
        }
        for arrived in plan.place {
            if self.stopping() {
                break;
            }
            if shut.contains(&arrived.from) {
                continue;
            }
            // Its files wait for their names.
            let waits = started.iter().any(|id| id == arrived.id.as_bytes());
            if waits || !self.put(&arrived).await? {
                shut.push(arrived.from);
            }
        }
        Ok(())
    }

    /// Puts one unit into `in`; false when it has to wait, and with it what comes after it.
    async fn put(&mut self, arrived: &arrive::Arrived) -> Result<bool, Trouble> {
        let (folder, names) = (self.place.at("in"), arrive::order(&arrived.files, arrived.replaced > 0));
        let taken = aside(move || arrive::clashes(&folder, &names)).await?;
        if !taken.is_empty() {
            self.say_taken(&taken);
            return Ok(false);
        }
        let files = match self.inbox.files(&self.config.facility, arrived.id).await {
            Ok(Some(files)) => files,
            Ok(None) => return Ok(false),
            // It will never become files; what comes after it need not wait.
            Err(error) if error.code.retry() == Retry::Never || error.code == Code::SubmissionDamaged => {
                self.status.trouble(error.code);
                return Ok(true);
            }
            Err(error) => return Err(error.into()),
        };
        let staging = self.place.at(".arriving").join(arrived.id.to_string());
        let names = aside(move || arrive::write(&staging, &files)).await?;
        let row = PlacementRow {
            received: arrived.id.as_bytes().to_vec(),
            files: serde_json::to_string(&names).map_err(io::Error::other)?,
        };
        let begin = BeginPlacement { row: row.clone(), folder: "in".to_owned(), at: self.now() };
        self.store.write(begin).await?;
        crash::point("exchange.placement");
        self.rename(row).await
    }

    /// Gives files their names in `in`; false when somebody has one of them.
    async fn rename(&mut self, row: PlacementRow) -> Result<bool, Trouble> {
        let id = Uuid::from_slice(&row.received).map_err(io::Error::other)?;
        let names: Vec<String> = serde_json::from_str(&row.files).map_err(io::Error::other)?;
        let (staging, folder) = (self.place.at(".arriving").join(id.to_string()), self.place.at("in"));
        let from = staging.clone();
        match aside(move || arrive::rename(&from, &folder, &names)).await? {
            arrive::Renamed::Taken(names) => {
                self.say_taken(&names);
                return Ok(false);
            }
            // Somebody has emptied the folder; it is written anew.
            arrive::Renamed::Lost => {
                self.store.write(DropPlacement { received: row.received }).await?;
                self.sooner(Duration::ZERO);
                return Ok(false);
            }
            arrive::Renamed::All => {}
        }
        self.store.write(Placed { received: row.received, at: self.now() }).await?;
        crash::point("exchange.placed");
        aside(move || disk::clear(&staging)).await?;
        Ok(true)
    }

    fn say_taken(&mut self, names: &[String]) {
        self.status.files(
            [
                "in に同じ名前のファイルがあるため、届いたものを置けません。ソフトに読み込ませるか、別の場所に移してください:",
                "What arrived waits, as `in` has files of these names. Let the software read them, or move them away:",
            ],
            names,
        );
    }

    fn now(&self) -> i64 {
        let now: Timestamp = self.clock.now();
        now.as_millisecond()
    }
}

fn unknown_paper() -> Remark {
    Remark::refusal(
        "PAPER_UNKNOWN",
        None,
        "この名前のファイルで、送信を待っているものはありません。sent にあるファイルの名前に .paper を付けてください。",
        "No file of this name waits to be sent. Write the name of a file in `sent`, with .paper behind it.",
    )
}

fn too_late() -> Remark {
    let code = Code::SubmissionState;
    Remark::refusal(
        code.name(),
        None,
        "もう基盤にあるか、あるかもしれないため、紙にはできません。結果のファイルを見てください。",
        "The hub has it or may have it, so it cannot go on paper. See the result beside the file.",
    )
}
