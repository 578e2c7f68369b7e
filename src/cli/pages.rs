//! `engawa pages`: man pages and shell completions, for the package that is built. They come from the arguments themselves, so
//! they cannot tell of anything else.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Exit;
use super::arguments::Arguments;
use super::output::complain;

pub(super) fn run(directory: &Path) -> Exit {
    match write(directory) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            complain(&format!("{}: {error}", directory.display()));
            Exit::Failed
        }
    }
}

/// `man/*.1`, one for each command, and `completions/*`.
fn write(directory: &Path) -> io::Result<()> {
    let (man, completions) = (directory.join("man"), directory.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(Arguments::command(), &man)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Arguments::command(), "engawa", &completions)?;
    }
    Ok(())
}
