//! `engawa-pages DIRECTORY`: man pages and shell completions of `engawa`, where packages are built; no package holds this program. They come
//! from the arguments themselves, so they cannot tell of anything else.

use std::fs;
use std::io;
use std::path::Path;

use clap_complete::Shell;

/// `man/*.1`, one for each command, and `completions/*`.
fn main() -> io::Result<()> {
    let directory = std::env::args_os().nth(1).ok_or_else(|| io::Error::other("usage: engawa-pages DIRECTORY"))?;
    let directory = Path::new(&directory);
    let (man, completions) = (directory.join("man"), directory.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(engawa::cli::command(), &man)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut engawa::cli::command(), "engawa", &completions)?;
    }
    Ok(())
}
