//! The worst card there can be, as the judge of what the open channel lets pass. It lies on the reader with 券面事項入力補助 selected,
//! its PIN compared and the file of the My Number current; it takes every class, channel, chain and length it can make sense of.
//! What it is told in a batch is judged command by command; the first breach counts.

use std::collections::BTreeSet;

use super::iso7816::{Action, Class, action, readings};

/// 券面事項入力補助, 券面事項確認, 住基.
pub const SHUT: [[u8; 10]; 3] = [
    [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08],
    [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x02],
    [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x01],
];

/// What their names have in common: on the worst card there is an application of every name that begins so.
const FAMILY: [u8; 9] = [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04];

/// What the batch must not do.
pub type Breach = &'static str;

/// What a batch does to the worst card, if it does harm. Its first command is taken to succeed where it selects an application,
/// since the rest is not sent otherwise; of the later ones it is taken that they may fail.
pub fn judge(commands: &[Vec<u8>]) -> Result<(), Breach> {
    let mut card = Card::default();
    commands.iter().try_for_each(|command| card.take(command))
}

#[derive(Debug, Default)]
struct Card {
    /// Channels on which an application that is not shut was selected by its name.
    harmless: BTreeSet<u8>,
    /// What a chain has brought so far, by instruction.
    chain: Option<(u8, Vec<u8>)>,
}

impl Card {
    fn take(&mut self, command: &[u8]) -> Result<(), Breach> {
        let [class, instruction, p1, p2, body @ ..] = command else { return Err("no command at all") };
        let class = Class::decode(*class);
        let action = action(*instruction);
        if let Action::Forbidden(name) = action {
            return Err(name);
        }
        if class.secure {
            return Err("wrapped, so that nobody sees what it is");
        }
        if class.foreign {
            return Err("a class in which it may be anything");
        }
        let linked = self.link(class, *instruction, body);
        let mut readings = readings(body);
        if let Some(linked) = &linked {
            readings.push(linked);
        }
        match action {
            Action::Select => self.select(class, *p1, *p2, &readings),
            _ if !self.harmless.contains(&class.channel) => Err("before an application was selected by its name"),
            // Wrapped parameters, or a length that is not what it seems.
            _ if readings.first().is_none_or(|data| !data.is_empty()) => Err("reading with data"),
            Action::ReadBinary if *p1 >= 0x80 => short_file(p1 & 0x1F, p1 & 0x60 != 0),
            Action::ReadRecord => short_file(p2 >> 3, p2 & 0x07 == 0x07 || *p1 == 0xFF),
            _ => Ok(()),
        }
    }

    /// The data of a chain as far as it has come, where there is one.
    fn link(&mut self, class: Class, instruction: u8, body: &[u8]) -> Option<Vec<u8>> {
        let begun = self.chain.take().filter(|(of, _)| *of == instruction);
        if begun.is_none() && !class.chained {
            return None;
        }
        let mut data = begun.map_or_else(Vec::new, |(_, data)| data);
        data.extend(readings(body).first().copied().unwrap_or_default());
        if class.chained {
            self.chain = Some((instruction, data.clone()));
        }
        Some(data)
    }

    fn select(&mut self, class: Class, p1: u8, p2: u8, readings: &[&[u8]]) -> Result<(), Breach> {
        if p2 & 0x03 != 0 {
            return Err("selecting what comes after or before something");
        }
        if p2 & 0xF0 != 0 {
            return Err("selecting in a way that is reserved");
        }
        match p1 {
            0x04 if readings.iter().any(|name| may_be_shut(name)) => Err("an application that is kept shut"),
            0x04 if class.chained => Ok(()),
            0x04 if !readings.first().is_some_and(|name| whole(name)) => Err("selecting by a part of a name"),
            0x04 => {
                self.harmless.insert(class.channel);
                Ok(())
            }
            _ if !self.harmless.contains(&class.channel) => Err("before an application was selected by its name"),
            0x02 => match readings.first() {
                // Current file, master file, current application, and nothing.
                Some([0x00, 0x00] | [0x3F, 0x00] | [0x3F, 0xFF] | [0xFF, 0xFF]) => Err("a name reserved for no file"),
                Some([_, _]) => Ok(()),
                _ => Err("selecting a file by something that is no file's name"),
            },
            0x00 => Err("selecting anything on the card by id"),
            0x01 | 0x03 => Err("selecting a directory"),
            0x08 | 0x09 => Err("selecting by path"),
            _ => Err("selecting in a way that is reserved"),
        }
    }
}

fn short_file(id: u8, reserved: bool) -> Result<(), Breach> {
    if reserved || id == 0x1F { Err("reading in a way that is reserved") } else { Ok(()) }
}

/// Whether some card takes the name for one of the shut applications: by a beginning of it, or by more than it.
fn may_be_shut(name: &[u8]) -> bool {
    FAMILY.starts_with(name) || name.starts_with(&FAMILY)
}

/// The standard's names have 5 to 16 bytes; fewer are a part of one.
fn whole(name: &[u8]) -> bool {
    (5..=16).contains(&name.len())
}
