//! CP932 against the library whose codes it has: every code, every character, and bytes in any order.

use encoding_rs::SHIFT_JIS;
use engawa::model::careplan::cp932::{decode, encode};
use proptest::prelude::*;

#[test]
fn every_code_has_the_character_of_the_library() {
    for code in 0..=u16::MAX {
        let bytes = code.to_be_bytes();
        assert_eq!(decode(&bytes), SHIFT_JIS.decode_without_bom_handling(&bytes).0, "{bytes:02X?}");
        assert_eq!(decode(&bytes[1..]), SHIFT_JIS.decode_without_bom_handling(&bytes[1..]).0, "{bytes:02X?}");
    }
}

#[test]
fn every_character_has_its_code_or_none() {
    let mut having = 0;
    for character in char::MIN..=char::MAX {
        let text = character.to_string();
        let (bytes, _, lacks) = SHIFT_JIS.encode(&text);
        let comes_back = !lacks && SHIFT_JIS.decode_without_bom_handling(&bytes).0 == text;
        assert_eq!(encode(&text).ok(), comes_back.then(|| bytes.into_owned()), "U+{:04X}", u32::from(character));
        having += usize::from(comes_back);
    }
    // ASCII with U+0080, half-width katakana, and the two-byte codes of CP932 without their doubles.
    assert!((7_000..10_000).contains(&having), "{having}");
}

proptest! {
    #[test]
    fn bytes_in_any_order_read_alike(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(decode(&bytes), SHIFT_JIS.decode_without_bom_handling(&bytes).0);
    }

    #[test]
    fn leads_and_trails_in_any_order_read_alike(bytes in proptest::collection::vec(prop_oneof![0x7E_u8..=0xA1, 0xDF_u8..=0xFF, 0x3E_u8..=0x42], 0..64)) {
        prop_assert_eq!(decode(&bytes), SHIFT_JIS.decode_without_bom_handling(&bytes).0);
    }
}
