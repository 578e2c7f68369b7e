//! Settings: the default file, every kind of mistake, and which file wins.

use std::path::{Path, PathBuf};
use std::time::Duration;

use engawa::config::{self, Config, ConfigProblem, Loaded, LogLevel, MasterKeyPlace, SecretRef};
use engawa::model::careplan::lint::{KanaReading, LengthReading};
use engawa::model::hub_user::StaffLogin;

/// The lines without which nothing starts.
const NEEDED: &str = "[facility]\nnumber = \"1310000018\"\n[hub]\nurl = \"https://hub.example\"\nuser_id = \"u1\"\n";

struct Settings {
    directory: tempfile::TempDir,
}

impl Settings {
    fn new(base: &str) -> Self {
        let settings = Self { directory: tempfile::tempdir().unwrap() };
        std::fs::write(settings.base(), base).unwrap();
        settings
    }

    fn fragment(self, name: &str, text: &str) -> Self {
        let fragments = self.directory.path().join("conf.d");
        std::fs::create_dir_all(&fragments).unwrap();
        std::fs::write(fragments.join(name), text).unwrap();
        self
    }

    fn base(&self) -> PathBuf {
        self.directory.path().join("engawa.toml")
    }

    fn load(&self) -> Result<Loaded, Vec<ConfigProblem>> {
        Config::load(&self.base())
    }
}

fn loaded(text: &str) -> Loaded {
    Settings::new(&format!("{NEEDED}{text}")).load().unwrap()
}

/// The problems of a file, as `line key`.
fn mistakes(text: &str) -> Vec<String> {
    told(&Settings::new(text).load().unwrap_err())
}

fn told(problems: &[ConfigProblem]) -> Vec<String> {
    let line = |problem: &ConfigProblem| problem.place.line.map_or("-".to_owned(), |line| line.to_string());
    problems.iter().map(|problem| format!("{} {}", line(problem), problem.key.as_deref().unwrap_or("-"))).collect()
}

/// The one problem of a file that is otherwise complete.
fn only_mistake(text: &str) -> ConfigProblem {
    let problems = Settings::new(&format!("{NEEDED}{text}")).load().unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.into_iter().next().unwrap()
}

#[test]
fn the_default_file_and_the_reader_name_the_same_settings() {
    assert_eq!(config::disagreements(), Vec::<String>::new());
}

#[test]
fn the_defaults_are_what_the_file_says() {
    let Loaded { config, warnings, effective, .. } = loaded("");
    assert_eq!(config.facility.number, "1310000018");
    assert_eq!(config.state.directory, Path::new("/var/lib/engawa"));
    assert_eq!(config.state.min_free, 256 * 1024 * 1024);
    assert_eq!((config.state.retention_days, config.state.event_days), (400, 7));
    assert_eq!(config.endpoint.listen, ["127.0.0.1:8470".parse().unwrap()]);
    assert_eq!(config.endpoint.unix_socket.as_deref(), Some(Path::new("/run/engawa/engawa.sock")));
    assert_eq!(config.hub.url.host(), Some("hub.example"));
    assert_eq!(config.hub.password_file, SecretRef::Credential("hub-password".to_owned()));
    assert_eq!(config.hub.certificate_key_file, None);
    assert_eq!((config.hub.parallel, config.hub.poll_changes), (4, Duration::from_secs(300)));
    assert_eq!(config.outbox.backoff_max, Duration::from_secs(900));
    let cards = &config.cards;
    assert_eq!((cards.enabled, cards.readers, cards.pin_floor, cards.per_terminal), (true, 0, 1, 4));
    let limits = [cards.heartbeat, cards.idle, cards.lifetime, cards.longest_wait].map(|limit| limit.as_secs());
    assert_eq!(limits, [30, 60, 300, 600]);
    assert!(cards.nearest.is_empty());
    let careplans = &config.careplans;
    assert!(careplans.csv_versions.is_empty() && careplans.code_tables.is_none());
    assert_eq!((careplans.lengths, careplans.half_kana), (LengthReading::Either, KanaReading::Warn));
    assert_eq!(config.log.level, LogLevel::Info);
    assert_eq!(config.shutdown.deadline, Duration::from_secs(20));
    assert_eq!(warnings, []);
    let changed: Vec<&str> =
        effective.iter().filter(|source| source.place.is_some()).map(|source| source.key).collect();
    assert_eq!(changed, ["facility.number", "hub.url", "hub.user_id"]);
}

#[test]
fn readings_of_care_plans() {
    let text = "[careplans]\ncsv_versions = [\"202407\", \"202801\"]\nlengths = \"bytes\"\nhalf_kana = \"allow\"\n\
                code_tables = \"/etc/engawa/codes.tsv\"\n";
    let careplans = loaded(text).config.careplans;
    assert_eq!(careplans.csv_versions, ["202407", "202801"]);
    assert_eq!((careplans.lengths, careplans.half_kana), (LengthReading::Bytes, KanaReading::Allow));
    assert_eq!(careplans.code_tables.as_deref(), Some(Path::new("/etc/engawa/codes.tsv")));
    for (line, key) in [
        ("csv_versions = [\"202413\"]", "careplans.csv_versions"),
        ("csv_versions = [\"202407\", \"202407\"]", "careplans.csv_versions"),
        ("lengths = \"glyphs\"", "careplans.lengths"),
        ("half_kana = true", "careplans.half_kana"),
        ("code_tables = \"codes.tsv\"", "careplans.code_tables"),
    ] {
        let problem = only_mistake(&format!("[careplans]\n{line}\n"));
        assert_eq!((problem.key.as_deref(), problem.place.line), (Some(key), Some(7)), "{line}");
    }
}

#[test]
fn as_whom_documents_go() {
    assert_eq!(loaded("").config.hub.staff_login, StaffLogin::Off);
    for mode in [StaffLogin::Off, StaffLogin::Asked, StaffLogin::Kept] {
        let chosen = loaded(&format!("staff_login = \"{}\"\n", mode.name()));
        assert_eq!(chosen.config.hub.staff_login, mode);
    }
    assert_eq!(only_mistake("staff_login = \"always\"\n").key.as_deref(), Some("hub.staff_login"));
    let changes = loaded("").changes(&loaded("staff_login = \"kept\"\n"));
    assert_eq!((changes.reloadable, changes.need_restart), (vec!["hub.staff_login".to_owned()], Vec::new()));
}

#[test]
fn the_way_in_for_other_machines() {
    let lan = loaded("").config.lan;
    assert!(lan.listen.is_empty() && lan.names.is_empty() && lan.origins.is_empty() && lan.certificate_file.is_none());
    assert_eq!((lan.networks.len(), lan.max_connections, lan.connections_per_address), (8, 1024, 64));
    assert_eq!(lan.requests_per_second, 50);
    let text = "[lan]\nlisten = [\"0.0.0.0:8471\", \"[::]:8471\"]\nnetworks = [\"192.168.10.0/24\", \"10.0.0.7\"]\n\
                names = [\"Karte.Example.JP\"]\norigins = [\"https://Karte.Example:443\", \"http://10.0.0.7:8080\"]\n";
    let lan = loaded(text).config.lan;
    assert_eq!(lan.networks[1].to_string(), "10.0.0.7/32");
    assert_eq!(lan.names, ["karte.example.jp"]);
    assert_eq!(lan.origins, ["https://karte.example", "http://10.0.0.7:8080"]);
    for (line, key) in [
        ("listen = [\"box:8471\"]", "lan.listen"),
        ("listen = [\"127.0.0.1:8470\"]", "lan.listen"),
        ("listen = [\"0.0.0.0:1\", \"0.0.0.0:1\"]", "lan.listen"),
        ("networks = []", "lan.networks"),
        ("networks = [\"192.168.10.7/24\"]", "lan.networks"),
        ("networks = [\"office\"]", "lan.networks"),
        ("names = [\"*.example.jp\"]", "lan.names"),
        ("names = [\"192.168.10.7\"]", "lan.names"),
        ("names = [\"縁側\"]", "lan.names"),
        ("origins = [\"*\"]", "lan.origins"),
        ("origins = [\"null\"]", "lan.origins"),
        ("origins = [\"https://karte.example/\"]", "lan.origins"),
        ("origins = [\"https://a@karte.example\"]", "lan.origins"),
        ("certificate_file = \"/etc/engawa/lan.pem\"", "lan.certificate_file"),
        ("certificate_key_file = \"/etc/engawa/lan.key\"", "lan.certificate_key_file"),
        ("connections_per_address = 2000", "lan.connections_per_address"),
        ("requests_per_second = 0", "lan.requests_per_second"),
    ] {
        let problem = only_mistake(&format!("[lan]\n{line}\n"));
        assert_eq!((problem.key.as_deref(), problem.place.line), (Some(key), Some(7)), "{line}");
    }
    let doubts = loaded("[lan]\nnetworks = [\"0.0.0.0/0\"]\n").warnings;
    assert_eq!(told(&doubts), ["7 lan.networks"]);
}

#[test]
fn an_empty_file_lacks_exactly_the_required_settings() {
    assert_eq!(mistakes(""), ["- facility.number", "- hub.url", "- hub.user_id"]);
}

#[test]
fn every_mistake_is_reported_at_once_with_its_line() {
    let text = r#"
[facility]
number = "123"
nmae = "clinic"
[state]
min_free = "lots"
retention_days = 30
event_days = "7"
[endpoint]
listen = ["0.0.0.0:8470"]
[hub]
url = "http://hub.example"
password = "hunter2"
password_file = "hunter2"
parallel = 99
[outbox]
backoff_min_s = 900
backoff_max_s = 5
[lgo]
level = "info"
[log]
level = "loud"
"#;
    let problems = Settings::new(text).load().unwrap_err();
    assert_eq!(
        told(&problems),
        [
            "- hub.user_id",
            "3 facility.number",
            "4 facility.nmae",
            "6 state.min_free",
            "7 state.retention_days",
            "8 state.event_days",
            "10 endpoint.listen",
            "12 hub.url",
            "13 hub.password",
            "14 hub.password_file",
            "15 hub.parallel",
            "18 outbox.backoff_max_s",
            "19 lgo",
            "22 log.level",
        ]
    );
    for problem in &problems {
        let shown = problem.to_string();
        assert!(!shown.contains("hunter2"), "a value was quoted: {shown}");
        assert!(problem.en.is_ascii() && !problem.ja.is_ascii(), "both languages: {shown}");
    }
}

#[test]
fn unknown_names_come_with_a_suggestion() {
    assert!(only_mistake("pasword_file = \"/x\"\n").en.contains("Did you mean hub.password_file?"));
    assert!(only_mistake("[state]\nretension_days = 500\n").en.contains("Did you mean state.retention_days?"));
    assert!(only_mistake("retention_days = 500\n").en.contains("Did you mean state.retention_days?"));
    assert!(only_mistake("[endpiont]\nlisten = []\n").en.contains("Did you mean endpoint?"));
    assert!(only_mistake("[weather]\nrain = true\n").en.contains("no such section"));
}

#[test]
fn a_secret_in_the_settings_has_its_own_sentence() {
    for line in ["password = \"hunter2\"", "certificate_passphrase = \"hunter2\"", "hub_token = \"hunter2\"", "PIN = 1"]
    {
        let problem = only_mistake(&format!("{line}\n"));
        assert!(problem.en.contains("must not stand in the settings"), "{problem}");
        assert!(!problem.to_string().contains("hunter2"));
    }
    let problem = only_mistake("certificate_passphrase = \"hunter2\"\n");
    assert!(problem.en.contains("hub.certificate_passphrase_file"), "{problem}");
    assert!(only_mistake("[state]\nmaster_key = \"hunter2\"\n").en.contains("state.master_key_file"));
}

#[test]
fn broken_lines_do_not_hide_what_comes_after() {
    let text =
        "[facility]\nnumber = 1310000018oops\n[state\nretention_days = 1\n[hub]\nurl = \"https://h\nparallel = 0\n";
    assert_eq!(
        mistakes(text),
        ["- facility.number", "- hub.url", "- hub.user_id", "2 -", "3 -", "6 -", "7 hub.parallel"]
    );
}

#[test]
fn a_syntax_error_never_quotes_the_line() {
    let problems = Settings::new("[hub]\npassword = hunter2\n").load().unwrap_err();
    assert!(told(&problems).contains(&"2 -".to_owned()), "{problems:?}");
    assert!(!format!("{problems:?}").contains("hunter2"));
}

#[test]
fn a_setting_written_twice_and_tables_in_the_wrong_place() {
    assert_eq!(told(&[only_mistake("url = \"https://other.example\"\n")]), ["6 -"]);
    assert_eq!(told(&[only_mistake("[log]\n[log.level]\nx = 1\n")]), ["7 log.level"]);
    assert!(mistakes("state = 5\n").contains(&"1 state".to_owned()));
    assert!(mistakes("[[state]]\n").contains(&"1 state".to_owned()));
    assert!(mistakes("retention_days = 5\n").contains(&"1 retention_days".to_owned()));
}

#[test]
fn contradictions_are_named_where_they_were_written() {
    let key = |text: &str| only_mistake(text).key.unwrap();
    assert_eq!(key("certificate_file = \"/x/c.pem\"\n"), "hub.certificate_file");
    assert_eq!(key("certificate_key_file = \"/x/key.pem\"\n"), "hub.certificate_key_file");
    assert_eq!(key("certificate_file = \"/x/c.txt\"\n"), "hub.certificate_file");
    assert_eq!(key("connect_timeout_s = 60\nrequest_timeout_s = 30\n"), "hub.request_timeout_s");
    assert_eq!(key("[outbox]\nbackoff_min_s = 1000\n"), "outbox.backoff_min_s");
    assert_eq!(key("[endpoint]\nlisten = []\nunix_socket = \"\"\n"), "endpoint.unix_socket");
    assert_eq!(key("[cards]\nidle_s = 301\n"), "cards.idle_s");
    assert_eq!(key("[cards]\nidle_s = 30\nheartbeat_s = 45\nlifetime_s = 40\n"), "cards.lifetime_s");
    assert_eq!(key("[endpoint]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n"), "endpoint.listen");
}

#[test]
fn every_entry_of_a_list_is_looked_at() {
    let text = "[endpoint]\nlisten = [\"0.0.0.0:1\", \"127.0.0.1:8470\", 5, \"localhost:1\"]\n";
    let problems = Settings::new(&format!("{NEEDED}{text}")).load().unwrap_err();
    assert_eq!(told(&problems), ["7 endpoint.listen"; 3], "{problems:?}");
    let entries: Vec<_> = problems.iter().map(|problem| problem.en.split(':').next().unwrap()).collect();
    assert_eq!(entries, ["Entry 1", "Entry 3", "Entry 4"]);
}

const FIRST: &str = "3f9c0a1b2d4e";

fn beside(loaded: &Loaded) -> Vec<(&str, Vec<&str>)> {
    let nearest = loaded.config.cards.nearest.iter();
    nearest.map(|(key, names)| (key.as_str(), names.iter().map(String::as_str).collect())).collect()
}

#[test]
fn the_readers_beside_a_terminal_are_a_table_that_later_files_add_to() {
    let settings = Settings::new(&format!(
        "{NEEDED}[cards.nearest]\n\"{FIRST}\" = [\"ACS 00 00\", \"SCM 01\"] # at the desk\n0123456789ab = [\"SCM 01\"]\n"
    ));
    let whole = settings.load().unwrap();
    let [desk, room] = [(FIRST, vec!["ACS 00 00", "SCM 01"]), ("0123456789ab", vec!["SCM 01"])];
    assert_eq!(beside(&whole), [room.clone(), desk.clone()]);
    let settings = settings.fragment("10.toml", &format!("[cards]\nnearest = {{ {FIRST} = [\"New\"] }}\n"));
    let added = settings.load().unwrap();
    assert_eq!(beside(&added), [room, (FIRST, vec!["New"])]);
    let source = added.effective.iter().find(|source| source.key == "cards.nearest").unwrap();
    assert!(source.value.contains("New") && !source.value.contains('#'), "{source:?}");
    assert_eq!(whole.changes(&added).reloadable, ["cards.nearest"]);
    let spaced = format!(
        "{NEEDED}[cards.nearest]\n\"{FIRST}\" = [ \"ACS 00 00\",\n \"SCM 01\" ]\n0123456789ab = [\"SCM 01\"]\n"
    );
    assert_eq!(whole.changes(&Settings::new(&spaced).load().unwrap()), config::Changes::default());
}

#[test]
fn a_mistake_in_the_table_of_readers_is_named_with_its_line_and_without_its_name() {
    let key = format!("engawa_{FIRST}_{}", "0123456789abcdef".repeat(4));
    let rows = [
        (format!("\"{key}\" = [\"A\"]"), "whole key must not stand"),
        ("desk = [\"A\"]".to_owned(), "12 characters"),
        (format!("\"{}\" = [\"A\"]", FIRST.to_uppercase()), "12 characters"),
        (format!("{FIRST} = []"), "at least one reader"),
        (format!("{FIRST} = \"A\""), "Under [cards.nearest]"),
        (format!("{FIRST} = [1]"), "Under [cards.nearest]"),
        (format!("{FIRST} = [\"A\", \"A\"]"), "Entry 2: The same reader"),
        (format!("{FIRST} = [\"\"]"), "Entry 1: The reader's name is empty"),
        (format!("[cards.nearest.{FIRST}]"), "A value belongs here"),
    ];
    for (row, sentence) in rows {
        let problem = only_mistake(&format!("[cards.nearest]\nabcdefabcdef = [\"B\"]\n{row}\n"));
        assert_eq!(told(std::slice::from_ref(&problem)), ["8 cards.nearest"], "{row}: {problem}");
        assert!(problem.en.contains(sentence) && !problem.ja.is_ascii(), "{row}: {problem}");
        assert!(!problem.to_string().contains("0123456789abcdef"), "the key was quoted: {problem}");
    }
    let two = format!("{NEEDED}[cards.nearest]\na = [\"A\"]\n{FIRST} = []\n");
    assert_eq!(mistakes(&two), ["7 cards.nearest", "8 cards.nearest"]);
    assert_eq!(only_mistake("[cards]\nnearest = 5\n").en, "Under [cards.nearest], write name = [\"…\", \"…\"].");
}

#[test]
fn the_cards_settings_have_ranges_and_suggestions() {
    let bad = [
        "enabled = 1",
        "readers = 17",
        "pin_floor = 3",
        "heartbeat_s = 4",
        "idle_s = 9",
        "lifetime_s = 3601",
        "longest_wait_s = 601",
        "per_terminal = 0",
    ];
    for line in bad {
        let problem = only_mistake(&format!("[cards]\n{line}\n"));
        let name = line.split(' ').next().unwrap();
        assert_eq!(told(&[problem]), [format!("7 cards.{name}")], "{line}");
    }
    assert!(only_mistake("[cards]\nheartbeet_s = 5\n").en.contains("Did you mean cards.heartbeat_s?"));
    assert!(only_mistake("[cards]\nnearst = 5\n").en.contains("Did you mean cards.nearest?"));
    assert!(only_mistake("[card]\n").en.contains("Did you mean cards?"));
    let warnings = loaded("[cards]\npin_floor = 0\n").warnings;
    assert_eq!(told(&warnings), ["7 cards.pin_floor"]);
    let changes = loaded("").changes(&loaded("[cards]\nenabled = false\nidle_s = 10\nreaders = 2\n"));
    assert_eq!(changes.reloadable, ["cards.readers", "cards.idle_s"]);
    assert_eq!(changes.need_restart, ["cards.enabled"]);
}

#[test]
fn every_setting_is_explained_in_both_languages() {
    let mut comment = String::new();
    for line in config::DEFAULTS.lines().skip_while(|line| !line.starts_with('[')) {
        if line.starts_with('#') {
            comment.push_str(line);
        } else {
            let is_setting = line.contains(" = ");
            let english = comment.split_whitespace().filter(|word| word.is_ascii() && word.len() > 1).count() > 3;
            assert!(!is_setting || (!comment.is_ascii() && english), "{line}: {comment}");
            comment.clear();
        }
    }
}

#[test]
fn single_values() {
    let bad = [
        "url = \"https://u:p@hub.example\"",
        "ca_file = \"ca.pem\"",
        "password_file = \"credential:../x\"",
        "password_file = \"\"",
        "user_id = \"a\\nb\"",
        "parallel = 4.0",
        "poll_changes_s = true",
        "[state]\nmin_free = \"1 MiB\"",
        "[state]\nmin_free = \"256 MB\"",
        "[endpoint]\nlisten = \"127.0.0.1:8470\"",
        "[endpoint]\nlisten = [\"localhost:8470\"]",
        "[endpoint]\nlisten = [8470]",
        "[log]\nformat = \"xml\"",
    ];
    for line in bad {
        let base = NEEDED.replace("user_id = \"u1\"\n", "");
        let text = match line.starts_with("user_id") {
            true => format!("{base}{line}\n"),
            false if line.starts_with("url") => {
                format!("{}{line}\n", NEEDED.replace("url = \"https://hub.example\"\n", ""))
            }
            false => format!("{NEEDED}{line}\n"),
        };
        let problems = Settings::new(&text).load().unwrap_err();
        assert_eq!(problems.len(), 1, "{line}: {problems:?}");
    }
    let good = loaded("[state]\nmin_free = \"2 GiB\"\n[endpoint]\nlisten = [\"127.0.0.1:0\", \"[::1]:0\"]\n").config;
    assert_eq!((good.state.min_free, good.endpoint.listen.len()), (2 << 30, 2));
}

#[test]
fn later_files_win_in_the_order_of_their_names() {
    let settings = Settings::new(&format!("{NEEDED}[log]\nlevel = \"warn\"\n"))
        .fragment("20-b.toml", "log.level = \"debug\"\n")
        .fragment("10-a.toml", "[log]\nlevel = \"error\"\n[hub]\nparallel = 2\n")
        .fragment("30-c.toml.bak", "[log]\nlevel = \"trace\"\n")
        .fragment(".hidden.toml", "[log]\nlevel = \"trace\"\n");
    let loaded = settings.load().unwrap();
    assert_eq!((loaded.config.log.level, loaded.config.hub.parallel), (LogLevel::Debug, 2));
    let names: Vec<_> = loaded.files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["engawa.toml", "10-a.toml", "20-b.toml"]);
    let level = loaded.effective.iter().find(|source| source.key == "log.level").unwrap();
    assert_eq!(level.place.as_ref().unwrap().line, Some(1));
}

#[test]
fn mistakes_of_several_files_name_each_file() {
    let settings = Settings::new(NEEDED).fragment("10.toml", "[log]\nlevel = 1\n").fragment("20.toml", "x = 1\n");
    let problems = settings.load().unwrap_err();
    let at = |problem: &ConfigProblem| problem.place.file.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(problems.iter().map(at).collect::<Vec<_>>(), ["10.toml", "20.toml"]);
}

#[test]
fn files_that_cannot_be_read() {
    let nowhere = Config::load(Path::new("/nonexistent/engawa.toml")).unwrap_err();
    assert!(nowhere[..].iter().any(|problem| problem.en.contains("missing")), "{nowhere:?}");
    let binary = Settings::new("");
    std::fs::write(binary.base(), [0xff, 0xfe]).unwrap();
    assert!(binary.load().unwrap_err().iter().any(|problem| problem.en.contains("UTF-8")));
}

#[test]
fn a_reload_knows_what_it_can_take_up() {
    let old = loaded("");
    assert_eq!(old.changes(&old.clone()), config::Changes::default());
    let new = loaded("parallel = 2 # fewer\npoll_changes_s = 60\n[log]\nlevel = \"debug\"\n");
    let changes = old.changes(&new);
    assert_eq!(changes.reloadable, ["hub.poll_changes_s", "log.level"]);
    assert_eq!(changes.need_restart, ["hub.parallel"]);
}

#[test]
fn the_master_key_is_where_the_operator_or_systemd_put_it() {
    let credentials = tempfile::tempdir().unwrap();
    let state = loaded("").config.state;
    assert_eq!(state.master_key(None).unwrap(), MasterKeyPlace::Own("/var/lib/engawa/master.key".into()));
    assert_eq!(
        state.master_key(Some(credentials.path())).unwrap(),
        MasterKeyPlace::Own("/var/lib/engawa/master.key".into())
    );
    let given = credentials.path().join("engawa-master-key");
    std::fs::write(&given, "k").unwrap();
    assert_eq!(state.master_key(Some(credentials.path())).unwrap(), MasterKeyPlace::Kept(given));
    let state = loaded("[state]\nmaster_key_file = \"credential:other\"\n").config.state;
    assert!(state.master_key(None).is_err());
    assert_eq!(
        state.master_key(Some(credentials.path())).unwrap(),
        MasterKeyPlace::Kept(credentials.path().join("other"))
    );
}

#[test]
fn a_trial_hub_is_allowed_with_a_word() {
    let text = NEEDED.replace("https://hub.example", "https://127.0.0.1:9443");
    let warnings = Settings::new(&text).load().unwrap().warnings;
    assert_eq!(told(&warnings), ["4 hub.url"]);
}

proptest::proptest! {
    /// Whatever stands in the file, reading ends and says something or succeeds.
    #[test]
    fn any_text_is_survived(text in "([a-z_.\\[\\]=\" \\n0-9#あ']|url|hub|state){0,200}") {
        let _ = Settings::new(&text).load();
    }
}
