//! The word of a person that a unit goes on paper: `NAME.paper`.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{Room, Trouble, aside, asked};
use crate::exchange::claim;
use crate::exchange::remark::Remark;
use crate::exchange::scan::Entry;
use crate::exchange::told::{Taken, is_named};
use crate::fault::{Code, crash};
use crate::outbox::{Sender, StateName};

impl Room {
    /// A person put the word into `out` that a unit goes on paper.
    pub(super) async fn paper(&mut self, id: Uuid, path: &Path, files: Vec<Entry>, name: &str) -> Result<(), Trouble> {
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
        let by = Sender { act: Some(asked(&self.config.facility, "submission.paper")), ..self.sender.clone() };
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
                        match self.outbox.on_paper(&by, one.id).await {
                            Ok(_) => put.push(one),
                            Err(error) if matches!(error.code, Code::SubmissionState | Code::PaperTooLate) => {
                                remark = Some(too_late());
                            }
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
