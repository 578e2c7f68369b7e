//! From `out` to `sent` or `refused`.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::{Room, Trouble, aside};
use crate::exchange::claim::{self, Content, Verdict};
use crate::exchange::disk;
use crate::exchange::hand::{self, Bench, Chosen, MAX_TOTAL, Named};
use crate::exchange::remark::Remark;
use crate::exchange::result::Report;
use crate::exchange::scan::{Entry, Scan, Wait, What};
use crate::exchange::told::{Taken, Told, beside};
use crate::fault::{Blame, Code, Retry, crash};
use crate::outbox::Earlier;

impl Room {
    /// Goes on with what has been taken before.
    pub(super) async fn claims(&mut self, chosen: &Arc<Chosen>) -> Option<Code> {
        let (out, work) = (self.place.at("out"), self.place.at(".work"));
        let half = work.clone();
        if let Err(error) = aside(move || claim::undo(&out, &half)).await {
            self.stuck = Some(error);
        }
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
                Err(Trouble::Folder(error)) => self.stuck = Some(error),
            }
        }
        None
    }

    /// Looks at what lies in `out` and takes what is whole.
    pub(super) async fn out(&mut self, chosen: &Arc<Chosen>) -> Result<Option<Code>, Trouble> {
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
            let id = match aside(move || claim::take(&out, &work, &files)).await {
                Ok(Some(id)) => id,
                Ok(None) => continue,
                Err(error) => {
                    self.stuck = Some(error);
                    continue;
                }
            };
            self.quiet.taken(id, &take.files);
            let path = self.place.at(".work").join(id.to_string());
            match self.finish(id, &path, chosen).await {
                Ok(()) => {}
                Err(Trouble::Later(code)) => return Ok(Some(code)),
                Err(Trouble::Folder(error)) => self.stuck = Some(error),
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
                let general = || [code.ja().to_owned(), code.en().to_owned()];
                let [ja, en] = error.earlier.as_ref().map_or_else(general, Earlier::sentences);
                Ok(Err(vec![Remark::refusal(code.name(), None, &ja, &en)]))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn refuse(
        &mut self,
        id: Uuid,
        path: &Path,
        files: Vec<Entry>,
        remarks: Vec<Remark>,
    ) -> Result<(), Trouble> {
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
}
