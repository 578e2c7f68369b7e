//! Further facilities of one box: what their files take from the box, and every mistake in them.

use std::fs;
use std::path::{Path, PathBuf};

use engawa::config::{Config, ConfigProblem, Loaded, SecretRef};

const BASE: &str = "[facility]\nnumber = \"1310000018\"\n[hub]\nurl = \"https://hub.example\"\nuser_id = \"u1\"\n\
                    connect_timeout_s = 20\nparallel = 2\n[outbox]\nbackoff_min_s = 7\n";
const OWN: &str = "[facility]\nnumber = \"1370000002\"\nname = \"縁側ケアプランセンター\"\n[hub]\n\
                   certificate_file = \"/etc/engawa/b.p12\"\nuser_id = \"u2\"\npassword_file = \"/etc/engawa/b.password\"\n";

struct Settings(tempfile::TempDir);

impl Settings {
    fn new(base: &str, facilities: &[(&str, &str)]) -> Self {
        let settings = Self(tempfile::tempdir().unwrap());
        fs::write(settings.base(), base).unwrap();
        fs::create_dir(settings.at("")).unwrap();
        for (name, text) in facilities {
            fs::write(settings.at(name), text).unwrap();
        }
        settings
    }

    fn base(&self) -> PathBuf {
        self.0.path().join("engawa.toml")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join("facilities.d").join(name)
    }

    fn load(&self) -> Result<Loaded, Vec<ConfigProblem>> {
        Config::load(&self.base())
    }
}

/// The problems of these facilities, as `file:line key`.
fn mistakes(facilities: &[(&str, &str)]) -> Vec<String> {
    told(&Settings::new(BASE, facilities).load().unwrap_err())
}

fn told(problems: &[ConfigProblem]) -> Vec<String> {
    let one = |problem: &ConfigProblem| {
        let file = problem.place.file.file_name().unwrap().to_string_lossy().into_owned();
        let line = problem.place.line.map_or("-".to_owned(), |line| line.to_string());
        assert!(!problem.ja.is_empty() && !problem.en.is_empty());
        format!("{file}:{line} {}", problem.key.as_deref().unwrap_or("-"))
    };
    problems.iter().map(one).collect()
}

/// The file of a facility with that number.
fn file(number: u32) -> String {
    format!(
        "[facility]\nnumber = \"{number}\"\n[hub]\ncertificate_file = \"/{number}.p12\"\nuser_id = \"u\"\npassword_file = \"/p\"\n"
    )
}

#[test]
fn a_further_facility_has_its_own_certificate_and_user_and_the_rest_of_the_box() {
    let settings = Settings::new(BASE, &[("b.toml", OWN), ("a.toml", &file(1_370_000_010)), (".hidden.toml", "no")]);
    let loaded = settings.load().unwrap();
    let numbers: Vec<&str> = loaded.facilities().map(|config| config.facility.number.as_str()).collect();
    assert_eq!(numbers, ["1310000018", "1370000010", "1370000002"], "the first one, then in the order of the files");
    assert_eq!(loaded.files, [settings.base(), settings.at("a.toml"), settings.at("b.toml")]);
    let config = loaded.facility("1370000002").unwrap();
    assert_eq!(config.facility.name, "縁側ケアプランセンター");
    let hub = &config.hub;
    assert_eq!((hub.certificate_file.as_path(), hub.user_id.as_str()), (Path::new("/etc/engawa/b.p12"), "u2"));
    assert_eq!(hub.password_file, SecretRef::File("/etc/engawa/b.password".into()));
    // The box's own passphrase is never tried on it.
    assert_eq!((&hub.certificate_passphrase_file, &hub.certificate_key_file), (&None, &None));
    assert!(loaded.config.hub.certificate_passphrase_file.is_some());
    let (url, connect, parallel) = (hub.url.to_string(), hub.connect_timeout.as_secs(), hub.parallel);
    assert_eq!((url.as_str(), connect, parallel), ("https://hub.example/", 20, 2));
    assert_eq!(config.outbox.backoff_min.as_secs(), 7);
    assert!(loaded.facility("1370000003").is_none());
    let effective = &loaded.further[1].effective;
    let source = |key: &str| effective.iter().find(|source| source.key == key).unwrap();
    assert_eq!(source("hub.user_id").place.as_ref().unwrap().file, settings.at("b.toml"));
    assert_eq!(source("hub.url").place.as_ref().unwrap().file, settings.base());
    assert!(effective.iter().all(|source| source.key.starts_with("hub.") || source.key.starts_with("facility.")));
}

#[test]
fn every_mistake_is_named_with_its_file_and_line() {
    assert_eq!(
        mistakes(&[("b.toml", "[facility]\nname = \"x\"\n")]),
        [
            "b.toml:- facility.number",
            "b.toml:- hub.certificate_file",
            "b.toml:- hub.user_id",
            "b.toml:- hub.password_file",
        ]
    );
    let cases = [
        ("[lan]\nlisten = []\n[nowhere]\n", vec!["b.toml:8 lan", "b.toml:10 nowhere"]),
        ("user = \"x\"\n", vec!["b.toml:8 hub.user"]),
        ("password = \"x\"\n", vec!["b.toml:8 hub.password"]),
        ("[state]\npassword = \"x\"\n", vec!["b.toml:8 state", "b.toml:9 state.password"]),
        ("connect_timeout_s = 200\n", vec!["b.toml:8 hub.connect_timeout_s"]),
        ("request_timeout_s = 10\n", vec!["b.toml:8 hub.request_timeout_s"]),
        ("certificate_key_file = \"/key\"\n", vec!["b.toml:8 hub.certificate_key_file"]),
    ];
    for (added, expected) in cases {
        assert_eq!(mistakes(&[("b.toml", &format!("{OWN}{added}"))]), expected, "{added}");
    }
    let of_box = Settings::new(&BASE.replace("parallel = 2", "parallel = 99"), &[("b.toml", OWN)]);
    assert_eq!(told(&of_box.load().unwrap_err()), ["engawa.toml:7 hub.parallel"], "once, where it stands");
    let secret = mistakes_text(&format!("{OWN}password = \"himitsu\"\n"));
    assert!(!secret.contains("himitsu"), "{secret}");
}

fn mistakes_text(text: &str) -> String {
    format!("{:?}", Settings::new(BASE, &[("b.toml", text)]).load().unwrap_err())
}

#[test]
fn two_facilities_share_neither_number_nor_certificate() {
    let first = file(1_310_000_018);
    assert_eq!(mistakes(&[("b.toml", &first)]), ["b.toml:2 facility.number"]);
    let named = mistakes_text(&first);
    assert!(named.contains("engawa.toml:2"), "{named}");
    assert_eq!(
        mistakes(&[("b.toml", OWN), ("c.toml", OWN)]),
        ["c.toml:2 facility.number", "c.toml:5 hub.certificate_file"]
    );
    // The box's default certificate is the first facility's.
    let default = OWN.replace("/etc/engawa/b.p12", "/etc/engawa/certificate.p12");
    assert_eq!(mistakes(&[("b.toml", &default)]), ["b.toml:5 hub.certificate_file"]);
}

#[test]
fn there_are_sixteen_facilities_at_most() {
    let texts: Vec<(String, String)> = (0..16).map(|n| (format!("{n:02}.toml"), file(1_370_000_000 + n))).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(Settings::new(BASE, &files[..15]).load().unwrap().facilities().count(), 16);
    assert_eq!(mistakes(&files), ["facilities.d:- -"]);
}

#[test]
fn a_reload_takes_up_certificates_and_the_rest_waits_for_a_start() {
    let old = Settings::new(BASE, &[("b.toml", OWN), ("c.toml", &file(1_370_000_010))]).load().unwrap();
    assert_eq!(old.changes(&old.clone()), engawa::config::Changes::default());
    let newer = OWN.replace("/b.p12", "/new.p12").replace("u2", "u3");
    let new = Settings::new(BASE, &[("b.toml", &newer), ("d.toml", &file(1_370_000_011))]).load().unwrap();
    let changes = old.changes(&new);
    assert_eq!(changes.reloadable, ["1370000002 hub.certificate_file"]);
    assert_eq!(changes.need_restart, ["1370000002 hub.user_id", "1370000010", "1370000011"]);
}
