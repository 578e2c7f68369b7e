//! A line typed on the terminal that is not shown.

use std::io::{self, Read as _};
use std::os::fd::AsFd as _;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// The longest line that is taken, in bytes.
const LONGEST: usize = 4096;
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const KILL: u8 = 0x15;

/// What somebody typed.
pub enum Typed {
    /// A line, without its end.
    Line(Zeroizing<Vec<u8>>),
    /// Ctrl-C, Ctrl-D, or the terminal went away.
    GivenUp,
}

/// The terminal as it was, put back however the reading ends.
struct Restored(Termios);

impl Drop for Restored {
    fn drop(&mut self) {
        // Nobody is left to be told where this fails.
        let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSADRAIN, &self.0);
    }
}

/// Asks, and reads a line from the terminal on standard input without showing it. The terminal shows nothing from before the question
/// on, so that nobody can answer too early. Ctrl-C is taken as a sign, so that it cannot end the process while nothing is shown.
///
/// # Errors
/// When standard input is no terminal, or cannot be read.
pub fn typed_unseen(ask: impl FnOnce()) -> io::Result<Typed> {
    let before = tcgetattr(io::stdin().as_fd())?;
    let mut unseen = before.clone();
    unseen.local_flags.remove(LocalFlags::ECHO | LocalFlags::ECHONL | LocalFlags::ICANON | LocalFlags::ISIG);
    tcsetattr(io::stdin().as_fd(), SetArg::TCSADRAIN, &unseen)?;
    let _restored = Restored(before);
    ask();
    // Room for all of it at once: a growing buffer would leave unwiped copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut sign = Zeroizing::new([0_u8]);
    // Unbuffered: what comes after the line is somebody else's.
    let mut input = std::fs::File::from(io::stdin().as_fd().try_clone_to_owned()?);
    loop {
        if input.read(sign.as_mut())? == 0 {
            return Ok(Typed::GivenUp);
        }
        match sign[0] {
            b'\r' | b'\n' => return Ok(Typed::Line(line)),
            INTERRUPT | END => return Ok(Typed::GivenUp),
            KILL => line.clear(),
            0x7f | 0x08 => rub_out(&mut line),
            byte if line.len() < LONGEST => line.push(byte),
            _ => {}
        }
    }
}

/// Takes the last sign away, all its bytes.
fn rub_out(line: &mut Vec<u8>) {
    while let Some(byte) = line.pop() {
        if byte & 0xc0 != 0x80 {
            break;
        }
    }
}
