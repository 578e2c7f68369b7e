//! The sandbox's folder: made once, found again ever after.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use nix::fcntl::{Flock, FlockArg};
use serde_json::{Value, json};

use crate::cli::{Failure, HubArgs};
use crate::clock::Clock;
use crate::pki;
use crate::rules::example;
use crate::world::World;

/// Reads `world.json`, or makes the folder as the arguments say.
pub(crate) fn open(args: &HubArgs) -> Result<World, Failure> {
    let asked = Clock::default();
    if let Some(start) = args.start {
        asked.put(Clock::offset_for(start));
    }
    let world = found_or_made(&args.dir, args.seed, &args.name, asked.today())?;
    match args.seed {
        Some(seed) if seed != world.seed => {
            Err(format!("{} was made with --seed {}", args.dir.display(), world.seed).into())
        }
        _ => Ok(world),
    }
}

/// The world of a folder, made with what is usual if there is none.
pub(crate) fn world(dir: &Path) -> Result<World, Failure> {
    found_or_made(dir, None, &[], Clock::default().today())
}

/// `world.json` is written last, so a half-made folder is made again. Hub and cards may come at once.
fn found_or_made(dir: &Path, seed: Option<u64>, names: &[String], today: Date) -> Result<World, Failure> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let lock = fs::OpenOptions::new().write(true).create(true).truncate(false).open(dir.join("making"))?;
    let _alone = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, e)| e)?;
    let file = dir.join("world.json");
    if file.exists() {
        return Ok(serde_json::from_slice(&fs::read(&file)?).map_err(|e| format!("{}: {e}", file.display()))?);
    }
    let world = World::new(seed.unwrap_or(1), today);
    pki::make(dir, &world, names, Clock::default().now())?;
    for account in &world.accounts {
        private(&dir.join("accounts").join(format!("{}.password", account.user_id)), &account.password)?;
    }
    for (name, body) in [("opinion", example::opinion(&world)), ("careplan", example::careplan(&world))] {
        public(&dir.join("examples").join(format!("{name}.json")), serde_json::to_vec_pretty(&body)?)?;
    }
    private(&file, serde_json::to_vec_pretty(&world)?)?;
    Ok(world)
}

/// Writes `sandbox.json` and returns it: what a client, a test or a person needs to find everything.
pub(crate) fn announce(dir: &Path, world: &World, hub: u16, control: u16) -> Result<Value, Failure> {
    let dir = fs::canonicalize(dir)?;
    let facilities: serde_json::Map<String, Value> = names(&dir.join("facilities"))?
        .into_iter()
        .map(|name| {
            let at = dir.join("facilities").join(&name);
            let number = world.facilities.iter().find(|f| f.folder == name).map(|f| f.number.clone());
            let paths = json!({
                "number": number, "certificate": at.join("client.pem"), "key": at.join("client.key"),
                "p12": at.join("client.p12"), "p12_passphrase": at.join("client.p12.pass"),
            });
            (name, paths)
        })
        .collect();
    let accounts: serde_json::Map<String, Value> = world
        .accounts
        .iter()
        .map(|a| {
            let file = dir.join("accounts").join(format!("{}.password", a.user_id));
            (a.user_id.clone(), json!({"facility": a.facility, "password_file": file}))
        })
        .collect();
    let all = json!({
        "hub": format!("https://localhost:{hub}"), "hub_port": hub,
        "control": format!("http://127.0.0.1:{control}"), "control_port": control,
        "pid": std::process::id(), "ca": dir.join("pki").join("ca.pem"),
        "facilities": facilities, "accounts": accounts,
    });
    public(&dir.join("sandbox.json"), serde_json::to_vec_pretty(&all)?)?;
    Ok(all)
}

/// A number of the last start's `sandbox.json`.
pub(crate) fn last(dir: &Path, member: &str) -> Option<u16> {
    let all: Value = serde_json::from_slice(&fs::read(dir.join("sandbox.json")).ok()?).ok()?;
    u16::try_from(all.get(member)?.as_u64()?).ok()
}

fn names(dir: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Writes a file whole or not at all, readable by everyone.
pub(crate) fn public(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    write(path, content.as_ref(), 0o644)
}

/// Writes a file whole or not at all, readable by its owner only.
pub(crate) fn private(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    write(path, content.as_ref(), 0o600)
}

fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let aside = PathBuf::from(format!("{}.new", path.display()));
    let _ = fs::remove_file(&aside);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&aside).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    fs::rename(&aside, path).map_err(failed)?;
    Ok(())
}
