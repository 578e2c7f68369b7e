//! Opaque cursors: a place in a list, bound to the facility and to a generation that can be expired.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Hub, HubError};
use crate::digest::sha256;

impl Hub {
    /// The cursor that points behind the first `position` entries of a list.
    pub(crate) fn cursor(&self, list: &str, facility: &str, position: usize) -> String {
        let text = format!("{list}:{}:{position}", self.cursors);
        URL_SAFE_NO_PAD.encode(format!("{text}:{}", self.seal(&text, facility)))
    }

    /// The place a cursor points to; no cursor is the beginning.
    pub(crate) fn position(&self, list: &str, facility: &str, cursor: Option<&str>) -> Result<usize, HubError> {
        match cursor {
            None | Some("") => Ok(0),
            Some(cursor) => self.parse(list, facility, cursor).ok_or_else(unknown),
        }
    }

    fn parse(&self, list: &str, facility: &str, cursor: &str) -> Option<usize> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (text, seal) = text.rsplit_once(':')?;
        let position = text.strip_prefix(&format!("{list}:{}:", self.cursors))?;
        if seal != self.seal(text, facility) {
            return None;
        }
        position.parse().ok()
    }

    fn seal(&self, text: &str, facility: &str) -> String {
        let mut seal = sha256(format!("{}/{facility}/{text}", self.seed).as_bytes());
        seal.truncate(12);
        seal
    }
}

/// E4040 for a cursor that is not, or no longer, one.
pub(crate) fn unknown() -> HubError {
    HubError::new("E4040", "カーソルが無効か期限切れです").at("/cursor")
}
