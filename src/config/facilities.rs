//! Further facilities of the box: one file each in `facilities.d` beside the settings, in the order of their names.

use std::path::{Path, PathBuf};

use super::problem::{ConfigProblem, Place, Said};
use super::reader::Reader;
use super::settings::{self, Config};
use super::sources::{self, File, Source};
use super::{MOST_FACILITIES, checks};

/// The settings that say whose certificate and user it is. They never come from the box's own file.
const OWN: [&str; 7] = [
    "facility.number",
    "facility.name",
    "hub.certificate_file",
    "hub.certificate_key_file",
    "hub.certificate_passphrase_file",
    "hub.user_id",
    "hub.password_file",
];
/// The sections of such a file.
pub(super) const SECTIONS: [&str; 2] = ["facility", "hub"];

/// A facility beside the first one.
#[derive(Clone, Debug)]
pub struct Further {
    /// Its settings, those of the box among them.
    pub config: Config,
    /// Its file.
    pub file: PathBuf,
    /// Its own settings under `[facility]` and `[hub]` as they took effect, with the place that decided them.
    pub effective: Vec<Source>,
}

/// What only one facility can have, with the place that says so.
struct Taken {
    key: &'static str,
    value: String,
    place: Place,
}

/// What was found in `facilities.d`.
#[derive(Default)]
pub(super) struct Found {
    pub(super) further: Vec<Further>,
    pub(super) files: Vec<PathBuf>,
    pub(super) problems: Vec<ConfigProblem>,
}

/// Reads every facility's file over the settings of the box.
pub(super) fn read(base: &Path, first: &Config, of_box: &Reader) -> Found {
    let mut found = Found::default();
    let directory = base.with_file_name("facilities.d");
    let (files, problems) = sources::facilities(&directory);
    found.problems = problems;
    found.files = files.iter().map(|file| file.path.clone()).collect();
    if files.len() + 1 > MOST_FACILITIES {
        let said = Said::new(
            format!("事業所は合わせて{MOST_FACILITIES}までです。"),
            format!("There can be {MOST_FACILITIES} facilities in all."),
        );
        found.problems.push(said.about(Place { file: directory, line: None }, None));
        return found;
    }
    let mut taken = taken(first, of_box);
    for file in &files {
        one(file, (first, of_box), &mut taken, &mut found);
    }
    found
}

fn one(file: &File, (first, of_box): (&Config, &Reader), taken: &mut Vec<Taken>, found: &mut Found) {
    let mut reader = of_box.of_facility(&file.path, &OWN);
    reader.apply(file);
    let (facility, hub) = (settings::facility(&mut reader), settings::hub(&mut reader));
    let config = Config { facility, hub, ..first.clone() };
    checks::facility(&config, &mut reader);
    for own in self::taken(&config, &reader) {
        match taken.iter().find(|other| other.key == own.key && other.value == own.value) {
            Some(other) => reader.refuse(own.key, twice(&other.place)),
            None => taken.push(own),
        }
    }
    match reader.finish(std::slice::from_ref(&file.path)) {
        Ok((effective, _)) => {
            let own = |key: &str| key.split_once('.').is_some_and(|(section, _)| SECTIONS.contains(&section));
            let effective = effective.into_iter().filter(|source| own(source.key)).collect();
            found.further.push(Further { config, file: file.path.clone(), effective });
        }
        // What the box's own file says wrongly has been named there.
        Err(problems) => {
            found.problems.extend(problems.into_iter().filter(|problem| problem.place.file == file.path));
        }
    }
}

fn taken(config: &Config, reader: &Reader) -> Vec<Taken> {
    let certificate = config.hub.certificate_file.display().to_string();
    let values = [("facility.number", config.facility.number.clone()), ("hub.certificate_file", certificate)];
    let sound = values.into_iter().filter(|(key, value)| reader.sound(&[key]) && !value.is_empty());
    sound.map(|(key, value)| Taken { key, value, place: reader.place_of(key) }).collect()
}

fn twice(other: &Place) -> Said {
    Said::new(
        format!("{other} と同じです。事業所ごとに別のものが要ります。"),
        format!("The same as in {other}. Every facility needs its own."),
    )
}
