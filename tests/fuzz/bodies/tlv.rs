//! The walker of TLV: inside its bytes, and one way of writing only.

use engawa::card::tlv::{self, Element};

pub fn run(bytes: &[u8]) {
    heads_agree(bytes);
    // Constructed or not: whatever has an inside that can be read is walked, without recursion.
    let mut waiting = vec![bytes];
    while let Some(bytes) = waiting.pop() {
        let Ok(elements) = tlv::all(bytes) else { continue };
        walks_again(bytes, &elements);
        waiting.extend(elements.iter().map(|element| element.value).filter(|value| !value.is_empty()));
    }
}

/// What the head promises is what the element takes, and a longer head promises nothing else.
fn heads_agree(bytes: &[u8]) {
    let whole = tlv::whole_length(bytes);
    for end in 0..bytes.len().min(8) {
        if let Ok(length) = tlv::whole_length(&bytes[..end]) {
            assert_eq!(Ok(length), whole, "by {end} bytes of the head");
        }
    }
    match (whole, tlv::first(bytes)) {
        (Ok(length), Ok((_, rest))) => assert_eq!(length + rest.len(), bytes.len()),
        (Ok(length), Err(error)) => {
            assert_eq!(error, tlv::TlvError::Short);
            assert!(length > bytes.len(), "{length} bytes are there, and were not read");
        }
        (Err(_), Ok(_)) => panic!("an element was read whose length cannot be told"),
        (Err(head), Err(error)) => assert_eq!(head, error),
    }
}

fn walks_again(bytes: &[u8], elements: &[Element<'_>]) {
    let mut written = Vec::with_capacity(bytes.len());
    for element in elements {
        let (inside, outside) = (element.value.as_ptr_range(), bytes.as_ptr_range());
        assert!(inside.start >= outside.start && inside.end <= outside.end, "a value lies outside");
        write(&mut written, element.tag, element.value);
        let alone = elements.iter().filter(|other| other.tag == element.tag).count() == 1;
        assert_eq!(tlv::only(elements, element.tag).ok(), alone.then_some(element.value));
    }
    assert_eq!(written, bytes, "there is one way of writing it");
    assert_eq!(tlv::all(&written).as_deref(), Ok(elements));
}

/// Writes an element in the shortest form.
pub fn write(into: &mut Vec<u8>, tag: u16, value: &[u8]) {
    if let [high @ 1..=0xFF, low] = tag.to_be_bytes() {
        into.extend([high, low]);
    } else {
        into.push(tag.to_be_bytes()[1]);
    }
    match u16::try_from(value.len()).unwrap().to_be_bytes() {
        [0, short @ 0..=0x7F] => into.push(short),
        [0, long] => into.extend([0x81, long]),
        [high, low] => into.extend([0x82, high, low]),
    }
    into.extend(value);
}
