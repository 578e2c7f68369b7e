//! The open channel: nothing that passes does harm to the worst card there can be.

use engawa::card::filter::Batch;

use super::take;
use super::worst_card::judge;

pub fn run(bytes: &[u8]) {
    let batch = batch(bytes);
    holds(&batch);
    // The same, with one command in another encoding.
    for at in 0..batch.len().min(4) {
        for other in encodings(&batch[at]) {
            let mut batch = batch.clone();
            batch[at] = other;
            holds(&batch);
        }
    }
}

fn holds(batch: &[Vec<u8>]) {
    let passes = Batch::check(batch.to_vec()).is_ok();
    if let (true, Err(breach)) = (passes, judge(batch)) {
        panic!("{breach}: {batch:02X?}");
    }
}

/// A length before each command; FF means that the length follows in two bytes.
pub fn batch(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut batch = Vec::new();
    while let [length, rest @ ..] = bytes {
        bytes = rest;
        let length = match *length {
            0xFF => take(&mut bytes, 2).iter().fold(0, |length, digit| length * 256 + usize::from(*digit)),
            length => usize::from(length),
        };
        batch.push(take(&mut bytes, length).to_vec());
    }
    batch
}

/// On logical channels, chained, wrapped, in classes of somebody's own, with the other instruction of the pair, in the extended
/// form, with a Le and without.
fn encodings(command: &[u8]) -> Vec<Vec<u8>> {
    let [class, instruction, p1, p2, body @ ..] = command else { return Vec::new() };
    let with = |class, instruction, body: &[u8]| [&[class, instruction, *p1, *p2], body].concat();
    let classes = [0x01, 0x03, 0x04, 0x08, 0x0C, 0x10, 0x20, 0x40, 0x60, 0x80, 0x84, 0x90, 0xFF];
    let mut others: Vec<_> = classes.iter().map(|other| with(class ^ other, *instruction, body)).collect();
    others.push(with(*class, instruction ^ 1, body));
    if let [length, data @ ..] = body {
        others.push(with(*class, *instruction, &[&[0, 0, *length], data].concat()));
        others.push(with(*class, *instruction, &[&[0, 0, *length], data, &[0, 0]].concat()));
        others.push(with(*class, *instruction, &[body, &[0]].concat()));
        others.push(with(*class, *instruction, &body[..body.len() - 1]));
        others.push(with(*class, *instruction, data));
    }
    others
}
