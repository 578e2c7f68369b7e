//! Trouble at the card, by number, instruction or file. The first fault in the queue that matches a command is taken.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::files::{Place, written};

/// One order for trouble. Members that a kind does not use are ignored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// Only this instruction, two hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ins: Option<String>,
    /// Only this file: `0018` or `jpki/0018`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// How many matching commands pass first: the n-th is `after` n − 1.
    #[serde(default)]
    pub(super) after: u64,
    /// How many it meets; 0 is all until cleared.
    #[serde(default = "once")]
    pub(super) times: u64,
    /// Whether the card carries the command out; only `status` does not by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) effect: Option<bool>,
    /// `slow`: how long. `remove`: after how long the card is back (never, if left out).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ms: Option<u64>,
    /// `remove`: the card that is put in then, the same if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) holder: Option<String>,
    /// `truncate`: bytes that are left, half if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<usize>,
    /// `flip`: which bit of the answer, counted from the first byte's highest; 0 if left out.
    #[serde(default)]
    pub(super) bit: usize,
    /// `status`: the status word, four hexadecimal digits; `6F00` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sw: Option<String>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// The card is taken out before it has answered.
    Remove,
    /// It never answers, until it is taken out.
    Mute,
    /// It answers late.
    Slow,
    /// The answer's end is missing, the status word with it.
    Truncate,
    /// A bit of the answer is another.
    Flip,
    /// Another status word and no data.
    Status,
    /// An answer of one byte. (vpcd waits for ever after an answer of none; what `remove` gives its clients is that.)
    OneByte,
    /// The card has lost what was selected and opened, as if somebody had reset it unseen.
    Forget,
}

fn once() -> u64 {
    1
}

impl Fault {
    /// Says what is wrong with the order itself.
    pub(super) fn check(&self) -> Result<(), String> {
        let hex = |text: &Option<String>, length| {
            text.as_deref().is_none_or(|t| t.len() == length && t.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        if !hex(&self.ins, 2) {
            return Err("ins: two hexadecimal digits".to_owned());
        }
        if !hex(&self.sw, 4) {
            return Err("sw: four hexadecimal digits".to_owned());
        }
        Ok(())
    }

    pub(super) fn has_effect(&self) -> bool {
        self.effect.unwrap_or(self.kind != Kind::Status)
    }

    pub(super) fn status(&self) -> [u8; 2] {
        let word = self.sw.as_deref().and_then(|sw| u16::from_str_radix(sw, 16).ok());
        word.unwrap_or(0x6F00).to_be_bytes()
    }

    /// What becomes of an answer, for the kinds that only spoil it.
    pub(super) fn spoil(&self, mut answer: Vec<u8>) -> Vec<u8> {
        match self.kind {
            Kind::Truncate => answer.truncate(self.bytes.unwrap_or(answer.len() / 2)),
            Kind::Flip => {
                if let Some(byte) = answer.get_mut(self.bit / 8) {
                    *byte ^= 0x80 >> (self.bit % 8);
                }
            }
            Kind::Status => answer = self.status().to_vec(),
            Kind::OneByte => answer.truncate(1),
            Kind::Remove | Kind::Mute | Kind::Slow | Kind::Forget => {}
        }
        answer
    }

    fn matches(&self, ins: Option<u8>, place: Option<Place>) -> bool {
        let by_ins = |wanted: &String| ins.is_some_and(|ins| format!("{ins:02X}").eq_ignore_ascii_case(wanted));
        let by_file = |wanted: &String| {
            let at = place.map(written).unwrap_or_default();
            at.eq_ignore_ascii_case(wanted) || at.split('/').nth(1).is_some_and(|f| f.eq_ignore_ascii_case(wanted))
        };
        self.ins.as_ref().is_none_or(by_ins) && self.file.as_ref().is_none_or(by_file)
    }
}

/// The faults that wait.
#[derive(Debug, Default)]
pub(super) struct Faults {
    queue: Vec<(Fault, u64, u64)>,
}

impl Faults {
    pub(super) fn order(&mut self, fault: Fault) {
        self.queue.push((fault, 0, 0));
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }

    /// The fault a command meets.
    pub(super) fn take(&mut self, ins: Option<u8>, place: Option<Place>) -> Option<Fault> {
        let met = self.queue.iter_mut().filter(|(fault, ..)| fault.matches(ins, place)).find_map(|entry| {
            if entry.1 < entry.0.after {
                entry.1 += 1;
                return None;
            }
            entry.2 += 1;
            Some(entry.0.clone())
        });
        self.queue.retain(|(fault, _, met)| fault.times == 0 || *met < fault.times);
        met
    }

    pub(super) fn list(&self) -> Value {
        self.queue.iter().map(|(fault, passed, met)| json!({"fault": fault, "passed": passed, "met": met})).collect()
    }
}
