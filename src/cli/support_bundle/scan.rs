//! The last look at a text before it goes into a bundle: what the box knows people by, and what looks like a number of a person, is
//! masked. By its construction a bundle holds none of it; this is for the day on which that is not so.

mod numbers;
mod words;

use std::collections::BTreeMap;

pub(super) use words::{Label, Words};

/// How often something was masked, by what it was.
pub(super) type Masked = BTreeMap<&'static str, usize>;

/// A text that may go in.
#[derive(Debug)]
pub(super) struct Clean {
    pub(super) text: String,
    pub(super) masked: Masked,
}

/// Holds a private key: nothing of it goes in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forbidden;

/// What is looked for.
pub(super) struct Scan {
    words: Words,
    /// Facility numbers of the box's own.
    own: Vec<String>,
}

impl Scan {
    pub(super) fn new(words: Words, own: Vec<String>) -> Self {
        Self { words, own }
    }

    /// Masks what must not go in.
    pub(super) fn clean(&self, text: &str) -> Result<Clean, Forbidden> {
        if text.contains("PRIVATE KEY") || text.contains("AGE-SECRET-KEY") {
            return Err(Forbidden);
        }
        let mut masked = Masked::new();
        let text: String = text.chars().filter(|&sign| sign == '\n' || sign == '\t' || !is_control(sign)).collect();
        // First: where part of an address is a known word, the rest of it would not be known as one.
        let text = numbers::mask_addresses(&text, &mut masked);
        let text = numbers::mask_hardware(&text, &mut masked);
        let text = self.words.mask(&text, &mut masked);
        let text = numbers::mask(&text, &self.own, &mut masked);
        Ok(Clean { text, masked })
    }
}

/// A text in which all that is not ASCII is masked, for when it is not known which words are names.
pub(super) fn ascii_only(text: &str) -> (String, usize) {
    let mut out = String::with_capacity(text.len());
    let (mut runs, mut inside) = (0, false);
    for sign in text.chars() {
        if sign.is_ascii() {
            inside = false;
            out.push(sign);
        } else if !inside {
            (runs, inside) = (runs + 1, true);
            out.push_str("[text]");
        }
    }
    (out, runs)
}

/// What could make a terminal do something, or show a text otherwise than it is.
fn is_control(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
