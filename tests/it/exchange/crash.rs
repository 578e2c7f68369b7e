//! A process that dies at any point in the folders loses nothing and does nothing twice.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use engawa::clock::Clock;
use engawa::fault::crash::FOLDERS;
use engawa::hub::ScriptedHub;
use engawa::outbox::StateName;

use super::house::{House, OTHER, OWN, sample, unit};
use crate::identification::room::Home;
use crate::support::mortal::mortal;

/// The environment variable that makes this binary the process that dies.
const HOME: &str = "ENGAWA_TEST_FOLDERS";

/// Not a test: the process that dies. Without the variable it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process with folders, started by the test"]
async fn be_the_house() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let mut house = open(PathBuf::from(home)).await;
    tell(&mut house).await;
    house.close().await;
}

async fn open(home: PathBuf) -> House {
    let hub = Arc::new(ScriptedHub::new(Clock::system()));
    hub.arrive("results", OTHER, unit(&sample("results")));
    let house = House::over(Home::Lasting(home), OWN, hub).await;
    house.nobody_takes_part();
    house
}

/// A unit is put on paper, and another arrives.
async fn tell(house: &mut House) {
    let name = sample("slip")[1].0.clone();
    let state = |house: &House| house.result("sent", &name).map(|result| result["deliveries"][0]["state"].clone());
    house
        .until("a held delivery", |house| {
            state(house).filter(|state| ["held", "on_paper"].iter().any(|known| state == known))
        })
        .await;
    let marker = format!("{name}.paper");
    let cover = format!("{name}.cover.html");
    let there = |house: &House| {
        house.names("out").contains(&marker)
            || house.names(".work").contains(&marker)
            || house.read("sent", &cover).is_some()
    };
    if !there(house) {
        house.put(&[(marker.clone(), Vec::new())]);
    }
    house.until("the cover page", |house| house.read("sent", &cover)).await;
    let done = |house: &House| {
        let told = state(house).is_some_and(|state| state == "on_paper");
        let left = [".work", ".arriving", "out"].iter().all(|part| house.names(part).is_empty());
        (told && left && house.names("in").len() == sample("results").len()).then_some(())
    };
    house.until("the end", done).await;
}

fn child(home: &Path, point: &str) -> std::process::ExitStatus {
    let mut command = mortal(std::env::current_exe().unwrap());
    command.args(["--exact", "exchange::crash::be_the_house", "--ignored", "--nocapture"]);
    command.env(HOME, home).env("ENGAWA_CRASH_POINT", point).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_point_sends_once_and_writes_once() {
    for point in FOLDERS {
        for visit in 1..=2 {
            let home = tempfile::tempdir().unwrap();
            let house = open(home.path().to_owned()).await;
            let out = house.base.join("out");
            house.close().await;
            std::fs::create_dir_all(&out).unwrap();
            for (name, bytes) in sample("slip") {
                std::fs::write(out.join(name), bytes).unwrap();
            }
            let (path, place) = (home.path().to_owned(), format!("{point}:{visit}"));
            let status = tokio::task::spawn_blocking(move || child(&path, &place)).await.unwrap();
            // Not every point is passed twice.
            assert!(status.signal() == Some(9) || visit > 1 && status.success(), "{point}: {status}");

            eprintln!("died at {point}:{visit}: {status}");
            let mut house = open(home.path().to_owned()).await;
            tell(&mut house).await;
            let submissions = house.submissions().await;
            let states: Vec<StateName> = submissions.iter().map(|one| one.state).collect();
            assert_eq!(states, [StateName::OnPaper], "{point}:{visit}");
            let sent: Vec<String> = house.names("sent").into_iter().filter(|name| name.ends_with(".CSV")).collect();
            let names: Vec<String> = sample("slip").into_iter().map(|(name, _)| name).collect();
            assert_eq!(sent, names, "{point}:{visit}");
            assert_eq!(house.names("refused"), Vec::<String>::new(), "{point}:{visit}");
            for (name, bytes) in sample("results") {
                assert_eq!(std::fs::read(house.base.join("in").join(name)).unwrap(), bytes, "{point}:{visit}");
            }
            house.close().await;
        }
    }
}
