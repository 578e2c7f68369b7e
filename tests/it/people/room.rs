//! The room on a real store, with a clock that the test moves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use engawa::card::scripted::Scripted;
use engawa::card::{self, Cards, Opened, Purpose, Terminal, Wish};
use engawa::clock::Clock;
use engawa::credential::KeyFile;
use engawa::gateway::until_look_at_staff;
use engawa::model::hub_user::{HubUser, StaffLogin};
use engawa::people::{Change, HubLogin, IDLE, LONGEST, Name, NewAccount, People, PeopleError, Role, User};
use engawa::store::{SetHubUser, Store, StoreTask};
use jiff::civil::{Date, date};
use tokio::sync::watch;
use zeroize::Zeroizing;

const OFFICE: &str = "1370000018";
const OTHER: &str = "1370000026";
const GOOD: &str = "tulip bridge oven";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

struct Room {
    people: People,
    clock: Clock,
    told: Arc<Mutex<Vec<String>>>,
    store: Store,
    task: StoreTask,
    directory: tempfile::TempDir,
}

impl Room {
    async fn open() -> Self {
        // Nine in the morning in Japan.
        Self::at("2026-11-22T00:00:00Z").await
    }

    async fn at(time: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(time.parse().unwrap());
        let (store, task) = Store::open(directory.path(), clock.clone(), Arc::new(|_, _| {})).await.unwrap();
        let names = Arc::new(KeyFile::new(directory.path().join("master.key"), false, None).create().unwrap());
        let told = Arc::new(Mutex::new(Vec::new()));
        let hear = Arc::clone(&told);
        let hear = Arc::new(move |ids: &[String]| hear.lock().unwrap().extend_from_slice(ids));
        let people = People::new(store.clone(), names, clock.clone(), hear);
        Self { people, clock, told, store, task, directory }
    }

    async fn add(&self, user: &str, role: Role, leaves_on: Option<Date>) -> Zeroizing<String> {
        self.add_at(OFFICE, user, role, leaves_on).await
    }

    async fn add_at(&self, facility: &str, user: &str, role: Role, leaves_on: Option<Date>) -> Zeroizing<String> {
        let name = Name::parse("霧凪黎暁 宵朧朔晦").unwrap();
        let new = NewAccount { user: User::parse(user).unwrap(), name, role, leaves_on, hub_user: None };
        self.people.add(facility, new).await.unwrap().1
    }

    /// Somebody with a password of their own, logged in at `terminal`; the cookie.
    async fn settled(&self, user: &str, terminal: &str) -> String {
        let one_time = self.add(user, Role::Clerk, None).await;
        self.people.log_in(OFFICE, terminal, user, one_time.clone()).await.unwrap();
        let change = self.people.change_password(OFFICE, terminal, user, (one_time, text(GOOD))).await.unwrap();
        change.0.reveal().to_owned()
    }

    async fn log_in(&self, terminal: &str, user: &str, password: &str) -> Result<String, PeopleError> {
        let entered = self.people.log_in(OFFICE, terminal, user, text(password)).await;
        entered.map(|(session, _)| session.reveal().to_owned())
    }

    async fn is_in(&self, terminal: &str, cookie: &str) -> bool {
        self.people.person(OFFICE, terminal, cookie).await.unwrap().is_some()
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    async fn close(self) -> tempfile::TempDir {
        drop((self.people, self.store));
        self.task.finished().await;
        self.directory
    }
}

fn text(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

#[tokio::test]
async fn a_one_time_password_lets_in_for_a_week_and_has_to_be_changed() {
    let room = Room::open().await;
    let one_time = room.add("sato", Role::Clerk, None).await;
    let (session, known) = room.people.log_in(OFFICE, "desk", "sato", one_time.clone()).await.unwrap();
    assert!(known.one_time && known.role == Role::Clerk);
    let seen = room.people.person(OFFICE, "desk", session.reveal()).await.unwrap().unwrap();
    assert_eq!(seen, known);
    let change = |new: &str| (one_time.clone(), text(new));
    let weak = room.people.change_password(OFFICE, "desk", "sato", change("sato-12345678")).await;
    assert!(matches!(weak, Err(PeopleError::Weak(_))), "{weak:?}");
    let (session, known) = room.people.change_password(OFFICE, "desk", "sato", change(GOOD)).await.unwrap();
    assert!(!known.one_time && room.is_in("desk", session.reveal()).await);
    assert!(matches!(room.log_in("desk", "sato", &one_time).await, Err(PeopleError::Refused)));
    room.log_in("desk", "sato", GOOD).await.unwrap();
    // One that lies about for a week opens nothing.
    let late = room.add("suzuki", Role::Clerk, None).await;
    room.clock.advance(DAY * 7);
    assert!(matches!(room.log_in("desk", "suzuki", &late).await, Err(PeopleError::Refused)));
    let (_, fresh) = room.people.reset_password(OFFICE, "suzuki").await.unwrap();
    room.log_in("desk", "suzuki", &fresh).await.unwrap();
}

#[tokio::test]
async fn a_cookie_is_worth_nothing_at_another_terminal_or_after_its_time() {
    let room = Room::open().await;
    let cookie = room.settled("sato", "desk").await;
    assert!(room.is_in("desk", &cookie).await);
    assert!(!room.is_in("ward", &cookie).await);
    assert!(room.people.person(OTHER, "desk", &cookie).await.unwrap().is_none());
    for wrong in ["", "0", &"0".repeat(64), &cookie.to_uppercase()] {
        assert!(!room.is_in("desk", wrong).await || wrong == cookie, "{wrong}");
    }
    // Without a request for half an hour it is over.
    room.clock.advance(IDLE);
    assert!(!room.is_in("desk", &cookie).await);
    // With one now and then it lasts twelve hours, and not longer.
    let cookie = room.log_in("desk", "sato", GOOD).await.unwrap();
    let mut lasted = Duration::ZERO;
    while lasted + MINUTE * 25 < LONGEST {
        room.clock.advance(MINUTE * 25);
        lasted += MINUTE * 25;
        assert!(room.is_in("desk", &cookie).await, "after {lasted:?}");
        // The use is noted beside the request.
        let noted = async {
            while room.store.session_at("desk").await.unwrap().unwrap().used_at != room.clock.now().as_millisecond() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), noted).await.expect("the use is not noted");
    }
    room.clock.advance(LONGEST - lasted);
    assert!(!room.is_in("desk", &cookie).await);
}

#[tokio::test]
async fn a_terminal_has_one_session_and_logging_out_ends_it() {
    let room = Room::open().await;
    let first = room.settled("sato", "desk").await;
    let elsewhere = room.log_in("ward", "sato", GOOD).await.unwrap();
    let second = room.settled("suzuki", "desk").await;
    assert!(!room.is_in("desk", &first).await && room.is_in("desk", &second).await);
    assert!(!room.people.stands(OFFICE, "desk", "sato").await.unwrap());
    assert!(room.people.stands(OFFICE, "desk", "suzuki").await.unwrap());
    room.told();
    room.people.log_out("desk").await.unwrap();
    assert_eq!(room.told(), ["desk"]);
    assert!(!room.is_in("desk", &second).await && room.is_in("ward", &elsewhere).await);
}

#[tokio::test]
async fn whoever_is_suspended_or_given_another_role_or_password_is_out_at_once() {
    let room = Room::open().await;
    let cookie = room.settled("sato", "desk").await;
    room.told();
    let suspended = |suspended| Change { suspended: Some(suspended), ..Change::default() };
    // A name is no reason.
    let named = Change { name: Name::parse("佐藤"), ..Change::default() };
    room.people.change(OFFICE, "sato", named).await.unwrap();
    assert!(room.is_in("desk", &cookie).await && room.told().is_empty());
    assert!(!room.people.change(OFFICE, "sato", suspended(true)).await.unwrap().active);
    assert_eq!(room.told(), ["desk"]);
    assert!(!room.is_in("desk", &cookie).await);
    assert!(room.people.role(OFFICE, "sato").await.unwrap().is_none());
    assert!(matches!(room.log_in("desk", "sato", GOOD).await, Err(PeopleError::Refused)));
    room.people.change(OFFICE, "sato", suspended(false)).await.unwrap();
    let cookie = room.log_in("desk", "sato", GOOD).await.unwrap();
    let role = Change { role: Some(Role::Vendor), ..Change::default() };
    room.people.change(OFFICE, "sato", role).await.unwrap();
    assert!(!room.is_in("desk", &cookie).await);
    let here = room.log_in("desk", "sato", GOOD).await.unwrap();
    let there = room.log_in("ward", "sato", GOOD).await.unwrap();
    let change = (text(GOOD), text("oven bridge tulip"));
    let (kept, _) = room.people.change_password(OFFICE, "desk", "sato", change).await.unwrap();
    assert!(!room.is_in("desk", &here).await && !room.is_in("ward", &there).await);
    assert!(room.is_in("desk", kept.reveal()).await);
    room.people.reset_password(OFFICE, "sato").await.unwrap();
    assert!(!room.is_in("desk", kept.reveal()).await);
}

#[tokio::test]
async fn a_last_day_ends_at_midnight_in_japan() {
    let room = Room::open().await;
    let cookie = room.settled("sato", "desk").await;
    let last = Change { leaves_on: Some(Some(date(2026, 11, 22))), ..Change::default() };
    assert!(room.people.change(OFFICE, "sato", last.clone()).await.unwrap().active);
    let day = room.people.turn_of_day(None).await.unwrap();
    assert_eq!(day, Some(date(2026, 11, 22)));
    assert!(room.is_in("desk", &cookie).await);
    // 23:59:59 in Japan.
    room.clock.advance(Duration::from_secs(15 * 3_600 - 1));
    let cookie = room.log_in("desk", "sato", GOOD).await.unwrap();
    assert!(room.is_in("desk", &cookie).await && room.people.role(OFFICE, "sato").await.unwrap().is_some());
    assert_eq!(room.people.turn_of_day(day).await.unwrap(), day);
    room.told();
    room.clock.advance(Duration::from_secs(1));
    assert!(!room.is_in("desk", &cookie).await);
    assert!(!room.people.stands(OFFICE, "desk", "sato").await.unwrap());
    assert!(room.people.role(OFFICE, "sato").await.unwrap().is_none());
    assert!(matches!(room.log_in("desk", "sato", GOOD).await, Err(PeopleError::Refused)));
    let next = room.people.turn_of_day(day).await.unwrap();
    assert_eq!((next, room.told()), (Some(date(2026, 11, 23)), vec!["desk".to_owned()]));
    assert_eq!(room.people.turn_of_day(next).await.unwrap(), next);
    assert!(room.told().is_empty());
    // A day that is over already shuts at once; taking it away opens again.
    let gone = Change { leaves_on: Some(None), ..Change::default() };
    assert!(room.people.change(OFFICE, "sato", gone).await.unwrap().active);
    let cookie = room.log_in("desk", "sato", GOOD).await.unwrap();
    assert!(!room.people.change(OFFICE, "sato", last).await.unwrap().active);
    assert!(!room.is_in("desk", &cookie).await);
}

#[tokio::test]
async fn nobody_comes_back_by_stopping_the_clock() {
    let room = Room::at("2026-12-01T00:00:00Z").await;
    let left = room.add("sato", Role::Clerk, Some(date(2026, 11, 30))).await;
    let stays = room.add("suzuki", Role::Clerk, Some(date(2027, 3, 31))).await;
    room.people.turn_of_day(None).await.unwrap();
    let directory = room.close().await;
    let clock = Clock::manual("1970-01-01T00:00:00Z".parse().unwrap());
    let (store, task) = Store::open(directory.path(), clock.clone(), Arc::new(|_, _| {})).await.unwrap();
    let names = Arc::new(KeyFile::new(directory.path().join("master.key"), false, None).read().unwrap());
    let people = People::new(store.clone(), names, clock, Arc::new(|_| ()));
    assert!(people.log_in(OFFICE, "desk", "sato", left).await.is_err());
    assert!(people.log_in(OFFICE, "desk", "suzuki", stays).await.is_ok());
    drop((people, store));
    task.finished().await;
}

#[tokio::test]
async fn wrong_passwords_close_one_terminal_and_tell_nobody_who_exists() {
    let room = Room::open().await;
    room.settled("sato", "desk").await;
    // Known, unknown and impossible users get the same answers in the same order.
    for user in ["sato", "nobody", "No Body!", ""] {
        for _ in 0..5 {
            assert!(
                matches!(room.log_in("thief", user, "wrong wrong wrong").await, Err(PeopleError::Refused)),
                "{user}"
            );
        }
        let refused = room.log_in("thief", user, GOOD).await;
        assert!(user.is_empty() || matches!(refused, Err(PeopleError::Locked { .. })), "{user}: {refused:?}");
        room.clock.advance(MINUTE * 6);
    }
    // The right password does not help where it is closed, and is all that is needed elsewhere.
    for _ in 0..5 {
        let _ = room.log_in("thief", "sato", "wrong wrong wrong").await;
    }
    let Err(PeopleError::Locked { wait }) = room.log_in("thief", "sato", GOOD).await else { panic!("it is open") };
    assert_eq!(wait, MINUTE * 10);
    room.log_in("desk", "sato", GOOD).await.unwrap();
    room.clock.advance(wait);
    room.log_in("thief", "sato", GOOD).await.unwrap();
}

#[tokio::test]
async fn an_account_that_is_not_there_costs_as_much_as_one_that_is() {
    let room = Room::open().await;
    room.add("sato", Role::Clerk, None).await;
    let clock = Clock::system();
    let mut costs = [Vec::new(), Vec::new()];
    for n in 0..8 {
        for (which, user) in ["sato", "nobody"].into_iter().enumerate() {
            let start = clock.elapsed();
            let refused = room.log_in(&format!("t{n}"), user, "wrong wrong wrong").await;
            assert!(matches!(refused, Err(PeopleError::Refused)));
            costs[which].push(clock.elapsed() - start);
        }
    }
    let [known, unknown] = costs.map(|mut costs| {
        costs.sort();
        costs[0]
    });
    assert!(known < unknown * 2 && unknown < known * 2, "{known:?} {unknown:?}");
    println!("a try costs {known:?}, one at an unknown user {unknown:?}");
}

#[tokio::test]
async fn more_log_ins_than_the_box_can_look_at_are_turned_away_and_not_counted() {
    let room = Room::open().await;
    let password = room.add("sato", Role::Clerk, None).await;
    let tries = (0..40)
        .map(|n| room.people.log_in(OFFICE, Box::leak(format!("t{n}").into_boxed_str()), "sato", password.clone()));
    let answers = futures_util::future::join_all(tries).await;
    let busy = answers.iter().filter(|answer| matches!(answer, Err(PeopleError::Busy))).count();
    let entered = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((entered, busy), (18, 22));
    room.log_in("t39", "sato", &password).await.unwrap();
}

#[tokio::test]
async fn facilities_do_not_see_each_other_and_one_user_may_be_in_both() {
    let room = Room::open().await;
    let here = room.add("sato", Role::Administrator, None).await;
    let there = room.add_at(OTHER, "sato", Role::Vendor, None).await;
    room.add_at(OTHER, "tanaka", Role::Clerk, None).await;
    let users =
        |accounts: Vec<engawa::people::Account>| accounts.into_iter().map(|account| account.user).collect::<Vec<_>>();
    assert_eq!(users(room.people.accounts(OFFICE).await.unwrap()), ["sato"]);
    assert_eq!(users(room.people.accounts(OTHER).await.unwrap()), ["sato", "tanaka"]);
    assert!(
        room.people.has_administrator(OFFICE).await.unwrap() && !room.people.has_administrator(OTHER).await.unwrap()
    );
    assert!(matches!(room.people.account(OFFICE, "tanaka").await, Err(PeopleError::Absent)));
    assert!(matches!(room.people.change(OFFICE, "tanaka", Change::default()).await, Err(PeopleError::Absent)));
    assert!(matches!(room.people.reset_password(OFFICE, "tanaka").await, Err(PeopleError::Absent)));
    assert!(room.log_in("desk", "sato", &there).await.is_err());
    let (_, known) = room.people.log_in(OFFICE, "desk", "sato", here).await.unwrap();
    assert_eq!(known.role, Role::Administrator);
    let (_, known) = room.people.log_in(OTHER, "there", "sato", there).await.unwrap();
    assert_eq!(known.role, Role::Vendor);
    // A new password there opens nothing here.
    for _ in 0..engawa::people::lockout::TRIES {
        assert!(room.log_in("desk", "sato", "wrong wrong wrong").await.is_err());
    }
    room.people.reset_password(OTHER, "sato").await.unwrap();
    assert!(matches!(room.log_in("desk", "sato", GOOD).await, Err(PeopleError::Locked { .. })));
    let name = Name::parse("佐藤").unwrap();
    let again =
        NewAccount { user: User::parse("sato").unwrap(), name, role: Role::Clerk, leaves_on: None, hub_user: None };
    assert!(matches!(room.people.add(OFFICE, again).await, Err(PeopleError::Taken)));
}

#[tokio::test]
async fn names_and_passwords_stand_nowhere_in_clear() {
    let room = Room::open().await;
    let one_time = room.add("sato", Role::Clerk, None).await;
    let cookie = room.settled("suzuki", "desk").await;
    let accounts = room.people.accounts(OFFICE).await.unwrap();
    assert_eq!(accounts[0].name.reveal(), "霧凪黎暁 宵朧朔晦");
    let shown = format!("{accounts:?}");
    let directory = room.close().await;
    let needles = ["霧凪黎暁", "宵朧朔晦", GOOD, &one_time, &cookie];
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for needle in needles {
            assert!(!bytes.windows(needle.len()).any(|part| part == needle.as_bytes()), "{needle}");
        }
    }
    assert!(needles.iter().all(|needle| !shown.contains(needle)), "{shown}");
}

const HUB_PASSWORD: &str = "fictitious-password-of-the-hub";

impl Room {
    async fn choose(&self, mode: StaffLogin) {
        self.people.choose_staff_login(OFFICE, mode, HubUser::parse("office")).await.unwrap();
    }

    async fn give(&self, user: &str, terminal: &str, hub_user: &str) -> Result<(), PeopleError> {
        let hub_user = HubUser::parse(hub_user).unwrap();
        self.people.give_hub_password((OFFICE, terminal, user), hub_user, text(HUB_PASSWORD)).await
    }

    /// Whether there is a password for that user id, and that it is the right one.
    async fn has(&self, hub_user: &str) -> bool {
        let user = if hub_user == "A2" { "suzuki" } else { "sato" };
        match self.people.hub_login(OFFICE, user, &HubUser::parse(hub_user).unwrap()).await.unwrap() {
            HubLogin::Person(password) => {
                assert_eq!(password.text().unwrap(), HUB_PASSWORD);
                true
            }
            HubLogin::Missing | HubLogin::Anothers => false,
            HubLogin::Facility => panic!("as the facility"),
        }
    }
}

#[tokio::test]
async fn an_asked_password_lives_as_long_as_its_session() {
    let room = Room::open().await;
    room.choose(StaffLogin::Asked).await;
    room.settled("sato", "desk").await;
    room.give("sato", "desk", "A1").await.unwrap();
    assert!(room.has("A1").await && !room.has("A2").await);
    let row = room.store.staff(OFFICE, "sato").await.unwrap().unwrap();
    assert_eq!((row.hub_user.as_deref(), row.hub_password), (Some("A1"), None));
    // Another log-in at the terminal, or half an hour without a request, and it is gone.
    room.clock.advance(IDLE);
    assert!(!room.has("A1").await);
    room.people.forget_what_was_asked().await.unwrap();
    room.people.log_in(OFFICE, "desk", "sato", text(GOOD)).await.unwrap();
    assert!(!room.has("A1").await, "what was wiped does not come back with another session");
    room.give("sato", "desk", "A1").await.unwrap();
    room.people.log_out("desk").await.unwrap();
    room.people.log_in(OFFICE, "desk", "sato", text(GOOD)).await.unwrap();
    assert!(!room.has("A1").await);
    room.give("sato", "desk", "A1").await.unwrap();
    room.choose(StaffLogin::Kept).await;
    assert!(!room.has("A1").await, "it was not given to be kept");
    room.close().await;
}

#[tokio::test]
async fn somebody_looks_more_often_while_a_card_or_a_password_is_in_hands() {
    let room = Room::open().await;
    let (driver, (stop, stopped)) = (Scripted::default(), watch::channel(false));
    driver.readers(&["a"]);
    let (cards, tasks) = Cards::start(card::Config::default(), Arc::new(driver), Clock::system(), stopped);
    let there = async {
        while cards.readers().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), there).await.expect("no reader comes");
    let look = || until_look_at_staff(&room.people, &cards, &room.clock).as_secs();
    assert_eq!(look(), 10);
    let desk = Terminal("desk".to_owned());
    let Opened::Granted(session) = cards.open(&desk, &Wish::Any, Purpose::Identify, Duration::ZERO).unwrap() else {
        panic!("the reader is not free")
    };
    assert_eq!(look(), 2);
    cards.session(&desk, session.id).unwrap().close().unwrap();
    let free = async {
        while !cards.at_rest() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), free).await.expect("the reader is kept");
    assert_eq!(look(), 10);
    room.choose(StaffLogin::Asked).await;
    room.settled("sato", "desk").await;
    assert_eq!(look(), 10, "nobody was asked yet");
    room.give("sato", "desk", "A1").await.unwrap();
    assert_eq!(look(), 2);
    room.clock.advance(Duration::from_millis(500));
    assert_eq!(until_look_at_staff(&room.people, &cards, &room.clock), Duration::from_millis(1_500), "on the beat");
    room.people.log_out("desk").await.unwrap();
    assert_eq!(look(), 9);
    // Nobody waits for the beat beyond midnight in Japan.
    room.clock.set("2026-11-22T14:59:59Z".parse().unwrap());
    assert_eq!(look(), 1);
    stop.send_replace(true);
    tasks.finished().await;
    room.close().await;
}

#[tokio::test]
async fn a_kept_password_is_sealed_for_one_account_and_user_id_and_goes_with_the_person() {
    let room = Room::open().await;
    room.choose(StaffLogin::Kept).await;
    room.settled("sato", "desk").await;
    room.settled("suzuki", "ward").await;
    room.give("sato", "desk", "A1").await.unwrap();
    assert!(matches!(room.give("suzuki", "ward", "A1").await, Err(PeopleError::HubUserTaken)));
    assert!(matches!(room.give("suzuki", "ward", "office").await, Err(PeopleError::HubUserTaken)));
    room.give("suzuki", "ward", "A2").await.unwrap();
    room.people.log_out("desk").await.unwrap();
    assert!(room.has("A1").await && room.has("A2").await);
    // Whoever can write into the database cannot put one person's password under another's user id.
    let sealed = room.store.staff(OFFICE, "suzuki").await.unwrap().unwrap().hub_password;
    let swap = SetHubUser {
        facility: OFFICE.to_owned(),
        user: "sato".to_owned(),
        hub_user: Some("A1".to_owned()),
        hub_password: sealed,
    };
    room.store.write(swap).await.unwrap();
    let wrong = room.people.hub_login(OFFICE, "sato", &HubUser::parse("A1").unwrap()).await;
    assert!(matches!(wrong, Err(PeopleError::Seal(_))));
    room.give("sato", "desk", "A1").await.unwrap();
    // Another role, suspension, another user id and the last day take it away.
    let kept = async || room.store.staff(OFFICE, "sato").await.unwrap().unwrap().hub_password.is_some();
    let changes = [
        Change { role: Some(Role::Doctor), ..Change::default() },
        Change { suspended: Some(true), ..Change::default() },
        Change { hub_user: Some(HubUser::parse("A3")), ..Change::default() },
    ];
    for change in changes {
        room.give("sato", "desk", "A1").await.unwrap();
        assert!(kept().await);
        room.people.change(OFFICE, "sato", change).await.unwrap();
        assert!(!kept().await && !room.has("A1").await);
        room.people.change(OFFICE, "sato", Change { suspended: Some(false), ..Change::default() }).await.unwrap();
    }
    room.give("sato", "desk", "A1").await.unwrap();
    let last = Change { leaves_on: Some(Some(date(2026, 11, 22))), ..Change::default() };
    room.people.change(OFFICE, "sato", last).await.unwrap();
    assert!(room.has("A1").await, "the last day is a day");
    let seen = room.people.turn_of_day(None).await.unwrap();
    room.clock.advance(DAY);
    assert!(!room.has("A1").await);
    room.people.turn_of_day(seen).await.unwrap();
    assert!(!kept().await);
    // The hub's last word before midnight was of a whole second: the day has surely come a moment after it has.
    let later = Change { leaves_on: Some(Some(date(2026, 11, 23))), suspended: Some(false), ..Change::default() };
    room.people.change(OFFICE, "sato", later).await.unwrap();
    room.give("sato", "desk", "A1").await.unwrap();
    let seen = room.people.turn_of_day(None).await.unwrap();
    room.clock.advance(DAY);
    room.clock.witness("2026-11-23T14:59:59.5Z".parse().unwrap());
    let seen = room.people.turn_of_day(seen).await.unwrap();
    assert!(kept().await, "the day has not surely come");
    room.clock.advance(Duration::from_secs(10));
    room.people.turn_of_day(seen).await.unwrap();
    assert!(!kept().await);
    room.choose(StaffLogin::Asked).await;
    assert!(room.store.staff(OFFICE, "suzuki").await.unwrap().unwrap().hub_password.is_none());
    room.close().await;
}
