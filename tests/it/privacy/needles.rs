//! A made-up person and made-up secrets, and the search for them in every form in which they could have got somewhere.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};

use crate::support::gateway::opinion;

/// Somebody who does not exist, different for each seed.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) kana: String,
    pub(super) address: String,
    pub(super) phone: String,
    pub(super) insured_number: String,
    pub(super) birth_date: String,
    pub(super) doctor: String,
    pub(super) diagnosis: String,
    pub(super) notes: String,
}

impl Person {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut from = |letters: &str, n: usize| -> String {
            let letters: Vec<char> = letters.chars().collect();
            (0..n).map(|_| *letters.choose(&mut dice).unwrap()).collect()
        };
        let kanji = "霞霧霰雫雹霜凪颯黎暁曙宵朧朔晦彗";
        let hiragana = "ぬねむめゆよらりるれろわ";
        Self {
            name: format!("{} {}", from(kanji, 3), from(kanji, 3)),
            kana: format!("{} {}", from(hiragana, 5), from(hiragana, 5)),
            address: format!("架空県{}市{}町{}", from(kanji, 3), from(kanji, 3), from("123456789", 5)),
            phone: format!("000-{}-{}", from("0123456789", 4), from("0123456789", 4)),
            insured_number: format!("99{}", from("0123456789", 8)),
            birth_date: format!(
                "19{}-0{}-1{}",
                from("23", 1) + &from("123456789", 1),
                from("1234", 1),
                from("0123456789", 1)
            ),
            doctor: format!("{} 医師", from(kanji, 4)),
            diagnosis: format!("架空{}症", from(hiragana, 6)),
            notes: format!("家では{}と呼ばれ、{}を好む。", from(hiragana, 6), from(kanji, 5)),
        }
    }

    /// Their opinion.
    pub(super) fn opinion(&self) -> Value {
        let mut form = opinion(0);
        form.as_object_mut().unwrap().remove("age");
        for (item, text) in [
            ("applicant_name", &self.name),
            ("applicant_kana", &self.kana),
            ("applicant_address", &self.address),
            ("applicant_phone", &self.phone),
            ("insured_number", &self.insured_number),
            ("birth_date", &self.birth_date),
            ("doctor_name", &self.doctor),
            ("diagnosis_1_name", &self.diagnosis),
            ("special_notes", &self.notes),
        ] {
            form[item] = json!(text);
        }
        form
    }

    /// The samples' person, who is replaced by this one.
    pub(super) fn sampled(&self) -> [(&'static str, String); 10] {
        [
            ("手須戸 春子", self.name.clone()),
            ("テスト　ハルコ", self.katakana()),
            ("9900000001", self.insured_number.clone()),
            ("19400211", self.birth_date.replace('-', "")),
            ("手本 支援子", self.doctor.clone()),
            ("そらもよう県そらもよう市試験町1番地", self.address.clone()),
            ("000-0000-0001", self.phone.clone()),
            ("転倒が心配", self.notes.clone()),
            ("転ばずに歩きたい", self.notes.clone()),
            ("家族が遠方のため", self.diagnosis.clone()),
        ]
    }

    fn katakana(&self) -> String {
        let kana = |c: char| match c {
            ' ' => '　',
            c => char::from_u32(u32::from(c) + 0x60).unwrap(),
        };
        self.kana.chars().map(kana).collect()
    }

    /// What nobody may find of care plans.
    pub(super) fn needles_of_plans(&self) -> Vec<Needle> {
        let mut needles = self.needles();
        needles.push(Needle::new("birth date", &self.birth_date.replace('-', "")));
        let kana = self.katakana();
        needles.extend(kana.split('　').map(|half| Needle::new("part of a name", half)));
        needles.push(Needle::new("kana", &kana));
        needles
    }

    /// What nobody may find.
    pub(super) fn needles(&self) -> Vec<Needle> {
        let mut needles = vec![
            Needle::new("name", &self.name),
            Needle::new("kana", &self.kana),
            Needle::new("address", &self.address),
            Needle::new("phone", &self.phone),
            Needle::new("insured number", &self.insured_number),
            Needle::new("birth date", &self.birth_date),
            Needle::new("doctor", &self.doctor),
            Needle::new("diagnosis", &self.diagnosis),
            Needle::new("notes", &self.notes),
        ];
        // Half a name is a name too.
        let halves = self.name.split(' ').chain(self.kana.split(' '));
        needles.extend(halves.map(|half| Needle::new("part of a name", half)));
        needles
    }
}

/// Something that must not be found.
pub(super) struct Needle {
    pub(super) what: &'static str,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Needle {
    pub(super) fn new(what: &'static str, text: &str) -> Self {
        Self::bytes(what, text.as_bytes())
    }

    pub(super) fn bytes(what: &'static str, bytes: &[u8]) -> Self {
        assert!(bytes.len() >= 8, "{what} is too short to be told from chance");
        let mut forms = vec![("plain", bytes.to_vec()), ("hex", hex(bytes).into_bytes())];
        forms.extend(base64_forms(bytes));
        if let Ok(text) = std::str::from_utf8(bytes) {
            let escape = |upper| escaped(text, upper).into_bytes();
            forms.extend([("JSON", escape(false)), ("JSON", escape(true))]);
            forms.push(("Rust", text.escape_unicode().to_string().into_bytes()));
            forms.push(("URL", percent(bytes).into_bytes()));
            if let Some(bytes) = cp932(text) {
                forms.extend([
                    ("CP932 in hex", hex(&bytes).into_bytes()),
                    ("CP932 in a URL", percent(&bytes).into_bytes()),
                ]);
                forms.extend(base64_forms(&bytes).into_iter().map(|(_, form)| ("CP932 in base64", form)));
                // Read as if it were Latin-1, as a careless program does.
                forms.push(("CP932 misread", latin(&bytes).into_bytes()));
                forms.push(("CP932", bytes));
            }
            let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            forms.push(("UTF-16", utf16));
        }
        forms.sort();
        forms.dedup();
        Self { what, forms }
    }

    /// The form in which `hay` holds it; see [`latin`].
    pub(super) fn found_in(&self, hay: &str) -> Option<&'static str> {
        self.forms.iter().find(|(_, form)| hay.contains(&latin(form))).map(|(name, _)| *name)
    }

    pub(super) fn forms(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.forms.iter().map(|(name, form)| (*name, form.as_slice()))
    }
}

/// As care software writes it; `None` where it is written the same as everywhere, or cannot be.
pub(super) fn cp932(text: &str) -> Option<Vec<u8>> {
    let (bytes, _, lacks) = encoding_rs::SHIFT_JIS.encode(text);
    (!lacks && bytes != text.as_bytes()).then(|| bytes.into_owned())
}

/// Each byte as the character of its number: any bytes, searched with the fast search that strings have.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Base64 of a longer text that holds `bytes` at any place: the part that does not depend on the neighbours.
fn base64_forms(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let padded = [&vec![0; before][..], bytes].concat();
        let whole = padded.len() / 3 * 3;
        let skip = [0, 2, 3][before];
        for engine in [STANDARD, URL_SAFE] {
            forms.push(("base64", engine.encode(&padded[..whole]).as_bytes()[skip..].to_vec()));
        }
    }
    forms
}

fn escaped(text: &str, upper: bool) -> String {
    let unit = |unit: u16| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|half| unit(*half)));
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(bytes: &[u8]) -> String {
    let byte = |byte: &u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(byte).collect()
}

/// Everything that was found, as readable lines.
pub(super) fn search(artefacts: &[(String, Vec<u8>)], needles: &[Needle]) -> Vec<String> {
    let mut found = Vec::new();
    for (place, bytes) in artefacts {
        let hay = latin(bytes);
        for needle in needles {
            if let Some(form) = needle.found_in(&hay) {
                found.push(format!("{}: {} ({form})", place, needle.what));
            }
        }
    }
    found
}

/// All files below `directory` but those named.
pub(super) fn files(directory: &Path, but: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            all.extend(files(&path, but));
        } else if path.is_file() && !but.contains(&name.as_str()) {
            all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    all
}

#[test]
fn the_search_finds_what_is_there() {
    let person = Person::new(7);
    let directory = tempfile::tempdir().unwrap();
    for needle in person.needles_of_plans().iter().chain([&Needle::bytes("signature", &[0xff; 24])]) {
        for (name, form) in needle.forms() {
            let text = [b"before ", form, b" after"].concat();
            std::fs::write(directory.path().join("planted"), text).unwrap();
            let found = search(&files(directory.path(), &[]), std::slice::from_ref(needle));
            assert_eq!(found.len(), 1, "{} as {name} is not found", needle.what);
        }
        std::fs::write(directory.path().join("planted"), "nothing of the kind").unwrap();
        assert!(search(&files(directory.path(), &[]), std::slice::from_ref(needle)).is_empty());
    }
    // In the middle of something longer, at every alignment.
    let needle = Needle::new("name", &person.name);
    for before in 0..6 {
        let text = format!("{}{}{}", "x".repeat(before), person.name, "y".repeat(before));
        assert_eq!(needle.found_in(&STANDARD.encode(text)), Some("base64"), "{before}");
    }
}
