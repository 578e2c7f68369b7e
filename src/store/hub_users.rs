//! The staff's own users at the hub, and what is to go out as them.

use sqlx::SqliteConnection;

use super::staff::COLUMNS;
use super::{StaffRow, Store, StoreError, Transit, Write};
use crate::model::hub_user::HubUser;

/// What has not left and can still go as somebody else: the hub does not have it. What the hub may have (an answer was lost, and nobody could
/// say what became of it) keeps the one it went out as.
const WAITING: &str = "state IN ('queued', 'held') AND doubtful = 0 AND reason IS NOT 'OUTCOME_UNASKABLE'";

/// Whether a user id is another account's of the facility than that of `user`. Nobody can say whether the hub tells `ab12` from
/// `AB12`, so two persons have not both.
pub(super) async fn is_anothers(
    tx: &mut SqliteConnection,
    facility: &str,
    user: &str,
    id: &HubUser,
) -> Result<bool, StoreError> {
    let others =
        sqlx::query_scalar("SELECT hub_user FROM staff WHERE facility = ? AND user <> ? AND hub_user IS NOT NULL");
    let others: Vec<String> = others.bind(facility).bind(user).fetch_all(tx).await?;
    Ok(others.into_iter().any(|other| HubUser::stored(other).is_like(id)))
}

/// What may have left goes again as whom its account is by now.
pub(super) async fn catch_up(tx: &mut SqliteConnection, seq: i64) -> Result<(), StoreError> {
    let change = format!(
        "UPDATE submission SET hub_user = (SELECT staff.hub_user FROM staff WHERE staff.facility = submission.facility \
         AND staff.user = submission.hub_account) WHERE seq = ? AND {WAITING} AND EXISTS (SELECT 1 FROM staff \
         WHERE staff.facility = submission.facility AND staff.user = submission.hub_account AND staff.hub_user IS NOT NULL)"
    );
    // Text of our own; what comes from outside is bound.
    sqlx::query(sqlx::AssertSqlSafe(change)).bind(seq).execute(tx).await?;
    Ok(())
}

/// Names an account's user id at the hub and its password. What the account has handed in and has not left goes under it; what may have left
/// keeps the one it went out as.
pub struct SetHubUser {
    /// Facility number.
    pub facility: String,
    /// The account.
    pub user: String,
    /// The user id; `None` takes it away, and what the account has handed in goes on waiting.
    pub hub_user: Option<String>,
    /// The password, sealed; `None`: there is none in the store from here on.
    pub hub_password: Option<Vec<u8>>,
}

/// What became of a [`SetHubUser`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubUserSet {
    /// It is so.
    Yes,
    /// There is no such account.
    Absent,
    /// The user id is another account's.
    Taken,
}

impl Write for SetHubUser {
    type Output = HubUserSet;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<HubUserSet, StoreError> {
        let Self { facility, user, hub_user, hub_password } = self;
        if let Some(id) = hub_user
            && is_anothers(tx, facility, user, &HubUser::stored(id.clone())).await?
        {
            return Ok(HubUserSet::Taken);
        }
        let set = sqlx::query("UPDATE staff SET hub_user = ?, hub_password = ? WHERE facility = ? AND user = ?")
            .bind(hub_user)
            .bind(hub_password)
            .bind(facility)
            .bind(user)
            .execute(&mut *tx)
            .await?;
        if set.rows_affected() == 0 {
            return Ok(HubUserSet::Absent);
        }
        if let Some(id) = hub_user {
            let waiting = format!(
                "UPDATE submission SET hub_user = ? WHERE facility = ? AND hub_account = ? AND hub_user <> ? AND {WAITING}"
            );
            // Text of our own; what comes from outside is bound.
            sqlx::query(sqlx::AssertSqlSafe(waiting)).bind(id).bind(facility).bind(user).bind(id).execute(tx).await?;
        }
        Ok(HubUserSet::Yes)
    }
}

/// Wipes kept passwords.
pub struct WipeHubPasswords {
    /// Facility number.
    pub facility: String,
    /// Only this account's; `None`: everybody's.
    pub user: Option<String>,
}

impl Write for WipeHubPasswords {
    type Output = u64;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        let wipe = sqlx::query(
            "UPDATE staff SET hub_password = NULL WHERE facility = ? AND user = coalesce(?, user) AND hub_password IS NOT NULL",
        );
        Ok(wipe.bind(&self.facility).bind(&self.user).execute(tx).await?.rows_affected())
    }
}

/// What waits goes out as the facility's user from here on; tells how much it is.
pub struct AllAsFacility {
    /// Facility number.
    pub facility: String,
}

impl Write for AllAsFacility {
    type Output = u64;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        // What waited for a person need not wait any longer.
        let change = format!(
            "UPDATE submission SET hub_user = NULL, hub_account = NULL, \
             wait_until = CASE WHEN state = 'queued' THEN NULL ELSE wait_until END \
             WHERE facility = ? AND {WAITING} AND hub_user IS NOT NULL"
        );
        // Text of our own; what comes from outside is bound.
        let done = sqlx::query(sqlx::AssertSqlSafe(change)).bind(&self.facility).execute(tx).await?;
        Ok(done.rows_affected())
    }
}

/// What waits for somebody's password waits no longer.
pub struct PasswordGiven {
    /// Facility number.
    pub facility: String,
    /// The account that handed it in.
    pub account: String,
    /// Why it waits.
    pub reasons: [&'static str; 3],
}

impl Write for PasswordGiven {
    type Output = u64;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<u64, StoreError> {
        let go = sqlx::query(
            "UPDATE submission SET wait_until = NULL, pause = 0 \
             WHERE facility = ? AND state = 'queued' AND hub_account = ? AND reason IN (?, ?, ?)",
        );
        let [one, other, third] = self.reasons;
        let go = go.bind(&self.facility).bind(&self.account).bind(one).bind(other).bind(third);
        Ok(go.execute(tx).await?.rows_affected())
    }
}

/// A transition after which, where it has queued the submission, this goes out as the facility's user.
pub struct AsFacility<T>(pub Transit<T>);

impl<T: Send + 'static> Write for AsFacility<T> {
    type Output = Option<T>;

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<Option<T>, StoreError> {
        let learnt = self.0.apply(tx).await?;
        sqlx::query("UPDATE submission SET hub_user = NULL, hub_account = NULL WHERE id = ? AND state = 'queued'")
            .bind(self.0.id.as_slice())
            .execute(tx)
            .await?;
        Ok(learnt)
    }
}

/// What is about to be sent goes as the facility's user.
pub struct SentAsFacility {
    /// The submission.
    pub id: [u8; 16],
}

impl Write for SentAsFacility {
    type Output = ();

    async fn apply(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query("UPDATE submission SET hub_user = NULL, hub_account = NULL WHERE id = ? AND state = 'sending'")
            .bind(self.id.as_slice())
            .execute(tx)
            .await?;
        Ok(())
    }
}

impl Store {
    /// The account that a user id at the hub belongs to.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub async fn staff_at_hub(&self, facility: &str, hub_user: &str) -> Result<Option<StaffRow>, StoreError> {
        let select = format!("SELECT {COLUMNS} FROM staff WHERE facility = ? AND hub_user = ?");
        // Text of our own; what comes from outside is bound.
        let row = sqlx::query_as(sqlx::AssertSqlSafe(select));
        Ok(row.bind(facility).bind(hub_user).fetch_optional(&self.readers).await?)
    }
}
