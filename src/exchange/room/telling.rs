//! What stands beside files in `sent`, kept up to date.

use std::time::Duration;

use uuid::Uuid;

use super::{Room, Trouble, aside};
use crate::exchange::result::{self, Report, is_final, is_told};
use crate::exchange::told::{Taken, beside};
use crate::exchange::{disk, hand};
use crate::fault::crash;
use crate::model::careplan::cover;
use crate::outbox::{Batch, StateName};
use crate::store::{ForgetTaken, RecordTaken};

/// Of what was delivered nothing more is told after this time, opened or not.
const NEWS_FOR: Duration = Duration::from_secs(92 * 86_400);

impl Room {
    /// Keeps up to date what stands beside files in `sent`.
    pub(super) async fn tell(&mut self) -> Result<(), Trouble> {
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
        let newest = *self.outbox.event_watch().borrow();
        if self.heard == Some(newest) {
            return Ok(());
        }
        loop {
            let events = self.outbox.events_after(&self.config.facility, self.events, 1000).await?;
            let Some(last) = events.last() else {
                self.heard = Some(newest);
                return Ok(());
            };
            self.events = last.seq;
            for row in self.taken.iter_mut().flatten() {
                row.news |= events.iter().filter_map(|event| event.submission).any(|id| row.deliveries.contains(&id));
            }
        }
    }

    /// Tells what there is to tell of files in `sent`. False: nothing more will be.
    pub(super) async fn tell_of(&self, row: &mut Taken) -> Result<bool, Trouble> {
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

    pub(super) async fn record(&self, row: &Taken) -> Result<(), Trouble> {
        let facility = self.config.facility.clone();
        Ok(self.store.write(RecordTaken { facility, row: row.row(&self.keys)? }).await?)
    }

    async fn forget(&self, row: &mut Taken) -> Result<bool, Trouble> {
        self.store.write(ForgetTaken { claim: row.claim.as_bytes().to_vec() }).await?;
        row.news = false;
        Ok(false)
    }

    /// Writes the cover page of a delivery beside the files it is of.
    pub(super) async fn cover(&self, row: &mut Taken, id: Uuid, name: &str) -> Result<(), Trouble> {
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
}
