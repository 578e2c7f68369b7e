//! The master keys of the house: where they come from, what is bound to what, and orders while no gateway runs.

use std::path::Path;
use std::sync::Arc;

use super::keys::own_directory;
use super::{DAY, StartError, State, open_state};
use crate::audit::{Draft, Trail};
use crate::clock::Clock;
use crate::config::{Config, MasterKeyPlace, credentials_directory};
use crate::credential::seal::{Keyring, SealError};
use crate::credential::token::TokenError;
use crate::credential::{KeyFile, SecretSource, Token};
use crate::fault::Code;
use crate::host::{self, StateLock};
use crate::store::{LongLived, SealedNote};
use crate::vault::{Binding, MasterKeyError, MasterKeys, Standing};
use crate::{outbox, people};

/// What `engawa master-key` wants when no gateway runs.
#[derive(Clone, Copy, Debug)]
pub enum MasterKeyOrder {
    /// Begin another one.
    Rotate,
    /// Take out those that nothing needs.
    Retire,
    /// How it stands.
    Show,
    /// Make the key on the token and wrap the file by it.
    InitToken,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum MasterKeyDone {
    /// The id of the key that seals.
    Rotated(String),
    /// The ids of those that are out.
    Retired(Vec<String>),
    /// How it stands.
    Standing(Standing),
    /// The file is wrapped.
    Wrapped,
}

/// Where the master keys are kept, by the settings.
///
/// # Errors
/// `SECRET_MISSING` when a credential is named and there is no directory for them.
pub fn key_file(settings: &Config) -> Result<KeyFile, StartError> {
    let (place, credentials) = place(settings)?;
    let (MasterKeyPlace::Kept(path) | MasterKeyPlace::Own(path)) = place;
    let given = credentials.is_some_and(|directory| path.starts_with(directory));
    Ok(KeyFile::new(path, given, token(settings)?))
}

fn place(settings: &Config) -> Result<(MasterKeyPlace, Option<std::path::PathBuf>), StartError> {
    let credentials = credentials_directory();
    let place = settings.state.master_key(credentials.as_deref());
    let place = place.map_err(|error| StartError { code: Code::SecretMissing, source: Some(Box::new(error)) })?;
    Ok((place, credentials))
}

fn token(settings: &Config) -> Result<Option<Token>, StartError> {
    let state = &settings.state;
    let (Some(uri), Some(pin)) = (&state.master_key_token, &state.master_key_pin_file) else { return Ok(None) };
    let pin = SecretSource::parse(&pin.to_string());
    let pin = pin.map_err(|error| StartError { code: error.code(), source: Some(Box::new(error)) })?;
    Ok(Some(Token::new(uri.clone(), pin)))
}

/// The keys that open stored documents. One is made only while nothing is stored.
pub(super) fn open(settings: &Config, directory: &Path) -> Result<(Keyring, KeyFile), StartError> {
    let file = key_file(settings)?;
    let kept = matches!(place(settings)?.0, MasterKeyPlace::Kept(_));
    if !kept && !file.path().exists() {
        if directory.join("engawa.db").exists() {
            return Err(Code::MasterKeyMissing.into());
        }
        return Ok((file.create()?, file));
    }
    let keys = file.read()?;
    if !kept && let Err(error) = file.sweep() {
        tracing::warn!(%error, "what an interrupted change of the master keys left cannot be removed");
    }
    Ok((keys, file))
}

/// The master keys of an opened state directory.
pub(super) fn master_keys(settings: &Config, state: &State) -> MasterKeys {
    let kept = (state.store.clone(), Arc::clone(&state.keys));
    let retention = DAY * u32::from(settings.state.retention_days);
    MasterKeys::new(kept, state.key_file.clone(), retention, binding(), state.clock.clone())
}

fn binding() -> Binding {
    Arc::new(|column, note: &SealedNote| match column {
        LongLived::StaffName => Some(people::name_place(&note.one, &note.two)),
        LongLived::StaffHubPassword => Some(people::hub_password_place(&note.one, &note.two, &note.three)),
        LongLived::StrayReason => Some(outbox::news_place(&note.two)),
        LongLived::TakenFiles | LongLived::TakenTold => {
            uuid::Uuid::parse_str(&note.one).ok().map(uuid::Uuid::into_bytes)
        }
    })
}

/// Puts it into the trail when another key seals than before, though no request asked for it: the operator changed the file.
pub(super) async fn record_begun(keys: &MasterKeys, trail: &Trail, facility: &str, clock: &Clock) {
    match keys.begun().await {
        Ok(None) => {}
        Ok(Some(id)) => {
            let act = Draft::local(facility, "master_key.rotate").done(clock.now(), format!("master_key:{id}"));
            if let Err(error) = trail.record(vec![act]).await {
                tracing::error!(code = %error.code, "audit: that another master key seals could not be recorded");
            }
        }
        Err(error) => tracing::warn!(%error, code = %error.code(), "master key: which one sealed before is not known"),
    }
}

/// Obeys `order` on the state directory itself.
///
/// # Errors
/// `STATE_LOCKED` while a gateway runs, `STATE_OWNER`, `MASTER_KEY_…`, and what the store says.
pub async fn master_key_offline(settings: &Config, order: MasterKeyOrder) -> Result<MasterKeyDone, StartError> {
    own_directory(&settings.state.directory)?;
    if matches!(order, MasterKeyOrder::InitToken) {
        wrap(settings)?;
    }
    let state = open_state(settings, Clock::system()).await?;
    let keys = master_keys(settings, &state);
    let trail = Trail::new(state.store.clone());
    let facility = &settings.facility.number;
    let mut answer = obey(&keys, order).await.map_err(StartError::from);
    let act = match &answer {
        Ok(MasterKeyDone::Rotated(id)) => Some(("master_key.rotate", id.clone())),
        Ok(MasterKeyDone::Retired(ids)) if !ids.is_empty() => Some(("master_key.retire", ids.join(","))),
        Ok(MasterKeyDone::Wrapped) => Some(("master_key.wrap", String::new())),
        _ => None,
    };
    if let Some((act, on)) = act {
        let act = Draft::local(facility, act).done(state.clock.now(), format!("master_key:{on}"));
        if let Err(error) = trail.record(vec![act]).await {
            answer = Err(StartError { code: Code::TrailUnavailable, source: Some(Box::new(error)) });
        }
        if let Err(error) = keys.begun().await {
            // The gateway finds the key anew at its next start, and records it a second time.
            tracing::warn!(%error, "master key: that another one seals could not be noted");
        }
    }
    if matches!(order, MasterKeyOrder::Rotate)
        && let Err(error) = keys.rewrap().await
    {
        // The gateway goes on with it at its next start.
        tracing::warn!(%error, "master key: what is long-lived stays under old ones for the time being");
    }
    drop((keys, trail, state.store));
    state.task.finished().await;
    answer
}

async fn obey(keys: &MasterKeys, order: MasterKeyOrder) -> Result<MasterKeyDone, MasterKeyError> {
    Ok(match order {
        MasterKeyOrder::Rotate => MasterKeyDone::Rotated(keys.rotate().await?),
        MasterKeyOrder::Retire => MasterKeyDone::Retired(keys.retire().await?),
        MasterKeyOrder::Show => MasterKeyDone::Standing(keys.standing().await?),
        MasterKeyOrder::InitToken => MasterKeyDone::Wrapped,
    })
}

/// Makes the token's key where there is none, and wraps the key file by it. What is in the file in clear goes only when the token has opened
/// what it is to be replaced by.
fn wrap(settings: &Config) -> Result<(), StartError> {
    let directory = &settings.state.directory;
    host::private_directory(directory)?;
    let _lock = StateLock::take(directory)?;
    let Some(token) = token(settings)? else { return Err(Code::ConfigInvalid.into()) };
    match token.make_key() {
        Ok(()) | Err(TokenError::KeyPresent) => {}
        Err(error) => return Err(SealError::from(error).into()),
    }
    let wrapped = key_file(settings)?;
    if !wrapped.path().exists() {
        // Made wrapped at the first start; a key that has gone is not replaced.
        return Ok(());
    }
    let clear = KeyFile::new(wrapped.path().to_owned(), wrapped.is_given(), None);
    match clear.read() {
        Ok(keys) => {
            let text = keys.text();
            let there = token.wrap(&text).and_then(|wrapped| token.unwrap(&wrapped)).map_err(SealError::from)?;
            if *there != *text {
                return Err(SealError::Token(TokenError::Foreign).into());
            }
            Ok(wrapped.replace(&keys)?)
        }
        Err(SealError::Token(TokenError::NotNamed)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl From<MasterKeyError> for StartError {
    fn from(error: MasterKeyError) -> Self {
        Self { code: error.code(), source: Some(Box::new(error)) }
    }
}
