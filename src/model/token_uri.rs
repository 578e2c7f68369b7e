//! The URI of a key on a PKCS#11 token (RFC 7512), as far as it names one key of one token reached through one module.

use std::path::{Path, PathBuf};

/// Which key, on which token, through which module. What is `None` may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUri {
    /// `module-path`: the shared library that speaks to the token, absolute.
    pub module: PathBuf,
    /// `token`: its label.
    pub token: Option<String>,
    /// `serial`: its serial number.
    pub serial: Option<String>,
    /// `object`: the key's label.
    pub object: Option<String>,
    /// `id`: the key's id.
    pub id: Option<Vec<u8>>,
}

/// What is wrong with such a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTokenUri {
    /// It does not begin with `pkcs11:`, or a part of it is not `name=value` or not of the form.
    #[error("not a PKCS#11 URI")]
    Form,
    /// An attribute that is not understood, or stands twice. One that is passed over could name another key.
    #[error("an attribute is not known here, or stands twice")]
    Attribute,
    /// A PIN belongs into a file of its own.
    #[error("a PIN is in the URI")]
    Pin,
    /// `module-path` is missing or not absolute.
    #[error("module-path is missing or not absolute")]
    Module,
    /// Neither `token` nor `serial`, or neither `object` nor `id`.
    #[error("the token or the key is not named")]
    Unnamed,
}

impl TokenUri {
    /// Reads a URI.
    ///
    /// # Errors
    /// [`BadTokenUri`].
    pub fn parse(text: &str) -> Result<Self, BadTokenUri> {
        let rest = text.strip_prefix("pkcs11:").ok_or(BadTokenUri::Form)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut token, mut serial, mut object, mut id, mut module, mut kind) = (None, None, None, None, None, None);
        let parts = path.split(';').chain(query.split('&')).filter(|part| !part.is_empty());
        for part in parts {
            let (name, value) = part.split_once('=').ok_or(BadTokenUri::Form)?;
            let place = match name {
                "token" => &mut token,
                "serial" => &mut serial,
                "object" => &mut object,
                "id" => &mut id,
                "type" => &mut kind,
                "module-path" => &mut module,
                "pin-value" | "pin-source" => return Err(BadTokenUri::Pin),
                _ => return Err(BadTokenUri::Attribute),
            };
            if place.replace(decoded(value).ok_or(BadTokenUri::Form)?).is_some() {
                return Err(BadTokenUri::Attribute);
            }
        }
        if kind.is_some_and(|kind| kind != b"private") {
            return Err(BadTokenUri::Attribute);
        }
        let module = PathBuf::from(text_of(module.ok_or(BadTokenUri::Module)?)?);
        if !Path::is_absolute(&module) {
            return Err(BadTokenUri::Module);
        }
        if token.is_none() && serial.is_none() || object.is_none() && id.is_none() {
            return Err(BadTokenUri::Unnamed);
        }
        Ok(Self {
            module,
            token: token.map(text_of).transpose()?,
            serial: serial.map(text_of).transpose()?,
            object: object.map(text_of).transpose()?,
            id,
        })
    }
}

fn text_of(bytes: Vec<u8>) -> Result<String, BadTokenUri> {
    String::from_utf8(bytes).map_err(|_| BadTokenUri::Form)
}

/// Undoes percent-encoding.
fn decoded(value: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            byte => byte,
        });
    }
    (!bytes.is_empty()).then_some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
