//! What the linker is told of released programs: their addresses that are set at the start are packed, half a megabyte less of each.
//! Debian 12 and newer can read that (glibc 2.36). GNU's linker, as Debian 12's mold leaves out the mark without which glibc refuses it.
//! And large tables as gzip: of the endpoint's description a tenth is left, and most callers unpack it themselves.
#![allow(clippy::print_stdout, reason = "this is how a build script speaks")]

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use encoding_rs::SHIFT_JIS;
use flate2::{Compression, GzBuilder};

/// What is compiled in packed, each under its own name.
const PACKED: [&str; 5] = [
    "docs/openapi.json",
    "src/model/careplan/layout.tsv",
    "src/model/characters/jisx0213.txt",
    "src/model/opinion/choices.tsv",
    "src/model/opinion/items.tsv",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("TARGET", "x86_64-unknown-linux-gnu") {
        for argument in ["-fuse-ld=bfd", "-Wl,-z,pack-relative-relocs"] {
            println!("cargo:rustc-link-arg-bins={argument}");
        }
    }
    let directory = std::env::var("OUT_DIR")?;
    let directory = Path::new(&directory);
    for path in PACKED {
        println!("cargo:rerun-if-changed={path}");
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
        fs::write(directory.join(format!("{name}.gz")), packed(&fs::read(path)?)?)?;
    }
    let (characters, second) = shift_jis();
    fs::write(directory.join("shift_jis.bin"), characters)?;
    fs::write(directory.join("shift_jis_second.bin"), second)?;
    Ok(())
}

/// The character of each code of two bytes of the web's Shift_JIS (which is CP932), 0 for none; and the codes that are not written for their
/// characters. Read by src/model/shift_jis.rs.
fn shift_jis() -> (Vec<u8>, Vec<u8>) {
    let (mut characters, mut second) = (Vec::new(), Vec::new());
    for lead in (0x81..=0x9F).chain(0xE0..=0xFC_u8) {
        for trail in 0x40..=0xFC_u8 {
            let code = [lead, trail];
            let text = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(&code).unwrap_or_default();
            let mut units = text.encode_utf16();
            let unit = units.next().filter(|_| units.next().is_none());
            if unit.is_some() && *SHIFT_JIS.encode(&text).0 != code {
                second.extend(code);
            }
            characters.extend(unit.unwrap_or(0).to_le_bytes());
        }
    }
    (characters, second)
}

/// The same bytes on every machine: no name, no time, and no word of the system it was made on.
fn packed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    packed.finish()
}
