//! What is taken from the folder `out`, and when: names and facts only, time passed in.

use std::time::Duration;

use engawa::exchange::scan::{Entry, Facts, Hold, Look, Scan, Wait, What};
use engawa::exchange::{Plan, plan};
use engawa::inbox::About;
use engawa::store::UnplacedRow;

const SETTLE: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);
const PARTIES: &str = "9970000015_43_9970000023_11_20260425101500";

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn entry(name: &str, size: u64) -> Entry {
    // A date in the far future, as of a machine whose clock is wrong.
    Entry { name: name.to_owned(), facts: Facts { size, modified: (9_999_999_999, 0), inode: 7 } }
}

fn entries(names: &[&str]) -> Vec<Entry> {
    names.iter().map(|name| entry(name, 10)).collect()
}

fn taken(look: &Look) -> Vec<Vec<&str>> {
    look.take.iter().map(|take| take.files.iter().map(|file| file.name.as_str()).collect()).collect()
}

struct Folder(Scan);

impl Folder {
    fn new() -> Self {
        Self(Scan::new(SETTLE, PATIENCE))
    }

    fn look(&mut self, names: &[&str], at: u64) -> Look {
        self.0.look(entries(names), seconds(at), |_| Hold::Free)
    }
}

fn slip() -> [String; 3] {
    ["UPHOSOKU", "UPPLAN", "UPSIKYU"].map(|kind| format!("{kind}_202605_{PARTIES}.CSV"))
}

#[test]
fn a_unit_is_taken_once_all_of_it_is_whole() {
    let slip = slip();
    let [one, two, three] = slip.each_ref().map(String::as_str);
    let mut folder = Folder::new();
    assert_eq!(folder.look(&[one, two], 0).next, Some(SETTLE));
    let look = folder.look(&[one, two], 3);
    assert_eq!((taken(&look).len(), look.wait.len(), look.wait[0].1), (0, 2, Wait::Members));
    assert_eq!(taken(&folder.look(&[one, two, three], 10)).len(), 0);
    assert_eq!(taken(&folder.look(&[one, two, three], 13)), [vec![one, two, three]]);
}

#[test]
fn a_unit_that_stays_incomplete_is_taken_after_all() {
    let slip = slip();
    let names = [slip[0].as_str(), slip[1].as_str()];
    let mut folder = Folder::new();
    folder.look(&names, 0);
    let look = folder.look(&names, 59);
    assert_eq!((taken(&look).len(), look.next), (0, Some(seconds(1))));
    assert_eq!(taken(&folder.look(&names, 60)), [names.to_vec()]);
}

#[test]
fn a_unit_that_could_be_larger_is_waited_for_a_little() {
    let base = format!("UPKIHON_{PARTIES}.CSV");
    let mut folder = Folder::new();
    folder.look(&[&base], 0);
    assert_eq!(taken(&folder.look(&[&base], 3)).len(), 0);
    assert_eq!(taken(&folder.look(&[&base], 9)), [vec![base.as_str()]]);
}

#[test]
fn a_delete_does_not_overtake_what_is_waited_for_a_little() {
    let base = format!("UPKIHON_{PARTIES}.CSV");
    let delete = format!("DLTKIHON_{PARTIES}.CSV").replace("101500", "101501");
    let elsewhere = delete.replace("9970000023", "9970000031");
    let names = [base.as_str(), &delete, &elsewhere];
    let mut folder = Folder::new();
    folder.look(&names, 0);
    assert_eq!(taken(&folder.look(&names, 3)).concat(), [&elsewhere]);
    assert_eq!(taken(&folder.look(&names[..2], 9)).concat(), [&base, &delete]);
}

#[test]
fn a_change_of_size_date_or_file_starts_the_time_anew() {
    let name = format!("UPJSK_202605_{PARTIES}.CSV");
    let facts = entry(&name, 10).facts;
    let changes = [Facts { size: 11, ..facts }, Facts { modified: (0, 0), ..facts }, Facts { inode: 8, ..facts }];
    let mut scan = Scan::new(SETTLE, PATIENCE);
    let mut look = |facts, at| {
        let look = scan.look(vec![Entry { name: name.clone(), facts }], seconds(at), |_| Hold::Free);
        look.take.len()
    };
    look(facts, 0);
    for (at, changed) in (1..).zip(changes) {
        assert_eq!(look(changed, at * 3), 0);
    }
    assert_eq!(look(changes[2], 12), 1);
}

#[test]
fn what_is_locked_waits_and_settles_again() {
    let name = format!("UPJSK_202605_{PARTIES}.CSV");
    let mut scan = Scan::new(SETTLE, PATIENCE);
    let mut look = |at, hold| scan.look(entries(&[&name]), seconds(at), |_| hold);
    look(0, Hold::Free);
    assert_eq!(look(5, Hold::Locked).wait, [(name.clone(), Wait::Locked)]);
    assert_eq!(look(6, Hold::Free).wait, [(name.clone(), Wait::Settling)]);
    assert_eq!(look(8, Hold::Unreadable).wait, [(name.clone(), Wait::Unreadable)]);
    assert_eq!(look(9, Hold::Free).take.len(), 1);
}

#[test]
fn what_goes_first_is_what_must_be_sent_first() {
    let earlier = format!("DLTJSK_202605_{PARTIES}.CSV");
    let same = format!("UPJSK_202605_{PARTIES}.CSV");
    let later = earlier.replace("20260425101500", "20260425101501");
    let marker = "UPPLAN_x.CSV.PAPER";
    let names = [later.as_str(), "a.zip", marker, &earlier, "b.txt", &same];
    let mut folder = Folder::new();
    folder.look(&names, 0);
    let look = folder.look(&names, 3);
    assert_eq!(taken(&look).concat(), [&same, &earlier, &later, "a.zip", "b.txt", marker]);
    let what: Vec<&What> = look.take[3..].iter().map(|take| &take.what).collect();
    assert_eq!(what, [&What::Archive, &What::Stray, &What::Paper("UPPLAN_x.CSV".to_owned())]);
}

#[test]
fn the_word_for_paper_waits_while_its_file_lies_there() {
    let name = format!("UPJSK_202605_{PARTIES}.CSV");
    let marker = format!("{}.paper", name.to_lowercase());
    let mut folder = Folder::new();
    folder.look(&[&name, &marker], 0);
    assert_eq!(taken(&folder.look(&[&name, &marker], 3)), [vec![name.as_str()]]);
    assert_eq!(taken(&folder.look(&[&marker], 4)), [vec![marker.as_str()]]);
}

#[test]
fn names_that_are_none_of_our_business_are_left_alone() {
    let names =
        ["a.CSV.tmp", "b.PART", "c.crdownload", ".d.CSV", "~e.CSV", "desktop.ini", "f.CSV.txt", "f.CSV.result.json"];
    let mut folder = Folder::new();
    folder.look(&names, 0);
    assert_eq!(folder.look(&names, 100), Look::default());
}

fn row(seq: i64, from: &str, state: &str, reason: Option<&str>, stamp: Option<&str>) -> UnplacedRow {
    let about = stamp.map(|stamp| About {
        unit: "S1".to_owned(),
        stamp: stamp.to_owned(),
        month: None,
        from_service_kind: "11".to_owned(),
        to_service_kind: "43".to_owned(),
        delete: false,
        files: vec![format!("UPJSK_202605_9970000023_11_9970000015_43_{stamp}.CSV")],
        replaced: 0,
    });
    UnplacedRow {
        seq,
        id: u128::try_from(seq).unwrap().to_be_bytes().to_vec(),
        from_facility: from.to_owned(),
        state: state.to_owned(),
        reason: reason.map(str::to_owned),
        about: about.map(|about| serde_json::to_string(&about).unwrap()),
    }
}

fn order(plan: &Plan) -> Vec<u128> {
    plan.place.iter().map(|arrived| arrived.id.as_u128()).collect()
}

#[test]
fn each_office_in_the_order_of_stamps_and_none_before_what_is_still_to_come() {
    let rows = [
        row(1, "A", "kept", None, Some("20260601000002")),
        row(2, "A", "kept", None, Some("20260601000001")),
        row(3, "A", "announced", Some("HUB_UNREACHABLE"), None),
        row(4, "A", "kept", None, Some("20260601000000")),
        row(5, "B", "announced", Some("HUB_ARRIVAL_GONE"), None),
        row(6, "B", "gone", Some("HUB_ARRIVAL_GONE"), None),
        row(7, "B", "kept", Some("CAREPLAN_UNREADABLE"), None),
        row(8, "B", "kept", None, Some("20260601000009")),
    ];
    let plan = plan(&rows);
    assert_eq!((order(&plan), plan.unreadable), (vec![2, 1, 8], 3));
}

#[test]
fn a_name_that_is_none_of_the_standard_leads_nowhere() {
    let mut row = row(1, "A", "kept", None, Some("20260601000000"));
    row.about = row.about.map(|about| about.replace("UPJSK_", "../UPJSK_"));
    assert_eq!((order(&plan(&[row.clone()])), plan(&[row]).unreadable), (vec![], 1));
}
