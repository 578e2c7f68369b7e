//! The four items: what is read is what was written, no other file passes for them, and nothing of them is printed.

use engawa::card::{Sex, profile};

use super::tlv::write;

pub fn run(bytes: &[u8]) {
    let Ok(four) = profile::parse(bytes) else { return };
    assert!(bytes.starts_with(&[0xFF, 0x20]), "only the file of the four items is taken for it");
    for text in [&four.name, &four.address] {
        let inside = bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes());
        assert!(inside || text.is_empty(), "a text stands on no card");
    }
    assert_eq!(format!("{four:?}"), "BasicFour { .. }");
    if let Some(birth) = four.birth {
        assert!((1800..=2199).contains(&birth.year()), "nobody was born on {birth}");
    }

    let birth = four.birth.map_or("19000000".to_owned(), |birth| birth.strftime("%Y%m%d").to_string());
    let sex: &[u8] = match four.sex {
        Sex::Male => b"1",
        Sex::Female => b"2",
        Sex::NotStated => b"9",
    };
    let mut items = Vec::new();
    for (tag, value) in [(0xDF22, four.name.as_bytes()), (0xDF23, four.address.as_bytes())] {
        write(&mut items, tag, value);
    }
    write(&mut items, 0xDF24, birth.as_bytes());
    write(&mut items, 0xDF25, sex);
    let mut file = Vec::new();
    write(&mut file, 0xFF20, &items);
    assert!(profile::parse(&file).is_ok_and(|again| again == four), "it is not read as it was written");
}
