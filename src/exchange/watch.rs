//! Told of changes where the system tells of them. A network share does not, so nothing relies on it.

use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::path::Path;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A folder under watch, or none where that cannot be had.
pub(super) struct Watch(Option<AsyncFd<Notices>>);

struct Notices(Inotify);

impl AsRawFd for Notices {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe; the descriptor is owned by what is registered and stays the same"
)]
fn registered(notices: Notices) -> Option<AsyncFd<Notices>> {
    AsyncFd::with_interest(notices, Interest::READABLE).ok()
}

impl Watch {
    /// Nothing watched yet.
    pub(super) fn new() -> Self {
        let flags = InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC;
        let notices = Inotify::init(flags).ok().map(Notices);
        Self(notices.and_then(registered))
    }

    /// Watches the folder that stands under this name at the moment; the same one is watched once.
    pub(super) fn follow(&self, folder: &Path) {
        let flags = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ONLYDIR;
        if let Some(watched) = &self.0 {
            let _ = watched.get_ref().0.add_watch(folder, flags);
        }
    }

    /// Waits for a change. Where none is told of, for ever.
    pub(super) async fn changed(&self) {
        let Some(watched) = &self.0 else { return std::future::pending().await };
        match watched.readable().await {
            Ok(mut ready) => {
                while watched.get_ref().0.read_events().is_ok_and(|events| !events.is_empty()) {}
                ready.clear_ready();
            }
            Err(_) => std::future::pending().await,
        }
    }
}
