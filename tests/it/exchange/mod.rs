//! Folders for software that knows only files: what is taken and what is not, what is told, what arrives.

mod arrivals;
mod crash;
mod house;
mod paper;

use std::fs;
use std::io::Write as _;

use house::{House, OWN, PATIENCE, STAMP, sample, slip};
use nix::fcntl::{Flock, FlockArg};

/// What every member of the sample says of a person.
const PERSON: &str = "手本";

#[tokio::test]
async fn a_months_slip_goes_out_and_its_receipt_is_told_beside_it() {
    let mut house = House::open().await;
    house.exchange.look().await;
    let files = sample("slip");
    house.put(&files);
    house.settle().await;
    assert_eq!(house.names("out"), Vec::<String>::new());
    let name = files[1].0.clone();
    let delivery = house
        .until("the receipt", |house| {
            let result = house.result("sent", &name)?;
            Some(result["deliveries"][0].clone()).filter(|one| one["state"] == "delivered")
        })
        .await;
    assert_eq!(delivery["to_facility"], house::OTHER);
    assert!(delivery["receipt"]["number"].is_string(), "{delivery}");
    for (name, bytes) in &files {
        assert_eq!(house.read("sent", name).as_ref(), Some(bytes), "{name}");
        let result = house.result("sent", name).unwrap();
        assert_eq!((&result["status"], &result["final"]), (&"sent".into(), &true.into()), "{result}");
        let text = String::from_utf8(house.read("sent", &format!("{name}.txt")).unwrap()).unwrap();
        assert!(text.starts_with("\u{FEFF}受け付けました\r\n") && !text.replace("\r\n", "").contains('\n'), "{text}");
        assert!(!text.contains(PERSON) && !result.to_string().contains(PERSON), "{text}{result}");
    }
    assert_eq!(house.submissions().await.len(), 1);
    assert!(house.status().contains("動作しています。"), "{}", house.status());

    // The same again, byte for byte, is told again and not sent twice.
    house.put(&files);
    house.settle().await;
    let again = house.result("sent", &name.replace(".CSV", " (2).CSV")).unwrap();
    assert_eq!(again["deliveries"][0]["receipt"], delivery["receipt"]);
    assert_eq!((house.submissions().await.len(), house.room.hub.filed().len()), (1, 1));
    house.close().await;
}

#[tokio::test]
async fn what_is_being_written_locked_or_none_of_our_business_stays() {
    let mut house = House::open().await;
    house.exchange.look().await;
    let files = sample("slip");
    house.put(&files);
    let out = house.base.join("out");
    for name in ["a.tmp", "b.part", "c.CrDownload", ".hidden", "~lock", "Thumbs.db"] {
        fs::write(out.join(name), "x").unwrap();
    }
    std::os::unix::fs::symlink("/etc/hostname", out.join("UPPLAN_link.CSV")).unwrap();
    fs::create_dir(out.join("folder")).unwrap();
    let growing = out.join(&files[0].0);
    for _ in 0..3 {
        house.exchange.look().await;
        let mut file = fs::OpenOptions::new().append(true).open(&growing).unwrap();
        file.write_all(b" ").unwrap();
        house.clock.advance(house::SETTLE);
        house.exchange.look().await;
        assert!(growing.exists(), "the unit was taken while one of it grew");
    }
    fs::write(&growing, &files[0].1).unwrap();
    let held = fs::File::open(&growing).unwrap();
    let held = Flock::lock(held, FlockArg::LockExclusiveNonblock).unwrap();
    house.settle().await;
    house.settle().await;
    assert!(growing.exists());
    assert!(house.status().contains("ほかのソフトが開いている"), "{}", house.status());
    drop(held);
    house.settle().await;
    assert!(!growing.exists() && house.read("sent", &files[0].0).is_some());
    let left = ["a.tmp", "b.part", "c.CrDownload", ".hidden", "~lock", "Thumbs.db", "UPPLAN_link.CSV", "folder"];
    assert!(left.iter().all(|name| fs::symlink_metadata(out.join(name)).is_ok()));
    assert_eq!(fs::read_dir(&out).unwrap().count(), left.len());
    house.close().await;
}

#[tokio::test]
async fn the_rest_of_a_unit_is_waited_for_and_missed_in_the_end() {
    let mut house = House::open().await;
    house.exchange.look().await;
    let files = sample("slip");
    house.put(&files[..2]);
    house.settle().await;
    assert_eq!(house.names("out").len(), 2);
    assert!(house.status().contains("そろうのを待っています"), "{}", house.status());
    house.put(&files[2..]);
    house.settle().await;
    assert!(house.read("sent", &files[0].0).is_some());

    let late = slip("20260425101501");
    house.put(&late[..2]);
    house.settle().await;
    house.clock.advance(PATIENCE);
    house.exchange.look().await;
    let result = house.result("refused", &late[0].0).unwrap();
    let codes: Vec<&str> =
        result["findings"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"UNIT_INCOMPLETE"), "{result}");
    assert_eq!(house.submissions().await.len(), 1);
    house.close().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_beside_what_is_refused() {
    let mut house = House::open().await;
    house.exchange.look().await;
    let mut files = sample("slip");
    let plan = files.iter_mut().find(|(name, _)| name.starts_with("UPPLAN")).unwrap();
    let spoilt: Vec<u8> = [b"999999".as_slice(), &plan.1[6..]].concat();
    plan.1 = spoilt;
    let foreign: Vec<_> =
        sample("results").into_iter().map(|(name, bytes)| (name.replace(OWN, "9970000031"), bytes)).collect();
    house.put(&files);
    house.put(&foreign);
    house.put(&[("letter.docx".to_owned(), b"PK".to_vec())]);
    house.settle().await;
    for (name, code) in
        [(files[1].0.as_str(), None), (&foreign[0].0, Some("FROM_FACILITY")), ("letter.docx", Some("NAME_INVALID"))]
    {
        let result = house.result("refused", name).unwrap_or_else(|| panic!("{name}: {:?}", house.names("refused")));
        let findings = result["findings"].as_array().unwrap();
        let told = |code: &str| findings.iter().any(|one| one["code"] == code);
        assert!(!findings.is_empty() && code.is_none_or(told), "{name}: {result}");
        assert_eq!(result["status"], "refused");
        let text = String::from_utf8(house.read("refused", &format!("{name}.txt")).unwrap()).unwrap();
        assert!(!text.contains(PERSON) && !result.to_string().contains(PERSON), "{text}");
    }
    assert_eq!((house.submissions().await.len(), house.names("out").len(), house.names(".work").len()), (0, 0, 0));
    house.close().await;
}

#[tokio::test]
async fn a_zip_is_one_hand_in() {
    let mut house = House::open().await;
    house.exchange.look().await;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in slip(STAMP).into_iter().chain(slip("20260425101502")) {
        writer.start_file(format!("月/{name}"), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    let archive = writer.finish().unwrap().into_inner();
    house.put(&[("月.zip".to_owned(), archive), ("broken.ZIP".to_owned(), b"no".to_vec())]);
    house.settle().await;
    let result = house.result("sent", "月.zip").unwrap();
    assert_eq!(result["deliveries"].as_array().unwrap().len(), 2, "{result}");
    assert_eq!(house.result("refused", "broken.ZIP").unwrap()["findings"][0]["code"], "ZIP_UNREADABLE");
    assert_eq!(house.submissions().await.len(), 2);
    house.close().await;
}

#[tokio::test]
async fn a_folder_that_vanishes_is_looked_for_until_it_is_back() {
    let mut house = House::open().await;
    house.exchange.look().await;
    let health = house.exchange.health();
    assert_eq!(health.borrow().reason, None);
    let aside = house.base.parent().unwrap().with_file_name("aside");
    fs::rename(house.base.parent().unwrap(), &aside).unwrap();
    house.exchange.look().await;
    assert_eq!(health.borrow().reason, Some(engawa::fault::Code::ExchangeFolder));
    fs::rename(&aside, house.base.parent().unwrap()).unwrap();
    // A folder that somebody removed is made again.
    fs::remove_dir(house.base.join("in")).unwrap();
    house.exchange.look().await;
    assert_eq!(health.borrow().reason, None);
    house.put(&sample("slip"));
    house.settle().await;
    assert_eq!((house.names("out").len(), house.submissions().await.len()), (0, 1));
    house.close().await;
}

#[tokio::test]
async fn without_room_everything_stays_and_goes_on_later() {
    use std::sync::atomic::Ordering;
    let mut house = House::open().await;
    house.exchange.look().await;
    house.room.free.store(0, Ordering::Relaxed);
    house.put(&sample("slip"));
    house.settle().await;
    assert_eq!((house.names(".work").len(), house.submissions().await.len()), (3, 0));
    assert!(house.status().contains("STORAGE_FULL"), "{}", house.status());
    house.room.free.store(u64::MAX, Ordering::Relaxed);
    house.exchange.look().await;
    assert_eq!((house.names(".work").len(), house.submissions().await.len()), (0, 1));
    assert!(!house.status().contains("STORAGE_FULL"), "{}", house.status());
    house.close().await;
}

#[tokio::test]
async fn what_others_lay_into_the_boxs_own_folders_leads_nowhere() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut house = House::open().await;
    house.exchange.look().await;
    for own in [".work", ".arriving"] {
        let mode = fs::metadata(house.base.join(own)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{own}");
    }
    // As on a share that has no modes.
    let (elsewhere, files) = (house.base.join("elsewhere"), sample("slip"));
    fs::create_dir(&elsewhere).unwrap();
    let claim = house.base.join(".work").join(uuid::Uuid::new_v4().to_string());
    fs::create_dir(&claim).unwrap();
    for (name, bytes) in &files {
        fs::write(claim.join(name), bytes).unwrap();
    }
    let moved: Vec<_> = files.iter().map(|(name, _)| serde_json::json!({ "name": name, "as": name })).collect();
    let verdict = serde_json::json!({ "batch": null, "folder": elsewhere, "files": moved, "remarks": [] });
    fs::write(claim.join(".verdict.json"), verdict.to_string()).unwrap();
    house.settle().await;
    house.settle().await;
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    // They are judged as what they are.
    assert_eq!(house.read("sent", &files[0].0).as_ref(), Some(&files[0].1));
    house.close().await;
}
