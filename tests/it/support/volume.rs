//! A small file system of a test's own: it can be filled, made read-only, and lose its power. Needs root and a loop device.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{skip, until};

/// A mounted file system; unmounted when dropped, whatever happened.
pub(crate) struct Volume {
    dir: TempDir,
    /// The options and the source of `mount`.
    mount: Vec<String>,
    mounted: bool,
}

/// Where tests of this kind cannot run they are skipped, see [`skip`].
pub(crate) fn or_skip<T>(made: Result<T, String>) -> Option<T> {
    made.map_err(|reason| skip(&reason)).ok()
}

impl Volume {
    /// ext4 with a journal, in a loop file of `megabytes`.
    ///
    /// # Errors
    /// Why it cannot be had here.
    pub(crate) fn ext4(megabytes: u64) -> Result<Self, String> {
        let dir = prepare()?;
        let image = dir.path().join("image");
        File::create(&image).unwrap().set_len(megabytes << 20).unwrap();
        run("mkfs.ext4", &["-q", "-F", "-m", "0", text(&image)])?;
        let mount = ["-o", "loop,errors=remount-ro", text(&image)].map(str::to_owned).to_vec();
        Self { dir, mount, mounted: false }.with_mount()
    }

    /// A tmpfs of `megabytes`.
    ///
    /// # Errors
    /// Why it cannot be had here.
    pub(crate) fn tmpfs(megabytes: u64) -> Result<Self, String> {
        let dir = prepare()?;
        let size = format!("size={megabytes}m");
        let mount = ["-t", "tmpfs", "-o", &size, "tmpfs"].map(str::to_owned).to_vec();
        Self { dir, mount, mounted: false }.with_mount()
    }

    fn with_mount(mut self) -> Result<Self, String> {
        self.mount()?;
        Ok(self)
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("mount")
    }

    /// Mounts it again.
    ///
    /// # Errors
    /// What mount says.
    pub(crate) fn mount(&mut self) -> Result<(), String> {
        let path = self.path();
        let mut arguments: Vec<&str> = self.mount.iter().map(String::as_str).collect();
        arguments.push(text(&path));
        run("mount", &arguments)?;
        self.mounted = true;
        Ok(())
    }

    /// Unmounts it; nobody may use it any more. A child that another test is just starting has this process's open files until it is
    /// the program it shall be, so a busy volume is waited for.
    pub(crate) fn unmount(&mut self) {
        until("the volume to be let go", Duration::from_secs(20), || match run("umount", &[text(&self.path())]) {
            Err(busy) if busy.contains("busy") => None,
            done => Some(done),
        })
        .unwrap();
        self.mounted = false;
    }

    /// What the kernel does when ext4 meets damage under a running program: everything written from here on is refused as
    /// on a read-only disk, until it is mounted anew.
    ///
    /// # Errors
    /// Where the kernel offers no such switch.
    pub(crate) fn meet_damage(&self) -> Result<(), String> {
        let output = Command::new("findmnt").args(["-n", "-o", "SOURCE", text(&self.path())]).output();
        let output = output.map_err(|error| error.to_string())?;
        let device = String::from_utf8(output.stdout).unwrap().trim().replace("/dev/", "");
        let switch = format!("/sys/fs/ext4/{device}/trigger_fs_error");
        fs::write(&switch, "1").map_err(|error| format!("{switch}: {error}"))
    }

    /// Read-only from here on, or writable again; nobody may have a file open for writing.
    pub(crate) fn read_only(&self, yes: bool) {
        let options = if yes { "remount,ro" } else { "remount,rw" };
        run("mount", &["-o", options, text(&self.path())]).unwrap();
    }

    /// Leaves at most `left` bytes free.
    pub(crate) fn fill(&self, left: u64) {
        let space = nix::sys::statvfs::statvfs(&self.path()).unwrap();
        let free = space.blocks_available() * space.fragment_size();
        let mut file = File::options().append(true).create(true).open(self.path().join("ballast")).unwrap();
        let chunk = vec![0x5a; 1 << 16];
        let mut more = free.saturating_sub(left);
        while more > 0 {
            let now = usize::try_from(more.min(chunk.len() as u64)).unwrap();
            if file.write_all(&chunk[..now]).is_err() {
                break;
            }
            more -= now as u64;
        }
        let _ = file.sync_all();
    }

    /// Takes away what [`Volume::fill`] wrote.
    pub(crate) fn make_room(&self) {
        fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if self.mounted && run("umount", &[text(&self.path())]).is_err() {
            let _ = run("umount", &["-l", text(&self.path())]);
        }
    }
}

/// Cuts the power of a file system: what was not synced is gone, and everything from here on fails until it is mounted again.
pub(crate) struct PowerSwitch {
    program: TempDir,
}

impl PowerSwitch {
    /// The ioctl takes a pointer, which this crate does not deal in: a few lines of C do.
    ///
    /// # Errors
    /// When there is no C compiler.
    pub(crate) fn new() -> Result<Self, String> {
        const SOURCE: &str = "#include <fcntl.h>\n#include <stdio.h>\n#include <sys/ioctl.h>\n\
            int main(int argc, char **argv) {\n  unsigned no_log_flush = 2;\n  int fd = open(argv[1], O_RDONLY);\n\
            getchar();\n  /* EXT4_IOC_SHUTDOWN */\n  return fd < 0 || ioctl(fd, 0x8004587dUL, &no_log_flush) != 0;\n}\n";
        let program = tempfile::tempdir().unwrap();
        let source = program.path().join("cut.c");
        fs::write(&source, SOURCE).unwrap();
        run("cc", &["-o", text(&program.path().join("cut")), text(&source)])?;
        Ok(Self { program })
    }

    /// Holds a hand on the switch of `volume`, so that the cut comes at once.
    pub(crate) fn arm(&self, volume: &Volume) -> Armed {
        let mut command = Command::new(self.program.path().join("cut"));
        Armed(command.arg(volume.path()).stdin(Stdio::piped()).spawn().unwrap())
    }

    /// Cuts.
    ///
    /// # Errors
    /// When the kernel does not do it.
    pub(crate) fn cut(&self, volume: &Volume) -> Result<(), String> {
        self.arm(volume).cut()
    }
}

/// A hand on the switch.
pub(crate) struct Armed(Child);

impl Armed {
    /// Cuts.
    ///
    /// # Errors
    /// When the kernel does not do it.
    pub(crate) fn cut(mut self) -> Result<(), String> {
        drop(self.0.stdin.take());
        let status = self.0.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err("EXT4_IOC_SHUTDOWN was refused".to_owned()) }
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn prepare() -> Result<TempDir, String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("a file system of the test's own needs root".to_owned());
    }
    let dir = tempfile::Builder::new().prefix("volume").tempdir().unwrap();
    fs::create_dir(dir.path().join("mount")).unwrap();
    Ok(dir)
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
