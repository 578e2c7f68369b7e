//! STUB
#![allow(missing_docs)]
use bytes::Bytes;
pub struct OpinionWriter;
impl OpinionWriter {
    pub fn begin(_o: &crate::model::opinion::Opinion) -> (Self, Bytes) {
        (Self, Bytes::new())
    }
    pub fn begin_attachment(&mut self, _n: &str, _m: &str) -> Bytes {
        Bytes::new()
    }
    pub fn content(&mut self, _c: &[u8]) -> Bytes {
        Bytes::new()
    }
    pub fn end_attachment(&mut self) -> Bytes {
        Bytes::new()
    }
    pub fn finish(&mut self, _s: Option<&str>) -> Bytes {
        Bytes::new()
    }
}
