//! Strict reading of TLV: the forms the card's files use, and nothing else. Lengths are definite and shortest; a value lies
//! wholly inside what encloses it; nothing follows the last element but padding where a file may have it.

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The tag, of one or two bytes.
    pub tag: u16,
    /// The value.
    pub value: &'a [u8],
}

/// What is wrong with it. The text quotes nothing of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// It ends too soon.
    #[error("it ends too soon")]
    Short,
    /// A tag of three bytes or more, or one in a longer form than it needs.
    #[error("a tag in a form that is not used")]
    Tag,
    /// An indefinite length, one of more than two bytes, or one in a longer form than it needs.
    #[error("a length in a form that is not used")]
    Length,
    /// Something follows the last element.
    #[error("something follows the last element")]
    Trailing,
    /// An element that must be there is not, or is there twice.
    #[error("an element is missing or doubled")]
    Elements,
}

/// How long the element at the start of `head` is in all; `head` must hold at least its tag and length.
///
/// # Errors
/// As [`TlvError`] says.
pub fn whole_length(head: &[u8]) -> Result<usize, TlvError> {
    let (_, at) = tag(head)?;
    let (length, used) = length(head.get(at..).unwrap_or_default())?;
    Ok(at + used + length)
}

/// The first element, and what follows it.
///
/// # Errors
/// As [`TlvError`] says.
pub fn first(bytes: &[u8]) -> Result<(Element<'_>, &[u8]), TlvError> {
    let (tag, at) = tag(bytes)?;
    let (length, used) = length(bytes.get(at..).unwrap_or_default())?;
    let body = bytes.get(at + used..).unwrap_or_default();
    if body.len() < length {
        return Err(TlvError::Short);
    }
    let (value, rest) = body.split_at(length);
    Ok((Element { tag, value }, rest))
}

/// All elements of `bytes`, to its last byte.
///
/// # Errors
/// As [`TlvError`] says.
pub fn all(mut bytes: &[u8]) -> Result<Vec<Element<'_>>, TlvError> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (element, rest) = first(bytes)?;
        found.push(element);
        bytes = rest;
    }
    Ok(found)
}

/// The one element of that tag.
///
/// # Errors
/// When it is missing or doubled.
pub fn only<'a>(elements: &[Element<'a>], tag: u16) -> Result<&'a [u8], TlvError> {
    let mut matching = elements.iter().filter(|element| element.tag == tag);
    match (matching.next(), matching.next()) {
        (Some(element), None) => Ok(element.value),
        _ => Err(TlvError::Elements),
    }
}

fn tag(bytes: &[u8]) -> Result<(u16, usize), TlvError> {
    match bytes {
        [] => Err(TlvError::Short),
        [0x00, ..] => Err(TlvError::Tag),
        [one, ..] if one & 0x1F != 0x1F => Ok((u16::from(*one), 1)),
        [_] => Err(TlvError::Short),
        // A second byte below 1F would have fitted into the first.
        [one, two, ..] if *two & 0x80 == 0 && *two >= 0x1F => Ok((u16::from_be_bytes([*one, *two]), 2)),
        _ => Err(TlvError::Tag),
    }
}

fn length(bytes: &[u8]) -> Result<(usize, usize), TlvError> {
    match bytes {
        [short @ 0..=0x7F, ..] => Ok((usize::from(*short), 1)),
        [0x81, long @ 0x80..=0xFF, ..] => Ok((usize::from(*long), 2)),
        [0x82, high @ 1..=0xFF, low, ..] => Ok((usize::from(u16::from_be_bytes([*high, *low])), 3)),
        [] | [0x81] | [0x82] | [0x82, _] => Err(TlvError::Short),
        _ => Err(TlvError::Length),
    }
}
