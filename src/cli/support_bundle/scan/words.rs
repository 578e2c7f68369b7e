//! Words that the box knows, found in every form in which they could have got into a text.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::Masked;
use crate::model::hex;

/// Shorter words of one sign would be found everywhere.
const SHORTEST: usize = 2;
/// Of fewer octets than this, an encoded form says nothing and is found by chance.
const SHORTEST_ENCODED: usize = 4;

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Label {
    /// A name of a person, or half of one.
    Name,
    /// A user, of the box or at the hub.
    User,
    /// What a terminal or key is called.
    Terminal,
    /// The name of a document's file.
    File,
    /// A value of a setting that is not shown.
    Setting,
    /// The machine's name.
    Host,
}

impl Label {
    const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::User => "user",
            Self::Terminal => "label",
            Self::File => "file",
            Self::Setting => "setting",
            Self::Host => "host",
        }
    }
}

struct Form {
    /// In lower case.
    text: Vec<u8>,
    label: Label,
    /// Part of a longer word of ASCII it is another word.
    whole: bool,
}

/// The words, by how they begin.
#[derive(Default)]
pub(in super::super) struct Words {
    by_start: HashMap<[u8; 2], Vec<Form>>,
}

impl Words {
    /// A person's name: with and without its space, and each half.
    pub(in super::super) fn name(&mut self, name: &str) {
        let halves: Vec<&str> = name.split_whitespace().collect();
        self.add(name.trim(), Label::Name);
        for between in ["", " ", "\u{3000}", "_", "-", "."] {
            self.add(&halves.join(between), Label::Name);
        }
        halves.iter().rev().for_each(|half| self.add(half, Label::Name));
    }

    /// Any other word.
    pub(in super::super) fn add(&mut self, word: &str, label: Label) {
        if word.chars().count() < SHORTEST {
            return;
        }
        self.form(word.as_bytes().to_vec(), label, true);
        if word.len() >= SHORTEST_ENCODED {
            for encoded in encoded(word.as_bytes()) {
                self.form(encoded.into_bytes(), label, false);
            }
            if !word.is_ascii() {
                self.form(escaped(word).into_bytes(), label, false);
            }
        }
    }

    fn form(&mut self, mut text: Vec<u8>, label: Label, whole: bool) {
        text.make_ascii_lowercase();
        let [first, second, ..] = text[..] else { return };
        let forms = self.by_start.entry([first, second]).or_default();
        if forms.iter().any(|form| form.text == text) {
            return;
        }
        // The longest first, so that no half of a name is left standing.
        let place = forms.partition_point(|form| form.text.len() >= text.len());
        forms.insert(place, Form { text, label, whole });
    }

    pub(super) fn mask(&self, text: &str, masked: &mut Masked) -> String {
        let lower = text.to_ascii_lowercase();
        let (lower, mut out, mut at) = (lower.as_bytes(), String::with_capacity(text.len()), 0);
        while at < text.len() {
            if let Some(form) = self.at(lower, at) {
                *masked.entry(form.label.name()).or_default() += 1;
                out.push_str(&format!("[{}]", form.label.name()));
                at += form.text.len();
                continue;
            }
            let width = text[at..].chars().next().map_or(1, char::len_utf8);
            out.push_str(&text[at..at + width]);
            at += width;
        }
        out
    }

    fn at(&self, text: &[u8], at: usize) -> Option<&Form> {
        let start = [*text.get(at)?, *text.get(at + 1)?];
        self.by_start.get(&start)?.iter().find(|form| {
            let end = at + form.text.len();
            text[at..].starts_with(&form.text) && (!form.whole || (!joined(text, at) && !joined(text, end)))
        })
    }
}

/// Whether the octets on both sides of `at` are of one word of ASCII.
fn joined(text: &[u8], at: usize) -> bool {
    let word = |at: Option<&u8>| at.is_some_and(u8::is_ascii_alphanumeric);
    at > 0 && word(text.get(at - 1)) && word(text.get(at))
}

/// The forms in which octets travel, as far as they do not depend on what stands beside them.
fn encoded(word: &[u8]) -> Vec<String> {
    let mut forms = vec![hex(word), word.iter().map(|byte| format!("%{byte:02x}")).collect()];
    let percent = |byte: &u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) => char::from(*byte).to_string(),
        byte => format!("%{byte:02x}"),
    };
    forms.push(word.iter().map(percent).collect());
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(word);
        // Signs that hold bits of what stands before are left out, and the last group, which may be cut off or hold what stands behind.
        let from = (before * 8).div_ceil(6);
        let to = padded.len() / 3 * 4;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            forms.extend(engine.encode(&padded).get(from..to).filter(|core| core.len() >= 5).map(str::to_owned));
        }
    }
    forms
}

/// As escapes of JSON.
fn escaped(word: &str) -> String {
    let mut units = [0; 2];
    let mut text = String::new();
    for sign in word.chars() {
        match sign {
            sign if sign.is_ascii() => text.push(sign),
            sign => sign.encode_utf16(&mut units).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    text
}
