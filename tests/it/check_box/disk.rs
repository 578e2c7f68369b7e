//! The state directory.

use std::fs;
use std::os::unix::fs::FileExt as _;

use engawa::cli::Finding;

use super::{is_root, mode, names, report, sound};
use crate::support::gateway::{Gateway, Setup, opinion};
use crate::support::sandbox::Sandbox;
use crate::support::skip;
use crate::support::volume::{Volume, or_skip};

const MIB: u64 = 1 << 20;

/// All names in the state directory, with sizes and times of change.
fn stock(gateway: &Gateway) -> Vec<(String, u64, std::time::SystemTime)> {
    let entries = fs::read_dir(gateway.state()).unwrap().map(Result::unwrap);
    let mut stock: Vec<_> = entries
        .map(|entry| {
            let looked = entry.metadata().unwrap();
            (entry.file_name().into_string().unwrap(), looked.len(), looked.modified().unwrap())
        })
        .collect();
    stock.sort();
    stock
}

fn stopped(setup: Setup) -> Gateway {
    let mut gateway = setup.start();
    gateway.accepted(&opinion(1), "one");
    assert!(gateway.stop().success());
    gateway
}

#[test]
fn the_folder_is_open_to_others_or_is_another_users() {
    let hub = Sandbox::start();
    let gateway = stopped(sound(&hub));
    mode(gateway.state(), 0o755);
    let found = names(&gateway, "disk", Finding::DiskMode, "fail", "lan_vendor");
    assert_eq!(found["object"], "state.directory");
    mode(gateway.state(), 0o700);
    if !is_root() {
        return skip("only root can give a folder to another user");
    }
    std::os::unix::fs::chown(gateway.state(), Some(12_345), Some(12_345)).unwrap();
    names(&gateway, "disk", Finding::DiskOwner, "fail", "lan_vendor");
    std::os::unix::fs::chown(gateway.state(), Some(0), Some(0)).unwrap();
    // What somebody's own `engawa serve` leaves behind keeps the service from opening it.
    std::os::unix::fs::chown(gateway.state().join("engawa.db"), Some(12_345), Some(12_345)).unwrap();
    let found = names(&gateway, "disk", Finding::DiskOwner, "fail", "lan_vendor");
    assert!(found["detail_en"].as_str().unwrap().contains("engawa.db"), "{found}");
}

#[test]
fn a_user_who_may_not_look_is_told_so_and_nobody_is_blamed() {
    if !is_root() {
        return skip("only root can become somebody else");
    }
    let hub = Sandbox::start();
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let gateway = stopped(sound(&hub));
    let gateway = gateway.again(|setup| setup.through(&nobody));
    mode(gateway.dir(), 0o755);
    mode(&gateway.settings(), 0o644);
    let found = names(&gateway, "disk", Finding::NotAllowed, "warn", "lan_vendor");
    assert!(found["next_en"].as_str().unwrap().contains("sudo"), "{found}");
}

#[test]
fn a_disk_that_is_nearly_full_full_or_read_only() {
    let Some(volume) = or_skip(Volume::tmpfs(64)) else { return };
    let hub = Sandbox::start();
    hub.down();
    let gateway = stopped(sound(&hub).state(&volume.path().join("state")));
    names(&gateway, "service", Finding::ServiceDown, "fail", "lan_vendor");
    volume.fill(24 * MIB);
    let found = names(&gateway, "disk", Finding::DiskNearlyFull, "warn", "lan_vendor");
    assert_eq!(found["object"], "state.min_free");
    volume.make_room();
    volume.fill(10 * MIB);
    names(&gateway, "disk", Finding::DiskFull, "fail", "lan_vendor");
    volume.make_room();
    volume.fill(0);
    let found = names(&gateway, "disk", Finding::DiskFull, "fail", "lan_vendor");
    assert_eq!(found["object"], "state.directory", "nothing could be written");
    volume.make_room();
    volume.read_only(true);
    names(&gateway, "disk", Finding::DiskReadOnly, "fail", "lan_vendor");
    volume.read_only(false);
    names(&gateway, "service", Finding::ServiceDown, "fail", "lan_vendor");
}

#[test]
fn a_disk_that_is_read_only_for_this_process_alone_is_not_to_be_replaced() {
    if !is_root() {
        return skip("only root can mount");
    }
    let hub = Sandbox::start();
    let gateway = stopped(sound(&hub));
    // As ProtectSystem= does.
    let state = gateway.state().to_str().unwrap().to_owned();
    let script = format!("mount --bind '{state}' '{state}' && mount -o remount,bind,ro '{state}' && exec \"$@\"");
    let gateway = gateway.again(|setup| setup.through(&["unshare", "-m", "sh", "-c", &script, "sh"]));
    let found = names(&gateway, "disk", Finding::NotAllowed, "warn", "lan_vendor");
    assert!(found["detail_en"].as_str().unwrap().contains("this process alone"), "{found}");
}

#[test]
fn a_disk_that_turned_read_only_by_itself() {
    let Some(volume) = or_skip(Volume::ext4(64)) else { return };
    let hub = Sandbox::start();
    let gateway = stopped(sound(&hub).state(&volume.path().join("state")));
    if let Err(reason) = volume.meet_damage() {
        return skip(&reason);
    }
    let found = names(&gateway, "disk", Finding::DiskReadOnly, "fail", "lan_vendor");
    assert_eq!(found["code"], "STORAGE_READ_ONLY");
}

#[test]
fn a_database_whose_header_or_whose_pages_are_damaged() {
    let hub = Sandbox::start();
    let gateway = stopped(sound(&hub));
    let file = gateway.state().join("engawa.db");
    let sound = fs::read(&file).unwrap();
    let damage: [(u64, &[u8]); 2] = [(0, &[0xff; 64]), (4096, &[0xa5; 8192])];
    for (offset, bytes) in damage {
        fs::File::options().write(true).open(&file).unwrap().write_all_at(bytes, offset).unwrap();
        let found = names(&gateway, "disk", Finding::DatabaseUnreadable, "fail", "lan_vendor");
        assert_eq!(found["object"], "engawa.db", "at {offset}");
        fs::write(&file, &sound).unwrap();
    }
    names(&gateway, "service", Finding::ServiceDown, "fail", "lan_vendor");
}

#[test]
fn looking_leaves_nothing_behind_whether_engawa_stopped_died_or_runs() {
    let hub = Sandbox::start();
    hub.down();
    let never = sound(&hub).idle();
    report(&never);
    assert!(!never.state().exists());
    let mut gateway = stopped(sound(&hub));
    let before = stock(&gateway);
    report(&gateway);
    assert_eq!(stock(&gateway), before, "stopped");
    gateway.start();
    gateway.kill9();
    let before = stock(&gateway);
    let found = report(&gateway);
    let queue = found["checks"].as_array().unwrap().iter().find(|check| check["name"] == "queue").unwrap().clone();
    assert!(queue["detail_en"].as_str().unwrap().starts_with("1 document"), "its log is read as well: {queue}");
    let names = |stock: &[(String, u64, std::time::SystemTime)]| -> Vec<(String, u64)> {
        stock.iter().map(|(name, size, _)| (name.clone(), *size)).collect()
    };
    assert_eq!(names(&stock(&gateway)), names(&before), "died");
}
