//! A PKCS#11 token that guards the master keys: the key file is wrapped by a key that never leaves the token.
//!
//! The file's lines lie under AES-256-GCM with a fresh key; that key is encrypted to the token's RSA key (OAEP), and only the token
//! can take it out again. RSA-OAEP and not an AES key on the token, because smart cards and USB tokens hold RSA keys and no AES keys, and
//! with SHA-1 as its hash because that is the one parameter that SoftHSM2 and the cards have in common; OAEP does not rest on collisions
//! being hard to find. Wrapping needs the public half alone, so a running gateway rotates without the token and without its PIN.
//!
//! Invariants: the PIN is shown to the token once at each start and never when the token says that one try is left; the module is unloaded
//! before anything is served.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::SecretSource;
use crate::fault::Code;
use crate::model::token_uri::TokenUri;

/// The first line of a wrapped file.
const FORMAT: &str = "engawa-token-v1";
const KEY_BYTES: usize = 32;
/// Bits of the key that `engawa master-key init-token` makes: what old tokens can do too.
const MODULUS_BITS: u64 = 2048;

/// Why the token did not help.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Its module cannot be loaded.
    #[error("the token's module cannot be used")]
    Module(#[source] Box<Error>),
    /// No token of that name is plugged in, or several are.
    #[error("{0} tokens of that name are plugged in")]
    Absent(usize),
    /// The PIN cannot be read.
    #[error("the token's PIN")]
    PinUnread(#[source] super::SecretError),
    /// The PIN is wrong, or the token is locked.
    #[error("the token refused the PIN")]
    Pin(#[source] Box<Error>),
    /// One try of the PIN is left, or none; it is not spent here.
    #[error("the token has one try of its PIN left, or none")]
    LastTry,
    /// The key is not there, or several of that name are.
    #[error("{0} keys of that name are on the token")]
    Key(usize),
    /// The token has such a key already.
    #[error("the token has a key of that name")]
    KeyPresent,
    /// The file was not wrapped for that key, or was changed.
    #[error("the file is not one that this token's key opens")]
    Foreign,
    /// The file is in clear, though the settings name a token.
    #[error("the key file is not wrapped, though the settings name a token")]
    NotWrapped,
    /// The file is wrapped, though the settings name no token.
    #[error("the key file is wrapped by a token, and the settings name none")]
    NotNamed,
    /// The token would not do it.
    #[error("the token failed")]
    Token(#[source] Box<Error>),
    /// The random generator or the cipher refused to work.
    #[error("cipher unavailable")]
    Cipher,
}

impl TokenError {
    /// The catalogue's code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Module(_) | Self::Absent(_) | Self::Token(_) => Code::MasterKeyTokenAbsent,
            Self::PinUnread(_) => Code::SecretMissing,
            Self::Pin(_) | Self::LastTry => Code::MasterKeyTokenPin,
            Self::Key(_) | Self::KeyPresent | Self::Foreign | Self::NotWrapped | Self::NotNamed => {
                Code::MasterKeyTokenKey
            }
            Self::Cipher => Code::GatewayInternal,
        }
    }
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(
                RvError::PinIncorrect
                | RvError::PinLocked
                | RvError::PinExpired
                | RvError::PinInvalid
                | RvError::PinLenRange,
                _,
            ) => Self::Pin(Box::new(error)),
            Error::LibraryLoading(_) | Error::MissingSymbol(_) | Error::NullFunctionPointer => {
                Self::Module(Box::new(error))
            }
            error => Self::Token(Box::new(error)),
        }
    }
}

/// Whether a key file is wrapped by a token.
#[must_use]
pub fn is_wrapped(text: &str) -> bool {
    text.lines().next() == Some(FORMAT)
}

/// The token, and the key on it.
pub struct Token {
    uri: TokenUri,
    pin: SecretSource,
    public: Mutex<Option<Public>>,
}

/// The public half of the key.
#[derive(Clone)]
struct Public {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl Token {
    /// The token of the URI, opened by the PIN in that file.
    #[must_use]
    pub const fn new(uri: TokenUri, pin: SecretSource) -> Self {
        Self { uri, pin, public: Mutex::new(None) }
    }

    /// Wraps the text of a key file.
    ///
    /// # Errors
    /// [`TokenError`]; the token is needed only when it was not asked before.
    pub fn wrap(&self, text: &str) -> Result<Zeroizing<String>, TokenError> {
        let public = match self.known() {
            Some(public) => public,
            None => self.with_session(|session| {
                let private = self.object(session, ObjectClass::PRIVATE_KEY)?;
                self.public_half(session, private)
            })?,
        };
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(key.as_mut()).map_err(|_| TokenError::Cipher)?;
        let mut sealed = text.as_bytes().to_vec();
        cipher(&key)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key([0; NONCE_LEN]), Aad::from(FORMAT), &mut sealed)
            .map_err(|_| TokenError::Cipher)?;
        let wrapped = STANDARD.encode(public.encrypt(&key)?);
        Ok(Zeroizing::new(format!("{FORMAT}\n{wrapped}\n{}\n", STANDARD.encode(sealed))))
    }

    /// Takes the text out again.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn unwrap(&self, wrapped: &str) -> Result<Zeroizing<String>, TokenError> {
        let mut lines = wrapped.lines().skip(1).map(|line| STANDARD.decode(line).map_err(|_| TokenError::Foreign));
        let mut line = || lines.next().unwrap_or(Err(TokenError::Foreign));
        let (key, mut sealed) = (line()?, Zeroizing::new(line()?));
        let key = self.with_session(|session| {
            let private = self.object(session, ObjectClass::PRIVATE_KEY)?;
            let opened = session.decrypt(&oaep(), private, &key);
            // Without one that fits the key is opened all the same; the next one is not wrapped.
            *self.public.lock().unwrap_or_else(PoisonError::into_inner) = self.public_half(session, private).ok();
            opened.map(Zeroizing::new).map_err(|error| match error {
                Error::Pkcs11(
                    RvError::EncryptedDataInvalid
                    | RvError::EncryptedDataLenRange
                    | RvError::DataInvalid
                    | RvError::DataLenRange
                    | RvError::GeneralError
                    | RvError::FunctionFailed,
                    _,
                ) => TokenError::Foreign,
                error => error.into(),
            })
        })?;
        let key = <[u8; KEY_BYTES]>::try_from(key.as_slice()).map(Zeroizing::new).map_err(|_| TokenError::Foreign)?;
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let opened = cipher(&key)?.open_in_place(nonce, Aad::from(FORMAT), &mut sealed);
        let text = std::str::from_utf8(opened.map_err(|_| TokenError::Foreign)?).map_err(|_| TokenError::Foreign)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Makes the key on the token.
    ///
    /// # Errors
    /// [`TokenError::KeyPresent`], or what the token refuses.
    pub fn make_key(&self) -> Result<(), TokenError> {
        self.with_session(|session| {
            match self.object(session, ObjectClass::PRIVATE_KEY) {
                Err(TokenError::Key(0)) => {}
                Ok(_) => return Err(TokenError::KeyPresent),
                Err(error) => return Err(error),
            }
            let mut named = vec![Attribute::Token(true)];
            named.extend(self.names());
            let public = [
                Attribute::Private(false),
                Attribute::Encrypt(true),
                Attribute::ModulusBits(MODULUS_BITS.into()),
                Attribute::PublicExponent(vec![1, 0, 1]),
            ];
            let private = [
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Decrypt(true),
            ];
            let public = [named.as_slice(), &public].concat();
            let private = [named.as_slice(), &private].concat();
            session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private)?;
            Ok(())
        })
    }

    fn known(&self) -> Option<Public> {
        self.public.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn names(&self) -> Vec<Attribute> {
        let label = self.uri.object.as_ref().map(|object| Attribute::Label(object.clone().into_bytes()));
        let id = self.uri.id.clone().map(Attribute::Id);
        label.into_iter().chain(id).collect()
    }

    /// Loads the module, logs in, works, and unloads it again.
    fn with_session<T>(&self, work: impl FnOnce(&Session) -> Result<T, TokenError>) -> Result<T, TokenError> {
        let module = Pkcs11::new(&self.uri.module).map_err(|error| TokenError::Module(Box::new(error)))?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(TokenError::Module(Box::new(error))),
        }
        let done = self.in_session(&module, work);
        if let Err(error) = module.finalize() {
            tracing::debug!(%error, "the token's module did not end well");
        }
        done
    }

    fn in_session<T>(
        &self,
        module: &Pkcs11,
        work: impl FnOnce(&Session) -> Result<T, TokenError>,
    ) -> Result<T, TokenError> {
        let slot = self.slot(module)?;
        let info = module.get_token_info(slot)?;
        // A wrong PIN in a file, tried at every start, would lock the token.
        if info.user_pin_final_try() || info.user_pin_locked() {
            return Err(TokenError::LastTry);
        }
        let pin = self.pin.read().map_err(TokenError::PinUnread)?;
        let pin = pin.text().map_err(TokenError::PinUnread)?;
        let session = module.open_rw_session(slot).or_else(|_| module.open_ro_session(slot))?;
        match session.login(UserType::User, Some(&SecretString::from(pin))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(error) => return Err(error.into()),
        }
        let done = work(&session);
        let _ = session.logout();
        done
    }

    fn slot(&self, module: &Pkcs11) -> Result<Slot, TokenError> {
        let mut found = Vec::new();
        for slot in module.get_slots_with_token()? {
            let info = module.get_token_info(slot)?;
            let label = self.uri.token.as_ref().is_none_or(|label| *label == info.label());
            let serial = self.uri.serial.as_ref().is_none_or(|serial| *serial == info.serial_number());
            if label && serial {
                found.push(slot);
            }
        }
        match found.as_slice() {
            [slot] => Ok(*slot),
            found => Err(TokenError::Absent(found.len())),
        }
    }

    fn object(&self, session: &Session, class: ObjectClass) -> Result<ObjectHandle, TokenError> {
        let mut wanted = vec![Attribute::Class(class)];
        wanted.extend(self.names());
        match session.find_objects(&wanted)?.as_slice() {
            [object] => Ok(*object),
            found => Err(TokenError::Key(found.len())),
        }
    }

    /// The public half: of the private key, or, where the token does not keep it there, of the public object beside it. Anybody may put
    /// such an object in another's place, so what it says is tried: only the private key opens what its own half has closed.
    fn public_half(&self, session: &Session, private: ObjectHandle) -> Result<Public, TokenError> {
        let beside = || self.object(session, ObjectClass::PUBLIC_KEY).and_then(|object| read_public(session, object));
        let public = read_public(session, private).or_else(|_| beside())?;
        let mut probe = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(probe.as_mut()).map_err(|_| TokenError::Cipher)?;
        let opened = session.decrypt(&oaep(), private, &public.encrypt(&probe)?).map(Zeroizing::new);
        if opened.is_ok_and(|opened| *opened == *probe) { Ok(public) } else { Err(TokenError::Foreign) }
    }
}

fn oaep() -> Mechanism<'static> {
    let parameters = PkcsOaepParams::new(MechanismType::SHA1, PkcsMgfType::MGF1_SHA1, PkcsOaepSource::empty());
    Mechanism::RsaPkcsOaep(parameters)
}

impl Public {
    fn encrypt(&self, key: &[u8; KEY_BYTES]) -> Result<Vec<u8>, TokenError> {
        let components = PublicKeyComponents { n: &self.modulus, e: &self.exponent };
        let half: PublicEncryptingKey = components.try_into().map_err(|_| TokenError::Foreign)?;
        let half = OaepPublicEncryptingKey::new(half).map_err(|_| TokenError::Foreign)?;
        let mut room = vec![0; half.ciphertext_size()];
        let wrapped = half.encrypt(&OAEP_SHA1_MGF1SHA1, key, &mut room, None).map_err(|_| TokenError::Cipher)?;
        Ok(wrapped.to_vec())
    }
}

fn read_public(session: &Session, object: ObjectHandle) -> Result<Public, TokenError> {
    let attributes = session.get_attributes(object, &[AttributeType::Modulus, AttributeType::PublicExponent])?;
    let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
    for attribute in attributes {
        match attribute {
            Attribute::Modulus(bytes) => modulus = bytes,
            Attribute::PublicExponent(bytes) => exponent = bytes,
            _ => {}
        }
    }
    let whole = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
    let (modulus, exponent) = (whole(modulus), whole(exponent));
    if modulus.is_empty() || exponent.is_empty() { Err(TokenError::Foreign) } else { Ok(Public { modulus, exponent }) }
}

/// Each key wraps one text, so the nonce may be nought.
fn cipher(key: &[u8; KEY_BYTES]) -> Result<LessSafeKey, TokenError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| TokenError::Cipher)
}
