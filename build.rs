//! What the linker is told of released programs: their addresses that are set at the start are packed, half a megabyte less of each.
//! Debian 12 and newer can read that (glibc 2.36). GNU's linker, as Debian 12's mold leaves out the mark without which glibc refuses it.
#![allow(clippy::print_stdout, reason = "this is how a build script speaks")]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("TARGET", "x86_64-unknown-linux-gnu") {
        for argument in ["-fuse-ld=bfd", "-Wl,-z,pack-relative-relocs"] {
            println!("cargo:rustc-link-arg-bins={argument}");
        }
    }
}
