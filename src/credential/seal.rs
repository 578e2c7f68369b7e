//! Sealing at rest: documents are encrypted chunk by chunk with the AEAD of the TLS provider (AES-256-GCM).
//!
//! Each document has its own data key, HKDF-SHA256 over the master key and a random salt, so a nonce can simply count
//! the chunks. The nonce's last byte marks the final chunk and the additional data is the document's id: a chunk that is
//! moved, swapped, left out or cut off does not open.
//!
//! A row carries the id of its master key: the first master key seals, every one opens, so keys can be rotated without touching old
//! rows. Where they are kept is [`super::key_file`]'s matter.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf, rand};
use zeroize::{Zeroize as _, Zeroizing};

use crate::fault::Code;
use crate::model::hex;

const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 32;
/// The document name under which the secret of the box is sealed.
const BOX_SECRET: [u8; 16] = *b"engawa-boxsecret";
/// Octets that sealing adds to each chunk.
pub const TAG_BYTES: usize = 16;

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key file could not be read or written.
    #[error("key file")]
    File(#[source] std::io::Error),
    /// The key file lies where this process may not write.
    #[error("the key file cannot be changed from here")]
    ReadOnly(#[source] std::io::Error),
    /// The token would not open or close the key file.
    #[error("the token that wraps the master keys")]
    Token(#[from] super::TokenError),
    /// The key file holds something other than keys.
    #[error("key file line {0} is not 64 hexadecimal digits")]
    Malformed(usize),
    /// No key of that id is loaded.
    #[error("master key {0} is not loaded")]
    UnknownKey(String),
    /// The data is not what was sealed.
    #[error("sealed data is damaged")]
    Damaged,
    /// The random generator or the cipher refused to work.
    #[error("cipher unavailable")]
    Cipher,
}

impl SealError {
    /// The catalogue's code, where a key file is read or written.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::ReadOnly(_) => Code::MasterKeyReadOnly,
            Self::Token(error) => error.code(),
            _ => Code::SecretMissing,
        }
    }
}

/// The master keys. They can be changed while others hold on to the ring.
pub struct Keyring {
    keys: RwLock<Vec<Arc<MasterKey>>>,
}

/// From which the keys of fingerprints are derived: they have to stay the same when master keys change.
pub struct BoxSecret(Zeroizing<[u8; KEY_BYTES]>);

impl BoxSecret {
    /// The key for one purpose.
    ///
    /// # Errors
    /// [`SealError::Cipher`]; a key of zeros in its place would be one that anybody knows.
    pub fn derive(&self, purpose: &str) -> Result<[u8; KEY_BYTES], SealError> {
        let mut out = [0; KEY_BYTES];
        expand(&self.0, b"engawa derived key v1", purpose.as_bytes(), &mut out)?;
        Ok(out)
    }
}

struct MasterKey {
    id: String,
    secret: Zeroizing<[u8; KEY_BYTES]>,
}

impl Keyring {
    /// Reads the text of a key file.
    ///
    /// # Errors
    /// [`SealError::Malformed`] when a line is not a key.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let keys = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(number, line)| MasterKey::parse(line.trim()).map(Arc::new).ok_or(SealError::Malformed(number + 1)))
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(SealError::Malformed(1)) } else { Ok(Self::of(keys)) }
    }

    /// One fresh key.
    ///
    /// # Errors
    /// [`SealError::Cipher`] when the random generator fails.
    pub fn generate() -> Result<Self, SealError> {
        Ok(Self::of(vec![Arc::new(MasterKey::generate()?)]))
    }

    /// These keys with a fresh one before them, which seals.
    ///
    /// # Errors
    /// [`SealError::Cipher`] when the random generator fails.
    pub fn with_fresh(&self) -> Result<Self, SealError> {
        let mut keys = self.keys();
        keys.insert(0, Arc::new(MasterKey::generate()?));
        Ok(Self::of(keys))
    }

    /// These keys without those of the ids named. The first is not left out: it seals.
    #[must_use]
    pub fn without(&self, ids: &[String]) -> Self {
        let mut keys = self.keys();
        let mut first = true;
        keys.retain(|key| std::mem::take(&mut first) || !ids.contains(&key.id));
        Self::of(keys)
    }

    /// These keys at this moment.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::of(self.keys())
    }

    /// These keys, and those of the other that are not among them.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut keys = self.keys();
        keys.extend(other.keys().into_iter().filter(|other| !self.knows(&other.id)));
        Self::of(keys)
    }

    /// The others' keys in place of these, for everybody who holds this ring.
    pub fn take(&self, other: &Self) {
        let keys = other.keys();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// The ids of the keys, the one that seals first. An id tells nothing of its key.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.keys().iter().map(|key| key.id.clone()).collect()
    }

    /// Whether there is a key of that id.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        self.keys().iter().any(|key| key.id == id)
    }

    /// Whether what [`Keyring::seal_note`] made lies under the key that seals at present.
    #[must_use]
    pub fn is_current(&self, note: &[u8]) -> bool {
        let key = key_of(note).ok().map(|(id, _)| id);
        key.is_some_and(|id| self.keys().first().is_some_and(|first| first.id.as_bytes() == id))
    }

    fn of(keys: Vec<Arc<MasterKey>>) -> Self {
        Self { keys: RwLock::new(keys) }
    }

    fn keys(&self) -> Vec<Arc<MasterKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The text of a key file that holds these keys.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let keys = self.keys();
        // Room for all of it at once: a growing text would leave unwiped copies behind.
        let mut text = Zeroizing::new(String::with_capacity(keys.len() * (KEY_BYTES * 2 + 1)));
        for key in &keys {
            text.push_str(&Zeroizing::new(hex(key.secret.as_ref())));
            text.push('\n');
        }
        text
    }

    /// A fresh secret of the box, sealed for its store: it outlives every master key.
    ///
    /// # Errors
    /// As [`Keyring::seal_note`].
    pub fn new_box_secret(&self) -> Result<Vec<u8>, SealError> {
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(secret.as_mut()).map_err(|_| SealError::Cipher)?;
        self.seal_note(BOX_SECRET, secret.as_ref())
    }

    /// Opens the secret of the box. It opens only with a key under which this store was written.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] when the keys are another box's, [`SealError::Damaged`].
    pub fn box_secret(&self, sealed: &[u8]) -> Result<BoxSecret, SealError> {
        let secret = self.open_note(BOX_SECRET, sealed)?;
        let secret = <[u8; KEY_BYTES]>::try_from(secret.as_slice()).map_err(|_| SealError::Damaged)?;
        Ok(BoxSecret(Zeroizing::new(secret)))
    }

    /// The secret of the box, sealed under the present key.
    ///
    /// # Errors
    /// As [`Keyring::box_secret`] and [`Keyring::seal_note`].
    pub fn box_secret_anew(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_note(BOX_SECRET, self.box_secret(sealed)?.0.as_ref())
    }

    /// The id of the key under which a note lies.
    #[must_use]
    pub fn key_id_of(note: &[u8]) -> Option<String> {
        String::from_utf8(key_of(note).ok()?.0.to_vec()).ok()
    }

    /// Starts sealing a document.
    ///
    /// # Errors
    /// [`SealError::Cipher`] when the random generator fails.
    pub fn sealer(&self, document: [u8; 16]) -> Result<Sealer, SealError> {
        let master = self.keys().into_iter().next().ok_or(SealError::Cipher)?;
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).map_err(|_| SealError::Cipher)?;
        let cipher = master.cipher(&salt)?;
        Ok(Sealer { key_id: master.id.clone(), salt, cipher, document, chunk: 0 })
    }

    /// Opens a document sealed under `key_id` and `salt`.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] when the key is not loaded, [`SealError::Damaged`] for a salt of the wrong length.
    pub fn opener(&self, key_id: &str, salt: &[u8], document: [u8; 16]) -> Result<Opener, SealError> {
        let master = self.keys().into_iter().find(|key| key.id == key_id);
        let master = master.ok_or_else(|| SealError::UnknownKey(key_id.to_owned()))?;
        if salt.len() != SALT_BYTES {
            return Err(SealError::Damaged);
        }
        Ok(Opener { cipher: master.cipher(salt)?, document, chunk: 0 })
    }

    /// Seals a short text in one piece: key id, salt and data together.
    ///
    /// # Errors
    /// As [`Keyring::sealer`].
    pub fn seal_note(&self, document: [u8; 16], text: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealer = self.sealer(document)?;
        let mut data = text.to_vec();
        sealer.seal(&mut data, true)?;
        let mut note = Vec::with_capacity(1 + sealer.key_id.len() + SALT_BYTES + data.len());
        note.push(u8::try_from(sealer.key_id.len()).map_err(|_| SealError::Cipher)?);
        note.extend_from_slice(sealer.key_id.as_bytes());
        note.extend_from_slice(&sealer.salt);
        note.append(&mut data);
        Ok(note)
    }

    /// Opens what [`Keyring::seal_note`] made.
    ///
    /// # Errors
    /// [`SealError::Damaged`] or [`SealError::UnknownKey`].
    pub fn open_note(&self, document: [u8; 16], note: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (key_id, rest) = key_of(note)?;
        let (salt, data) = rest.split_at_checked(SALT_BYTES).ok_or(SealError::Damaged)?;
        let key_id = std::str::from_utf8(key_id).map_err(|_| SealError::Damaged)?;
        let mut data = Zeroizing::new(data.to_vec());
        self.opener(key_id, salt, document)?.open(&mut data, true)?;
        Ok(data)
    }
}

/// The id of the key under which a note lies, and what follows it.
fn key_of(note: &[u8]) -> Result<(&[u8], &[u8]), SealError> {
    let (&length, rest) = note.split_first().ok_or(SealError::Damaged)?;
    rest.split_at_checked(usize::from(length)).ok_or(SealError::Damaged)
}

impl MasterKey {
    fn generate() -> Result<Self, SealError> {
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(secret.as_mut()).map_err(|_| SealError::Cipher)?;
        Ok(Self::new(secret))
    }

    fn new(secret: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let print = digest::digest(&digest::SHA256, &[b"engawa key id v1".as_slice(), secret.as_ref()].concat());
        Self { id: hex(&print.as_ref()[..8]), secret }
    }

    fn parse(line: &str) -> Option<Self> {
        if line.len() != KEY_BYTES * 2 || !line.is_ascii() {
            return None;
        }
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        for (index, byte) in secret.iter_mut().enumerate() {
            *byte = u8::from_str_radix(line.get(index * 2..index * 2 + 2)?, 16).ok()?;
        }
        Some(Self::new(secret))
    }

    fn cipher(&self, salt: &[u8]) -> Result<LessSafeKey, SealError> {
        let mut data_key = [0; KEY_BYTES];
        expand(&self.secret, salt, b"engawa document v1", &mut data_key)?;
        let key = UnboundKey::new(&AES_256_GCM, &data_key).map_err(|_| SealError::Cipher);
        data_key.zeroize();
        key.map(LessSafeKey::new)
    }
}

/// Seals the chunks of one document in order.
pub struct Sealer {
    key_id: String,
    salt: [u8; SALT_BYTES],
    cipher: LessSafeKey,
    document: [u8; 16],
    chunk: u32,
}

impl Sealer {
    /// Id of the master key in use.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The document's salt, kept beside its chunks.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Replaces `chunk` by its sealed form, [`TAG_BYTES`] longer.
    ///
    /// # Errors
    /// [`SealError::Cipher`] after 2³² chunks.
    pub fn seal(&mut self, chunk: &mut Vec<u8>, last: bool) -> Result<(), SealError> {
        let nonce = nonce(self.chunk, last);
        self.chunk = self.chunk.checked_add(1).ok_or(SealError::Cipher)?;
        self.cipher.seal_in_place_append_tag(nonce, Aad::from(self.document), chunk).map_err(|_| SealError::Cipher)
    }
}

/// Opens the chunks of one document in order.
pub struct Opener {
    cipher: LessSafeKey,
    document: [u8; 16],
    chunk: u32,
}

impl Opener {
    /// Replaces `chunk` by what was sealed.
    ///
    /// # Errors
    /// [`SealError::Damaged`] when it is not the next chunk of this document.
    pub fn open(&mut self, chunk: &mut Vec<u8>, last: bool) -> Result<(), SealError> {
        let nonce = nonce(self.chunk, last);
        self.chunk = self.chunk.checked_add(1).ok_or(SealError::Damaged)?;
        let aad = Aad::from(self.document);
        let length = self.cipher.open_in_place(nonce, aad, chunk).map_err(|_| SealError::Damaged)?.len();
        chunk.truncate(length);
        Ok(())
    }
}

fn nonce(chunk: u32, last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[7..11].copy_from_slice(&chunk.to_be_bytes());
    bytes[11] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

struct OutputLength;

impl hkdf::KeyType for OutputLength {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

fn expand(secret: &[u8; KEY_BYTES], salt: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), SealError> {
    let info = [info];
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let okm = extracted.expand(&info, OutputLength).map_err(|_| SealError::Cipher)?;
    okm.fill(out).map_err(|_| SealError::Cipher)
}
