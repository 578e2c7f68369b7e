//! The shell of an electronic signature. Whether it is right is for its reader to find out; that it is one at all is seen here.

/// signedData, 1.2.840.113549.1.7.2 (RFC 5652 §5.1), as a DER object identifier.
const SIGNED_DATA: [u8; 11] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];

/// Whether the bytes are a DER `ContentInfo` of type signedData and nothing else: SEQUENCE, its type, its content, all of
/// definite length.
#[must_use]
pub fn is_signed_data(bytes: &[u8]) -> bool {
    let content = contents(bytes, 0x30).and_then(|info| info.strip_prefix(SIGNED_DATA.as_slice()));
    content.and_then(|content| contents(content, 0xA0)).and_then(|content| contents(content, 0x30)).is_some()
}

/// What one element holds that is of this tag and fills the bytes to their end.
fn contents(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(&[tag])?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ 0..=0x7F => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(long & 0x7F))?;
            // DER: no leading zero, no long form where the short one does.
            let value = length.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
            let shortest = *length.first()? != 0 && value > 0x7F;
            (shortest.then_some(value)?, rest)
        }
        _ => return None,
    };
    (rest.len() == length).then_some(rest)
}
