//! Passwords: which are taken, how they are kept, and one-time passwords.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::rand;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::PeopleError;
use crate::task;

/// Signs that a password has at least.
pub const SHORTEST: usize = 12;
/// Signs that a password has at most: more is no password, and hashing it costs.
pub const LONGEST: usize = 128;

/// argon2id over 19 MiB, three times (OWASP asks for two or more at this size). The box may be an ARM board with 1 GB and slow
/// cores: there a try takes a few tenths of a second, and two at once take 38 MiB. More memory would endanger what the box is there
/// for; the lock-out, not the hash, is what stops who guesses at the door.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// Hashes at once: log-ins leave the box a core.
const AT_ONCE: usize = 2;
/// Log-ins that wait for one of them, in the order in which they came; of each terminal one at most.
const WAITING: usize = 16;

/// Signs of a one-time password, in groups of four: 80 bits.
const ONE_TIME: usize = 16;
/// Crockford's base 32: nothing that is taken for another sign.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What very common passwords are made of, the longest first. Numbers and signs around them do not make them rarer.
const COMMON: [&str; 40] = [
    "administrator",
    "correcthorsebatterystaple",
    "changeme",
    "password",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "pa55word",
    "passwort",
    "pasuwado",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx",
    "qazwsx",
    "iloveyou",
    "letmein",
    "welcome",
    "baseball",
    "football",
    "doraemon",
    "pikachu",
    "princess",
    "sunshine",
    "computer",
    "internet",
    "clinic",
    "hospital",
    "qwerty",
    "engawa",
    "kaigo",
    "byouin",
    "iryou",
    "sakura",
    "dragon",
    "monkey",
    "master",
    "secret",
    "login",
    "admin",
];

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Fewer than [`SHORTEST`] signs.
    Short,
    /// More than [`LONGEST`] signs.
    Long,
    /// The user's name, or little more.
    User,
    /// One of those that everybody tries first.
    Common,
    /// The present one.
    Same,
}

/// Whether a new password may be used; no rules on what it is made of but these.
///
/// # Errors
/// Why not.
pub fn judge(password: &str, user: &str) -> Result<(), Weakness> {
    let signs = password.chars().count();
    if signs < SHORTEST {
        return Err(Weakness::Short);
    }
    if signs > LONGEST {
        return Err(Weakness::Long);
    }
    let plain = Zeroizing::new(normal(password).to_lowercase());
    let bare = Zeroizing::new(plain.replace(user, ""));
    if bare.chars().count() < plain.chars().count() && bare.chars().filter(|sign| sign.is_alphabetic()).count() < 6 {
        return Err(Weakness::User);
    }
    if monotonous(&plain) || made_of_common(&plain) { Err(Weakness::Common) } else { Ok(()) }
}

/// Few different signs, a sequence, or something repeated.
fn monotonous(plain: &str) -> bool {
    let signs = Zeroizing::new(plain.chars().map(u32::from).collect::<Vec<_>>());
    let different = signs.iter().enumerate().filter(|(at, sign)| !signs.iter().take(*at).any(|before| before == *sign));
    let steps = signs.windows(2).filter(|pair| matches!(pair, [a, b] if a.abs_diff(*b) <= 1)).count();
    let repeats = (1..=signs.len() / 3).any(|n| signs.iter().zip(signs.iter().skip(n)).all(|(a, b)| a == b));
    different.count() < 5 || steps * 4 >= signs.len() * 3 || repeats
}

/// Nothing but common words, numbers and signs.
fn made_of_common(plain: &str) -> bool {
    let mut rest = Zeroizing::new(plain.to_owned());
    let mut found = false;
    for word in COMMON {
        if rest.contains(word) {
            found = true;
            rest = Zeroizing::new(rest.replace(word, " "));
        }
    }
    found && rest.chars().filter(|sign| sign.is_alphabetic()).count() < 4
}

/// One form for what keyboards write in several (full-width signs, composed kana).
fn normal(password: &str) -> Zeroizing<String> {
    // As large as it may become: a buffer that grows leaves what it held behind.
    let mut text = Zeroizing::new(String::with_capacity(password.len() * 12));
    text.extend(password.nfkc());
    text
}

/// A fresh one-time password, in the form in which it is shown: `7K3M-9QXT-4B2D-H0WZ`.
///
/// # Errors
/// [`PeopleError::Hash`] if the random source fails.
pub fn one_time() -> Result<Zeroizing<String>, PeopleError> {
    let mut bytes = Zeroizing::new([0_u8; ONE_TIME]);
    rand::fill(bytes.as_mut()).map_err(|_| PeopleError::Hash)?;
    let mut text = Zeroizing::new(String::with_capacity(ONE_TIME + ONE_TIME / 4));
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        let sign = ALPHABET.get(usize::from(byte & 31)).copied().ok_or(PeopleError::Hash)?;
        text.push(char::from(sign));
    }
    Ok(text)
}

/// Hashes and compares passwords, a few at a time, beside the requests.
#[derive(Clone)]
pub(super) struct Hasher {
    seats: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self { seats: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::new(Semaphore::new(AT_ONCE + WAITING)) }
    }

    /// The password as it is stored, a PHC string.
    ///
    /// # Errors
    /// [`PeopleError::Hash`], [`PeopleError::Busy`].
    pub(super) async fn hash(&self, password: Zeroizing<String>) -> Result<String, PeopleError> {
        self.run(move || hash(&password)).await?
    }

    /// Whether the password is the stored one. Without a stored one it takes as long, and is not.
    ///
    /// # Errors
    /// [`PeopleError::Hash`], [`PeopleError::Busy`].
    pub(super) async fn is(&self, password: Zeroizing<String>, stored: Option<String>) -> Result<bool, PeopleError> {
        self.run(move || {
            let Some(stored) = stored else {
                hash(&password)?;
                return Ok(false);
            };
            let stored = PasswordHash::new(&stored).map_err(|_| PeopleError::Hash)?;
            Ok(argon2()?.verify_password(normal(&password).as_bytes(), &stored).is_ok())
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PeopleError> {
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| PeopleError::Busy)?;
        let seat = Arc::clone(&self.seats).acquire_owned().await.map_err(|_| PeopleError::Busy)?;
        // The seats go with the work: who breaks off and asks again takes further ones.
        let work = move || {
            let done = work();
            drop((waiting, seat));
            done
        };
        task::aside(work).await.map_err(|_| PeopleError::Hash)
    }
}

fn hash(password: &str) -> Result<String, PeopleError> {
    let hash = argon2()?.hash_password(normal(password).as_bytes()).map_err(|_| PeopleError::Hash)?;
    Ok(hash.to_string())
}

fn argon2() -> Result<Argon2<'static>, PeopleError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PeopleError::Hash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
