//! What the linker is told of released programs: their addresses that are set at the start are packed, half a megabyte less of each.
//! Debian 12 and newer can read that (glibc 2.36). GNU's linker, as Debian 12's mold leaves out the mark without which glibc refuses it.
//! And the endpoint's description as gzip: a quarter of a megabyte is a tenth of that, and most callers unpack it themselves.
#![allow(clippy::print_stdout, reason = "this is how a build script speaks")]

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::{Compression, GzBuilder};

const DESCRIPTION: &str = "docs/openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={DESCRIPTION}");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("TARGET", "x86_64-unknown-linux-gnu") {
        for argument in ["-fuse-ld=bfd", "-Wl,-z,pack-relative-relocs"] {
            println!("cargo:rustc-link-arg-bins={argument}");
        }
    }
    let directory = std::env::var("OUT_DIR")?;
    fs::write(Path::new(&directory).join("openapi.json.gz"), packed(&fs::read(DESCRIPTION)?)?)?;
    Ok(())
}

/// The same bytes on every machine: no name, no time, and no word of the system it was made on.
fn packed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    packed.finish()
}
