//! The open channel's filter, TLV and certificates against anything at all. What is asserted of it is what the fuzzers assert.

use engawa::card::filter::{self, Batch, Objection, SHUT};
use engawa::card::tlv;
use proptest::prelude::*;

use super::card_corpus::bodies::TARGETS;
use super::card_corpus::bodies::worst_card::judge;

const VENDOR: [u8; 12] = [0x00, 0xA4, 0x04, 0x00, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01];

fn commands() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let instruction = prop_oneof![
        4 => prop_oneof![Just(0xA4u8), Just(0xB0), Just(0xB1), Just(0xB2), Just(0x20), Just(0x21), Just(0x24), Just(0x2C), Just(0xCA), Just(0xC0)],
        1 => any::<u8>(),
    ];
    let class = prop_oneof![3 => Just(0u8), 1 => any::<u8>()];
    let p1 =
        prop_oneof![3 => prop_oneof![Just(0x04u8), Just(0x02), Just(0x00), Just(0x08), Just(0x81)], 1 => any::<u8>()];
    let name = prop_oneof![
        (1..=9usize).prop_map(|length| SHUT[..length].to_vec()),
        any::<u8>().prop_map(|last| [SHUT.as_slice(), &[last]].concat()),
        Just(vec![0x00, 0x01]),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    let p2 = prop_oneof![3 => prop_oneof![Just(0x00u8), Just(0x0C), Just(0x02)], 1 => any::<u8>()];
    let body = (name, 0..6u8, any::<u8>()).prop_map(|(name, form, le)| {
        let length = u8::try_from(name.len()).unwrap();
        match form {
            0 => [&[length], name.as_slice()].concat(),
            1 => [&[length], name.as_slice(), &[le]].concat(),
            2 => [&[0, 0, length], name.as_slice(), &[0, le]].concat(),
            3 => name,
            4 => vec![le],
            _ => vec![0, 0, le],
        }
    });
    let command = (class, instruction, p1, p2, body)
        .prop_map(|(class, instruction, p1, p2, body)| [&[class, instruction, p1, p2], body.as_slice()].concat());
    proptest::collection::vec(prop_oneof![2 => command, 1 => Just(VENDOR.to_vec())], 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6_000))]

    #[test]
    fn nothing_that_passes_touches_a_pin_or_a_shut_application(commands in commands()) {
        if Batch::check(commands.clone()).is_ok() {
            prop_assert_eq!(judge(&commands), Ok(()), "{:02X?}", commands);
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_card_says_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        targets(&bytes);
    }

    #[test]
    fn damaged_files_are_read_or_refused(at in 0usize..2000, bit in 0u8..8) {
        for mut file in [super::card::certificate(false), super::card::basic_four()] {
            let at = at % file.len();
            file[at] ^= 1 << bit;
            targets(&file);
            targets(&file[..at]);
        }
    }
}

fn targets(bytes: &[u8]) {
    TARGETS.iter().for_each(|(_, run)| run(bytes));
}

#[test]
fn the_filter_says_what_it_objects_to() {
    let profile = [&[0x00, 0xA4, 0x04, 0x0C, 0x0A], SHUT.as_slice(), &[0x08]].concat();
    let extended = [&[0x00, 0xA4, 0x04, 0x0C, 0x00, 0x00, 0x0A], SHUT.as_slice(), &[0x08]].concat();
    let partial = [&[0x00, 0xA4, 0x04, 0x00, 0x06], &SHUT[..6]].concat();
    for (command, objection) in [
        (vec![0x00, 0x20, 0x00, 0x80, 0x04, 0x31, 0x32, 0x33, 0x34], Objection::Instruction),
        (vec![0x00, 0x20, 0x00, 0x80], Objection::Instruction),
        (vec![0x00, 0x21, 0x00, 0x80], Objection::Instruction),
        (vec![0x00, 0x24, 0x01, 0x80, 0x04, 0x31, 0x32, 0x33, 0x34], Objection::Instruction),
        (vec![0x00, 0x2C, 0x03, 0x80], Objection::Instruction),
        (vec![0x01, 0x20, 0x00, 0x80], Objection::Class),
        (vec![0x0C, 0xB0, 0x00, 0x00, 0x00], Objection::Class),
        (vec![0x10, 0xA4, 0x04, 0x00, 0x00], Objection::Class),
        (vec![0x40, 0xB0, 0x00, 0x00, 0x00], Objection::Class),
        (vec![0x80, 0x2A, 0x00, 0x80], Objection::Class),
        (profile, Objection::Shut),
        (extended, Objection::Form),
        (partial, Objection::Shut),
        (vec![0x00, 0xA4, 0x04, 0x02, 0x05, 1, 2, 3, 4, 5], Objection::Parameters),
        (vec![0x00, 0xA4, 0x08, 0x00, 0x02, 0x00, 0x01], Objection::Parameters),
        (vec![0x00, 0xA4, 0x00, 0x00], Objection::Parameters),
        (vec![0x00, 0xB1, 0x00, 0x01, 0x04, 0x54, 0x02, 0x00, 0x00], Objection::Instruction),
        (vec![0x00, 0xB0, 0x00], Objection::Form),
        (vec![0x00, 0xB0, 0x00, 0x00, 0x00, 0x01, 0x00], Objection::Form),
    ] {
        assert_eq!(filter::check(&command), Err(objection), "{command:02X?}");
    }
    assert_eq!(Batch::check(vec![vec![0x00, 0xB0, 0x81, 0x00, 0x11]]).unwrap_err(), Objection::NoApplication);
    assert_eq!(Batch::check(vec![]).unwrap_err(), Objection::Length);
    assert!(Batch::check(vec![VENDOR.to_vec(), vec![0x00, 0xB0, 0x81, 0x00, 0x11]]).is_ok());
}

#[test]
fn tlv_is_taken_in_its_shortest_form_only() {
    use tlv::TlvError;
    for (bytes, wanted) in [
        (&[][..], TlvError::Short),
        (&[0x30], TlvError::Short),
        (&[0x30, 0x02, 0x01], TlvError::Short),
        (&[0x30, 0x80, 0x00, 0x00], TlvError::Length),
        (&[0x30, 0x81, 0x01, 0x00], TlvError::Length),
        (&[0x30, 0x82, 0x00, 0xFF], TlvError::Length),
        (&[0x30, 0x84, 0x00, 0x00, 0x00, 0x01], TlvError::Length),
        (&[0xDF, 0x81, 0x01, 0x00], TlvError::Tag),
        (&[0xDF, 0x1E, 0x00], TlvError::Tag),
        (&[0x00, 0x00], TlvError::Tag),
        (&[0xFF, 0xFF], TlvError::Tag),
    ] {
        assert_eq!(tlv::first(bytes).unwrap_err(), wanted, "{bytes:02X?}");
    }
    let (element, rest) = tlv::first(&[0xDF, 0x22, 0x01, 0x41, 0x99]).unwrap();
    assert_eq!((element.tag, element.value, rest), (0xDF22, &[0x41][..], &[0x99][..]));
}
