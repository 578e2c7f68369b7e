//! From the inbox to `in`.

use std::io;
use std::time::Duration;

use uuid::Uuid;

use super::{Room, Trouble, aside};
use crate::exchange::{arrive, disk};
use crate::fault::{Code, Retry, crash};
use crate::store::{BeginPlacement, DropPlacement, Look, Placed, PlacementRow};

impl Room {
    /// Puts what arrived into `in`.
    pub(super) async fn arrive(&mut self) -> Result<(), Trouble> {
        let facility = self.config.facility.clone();
        let look = Look::begin(&self.store, &self.clock);
        if self.placed.lasts(look) {
            return Ok(());
        }
        self.placed.end();
        let mut shut: Vec<String> = Vec::new();
        let mut started: Vec<Vec<u8>> = Vec::new();
        for row in self.store.placements(&facility).await? {
            started.push(row.received.clone());
            self.rename(row).await?;
        }
        let (arriving, known) = (self.place.at(".arriving"), started.clone());
        aside(move || arrive::sweep(&arriving, &known)).await?;
        let rows = self.store.unplaced(&facility).await?;
        let plan = arrive::plan(&rows);
        if started.is_empty() && rows.is_empty() {
            self.placed.found_nothing(look, None);
        }
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
}
