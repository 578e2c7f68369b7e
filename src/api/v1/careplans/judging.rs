//! Makes units of what was sent, or tells everything that stands in the way. Files and units are judged alike: what came as
//! units is written as files and read again.

use std::collections::HashSet;
use std::ops::Range;

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::places::{Numbered, Owners, Way, of_finding, of_problem};
use super::reading::{File, Sent, too_many_values};
use super::units::{Envelope, beside_files};
use super::{MAX_CONTENT, MAX_FILES, too_many, twice};
use crate::api::problem::{Failure, Place, Severity};
use crate::api::strict_json;
use crate::fault::Code;
use crate::model::careplan::archive::{self, ZipLimits};
use crate::model::careplan::lint::{Findings, Settings};
use crate::model::careplan::unit::{self, Problem, ProblemCode, Reading, Refused, Unit};
use crate::model::careplan::{self, Judged};
use crate::model::characters::Repertoire;
use crate::model::opinion::Substitution;
use crate::order;
use crate::outbox::{NewBatch, NewUnit};

/// Places told of one request. The rest is counted.
const MAX_PLACES: usize = 1000;
/// Values of all files together: a unit takes many times their room, and one that the hub takes holds fewer.
const MAX_VALUES: usize = 3_000_000;

/// A file's name and content.
type Named = (String, Vec<u8>);

/// Makes a batch of what was sent by `facility`.
///
/// # Errors
/// `CAREPLAN_REFUSED` with every place, `REQUEST_MALFORMED` or `REQUEST_TOO_LARGE`.
pub(super) fn judge(sent: Sent, facility: &str, due: Option<Date>, settings: &Settings) -> Result<NewBatch, Failure> {
    let (mut desk, stated) = match sent {
        Sent::Files { files, stated } => {
            let stated = beside_files(stated.as_deref().map(strict_json::parse).transpose()?)?;
            (Desk::files(unpacked(files)?, settings)?, stated)
        }
        Sent::Json(json) => {
            let Envelope { units, stated } = Envelope::parse(&json)?;
            (Desk::units(&json, units), stated)
        }
    };
    desk.senders(facility);
    let substituted = desk.substitute(stated);
    desk.characters();
    if desk.way == Way::Units || substituted {
        desk.as_files(settings)?;
    }
    desk.finish(due)
}

struct Desk {
    way: Way,
    /// How many units there are, read or not.
    count: usize,
    units: Vec<Numbered>,
    stated: Vec<Stated>,
    places: Vec<Place>,
    /// How many of the places are errors.
    errors: usize,
    /// Found, but not kept.
    more: u64,
}

/// What was stated for a unit.
#[derive(Default)]
struct Stated {
    substitutions: Vec<Substitution>,
    originals: Map<String, Value>,
}

impl Desk {
    fn new(way: Way, count: usize) -> Self {
        Self { way, count, units: Vec::new(), stated: Vec::new(), places: Vec::new(), errors: 0, more: 0 }
    }

    fn files(files: Vec<Named>, settings: &Settings) -> Result<Self, Failure> {
        let values: usize = files.iter().map(|(_, bytes)| bytes.iter().filter(|byte| **byte == b',').count()).sum();
        if values > MAX_VALUES {
            return Err(Failure::here(Code::RequestTooLarge, too_many_values("")));
        }
        let Judged { findings, submissions, refused } = judged(&files, settings)?;
        let names: Vec<String> = files.into_iter().map(|(name, _)| name).collect();
        let units: Vec<Unit> = submissions.into_iter().flat_map(|submission| submission.units).collect();
        let mut desk = Self::new(Way::Files, units.len());
        for (number, unit) in units.into_iter().enumerate() {
            let files = unit.files().unwrap_or_default().into_iter().map(|(name, _)| name).collect();
            desk.units.push(Numbered { number, unit, files });
        }
        desk.found(&findings);
        desk.refused(&refused, &names);
        Ok(desk)
    }

    fn units(json: &[u8], places: Vec<Range<usize>>) -> Self {
        let mut desk = Self::new(Way::Units, places.len());
        let mut room = unit::MAX_WEIGHT;
        for (number, place) in places.into_iter().enumerate() {
            if desk.is_full() {
                break;
            }
            match Unit::parse_within(json.get(place).unwrap_or_default(), Reading::Strict, &mut room) {
                Ok(unit) => desk.units.push(Numbered { number, unit, files: Vec::new() }),
                Err(problems) => desk.problems(number, None, &problems),
            }
        }
        desk
    }

    /// Adds a place, unless there are so many of its kind that nobody would read it. Errors and the rest are counted apart: no
    /// warning keeps an error from being told.
    fn tell(&mut self, place: Place) {
        let is_error = place.severity == Severity::Error;
        let told = if is_error { self.errors } else { self.places.len() - self.errors };
        if told < MAX_PLACES {
            self.errors += usize::from(is_error);
            self.places.push(place);
        } else {
            self.more += 1;
        }
    }

    /// Whether further errors would not be told. Nothing more has to be looked for then.
    fn is_full(&mut self) -> bool {
        let full = self.errors >= MAX_PLACES;
        self.more += u64::from(full);
        full
    }

    fn problems(&mut self, number: usize, made_of: Option<&Numbered>, problems: &[Problem]) {
        problems.iter().for_each(|problem| self.tell(of_problem(number, made_of, problem)));
    }

    /// An office sends its own units only.
    fn senders(&mut self, facility: &str) {
        let units = std::mem::take(&mut self.units);
        for numbered in units.iter().filter(|numbered| numbered.unit.from().office != facility) {
            let place = Place::at(
                format!("/units/{}/from_facility", numbered.number),
                "FROM_FACILITY",
                "送信元の事業所番号が、このAPIキーの事業所と違います。事業所番号かキーを確かめてください。",
                "The sending office is not the facility of this API key. Check the number or the key.",
            );
            let file = numbered.files.first().filter(|_| self.way == Way::Files).cloned();
            self.tell(Place { file, ..place });
        }
        self.units = units;
    }

    /// Makes the substitutions stated; whether there were any.
    fn substitute(&mut self, stated: Vec<Substitution>) -> bool {
        let any = !stated.is_empty();
        let mut of_unit: Vec<Vec<Substitution>> = vec![Vec::new(); self.count];
        for (index, substitution) in stated.into_iter().enumerate() {
            let target = target(&substitution.pointer).map(|(number, rest)| (number, rest.to_owned()));
            match target.and_then(|(number, rest)| of_unit.get_mut(number).map(|list| (list, rest))) {
                Some((list, pointer)) => list.push(Substitution { pointer, ..substitution }),
                None => self.tell(no_target(index)),
            }
        }
        for at in 0..self.units.len() {
            let stated = self.substitute_in(at, &mut of_unit);
            self.stated.push(stated);
        }
        any
    }

    fn substitute_in(&mut self, at: usize, of_unit: &mut [Vec<Substitution>]) -> Stated {
        let Some(numbered) = self.units.get_mut(at) else { return Stated::default() };
        let substitutions = of_unit.get_mut(numbered.number).map(std::mem::take).unwrap_or_default();
        if substitutions.is_empty() || self.errors >= MAX_PLACES {
            return Stated::default();
        }
        match numbered.unit.substitute(&substitutions) {
            Ok(originals) => {
                let originals = originals.into_iter().map(|original| (original.pointer, original.text.into()));
                Stated { substitutions, originals: originals.collect() }
            }
            Err(problems) => {
                let made_of = (self.way == Way::Files).then_some(&*numbered);
                let places: Vec<Place> =
                    problems.iter().map(|problem| of_problem(numbered.number, made_of, problem)).collect();
                places.into_iter().for_each(|place| self.tell(place));
                Stated::default()
            }
        }
    }

    /// Nothing that the hub cannot hold goes there.
    fn characters(&mut self) {
        let units = std::mem::take(&mut self.units);
        for numbered in &units {
            if self.is_full() {
                break;
            }
            let made_of = (self.way == Way::Files).then_some(numbered);
            self.problems(numbered.number, made_of, &numbered.unit.unsupported(Repertoire::JisX0213));
        }
        self.units = units;
    }

    /// Looks at the units as the files that their recipients will see.
    fn as_files(&mut self, settings: &Settings) -> Result<(), Failure> {
        let (mut files, mut whole) = (Vec::<Named>::new(), true);
        let mut units = std::mem::take(&mut self.units);
        // A character that neither the hub nor CSV holds is named already.
        let known: HashSet<_> =
            self.places.iter().map(|place| (place.pointer.clone(), place.character.clone())).collect();
        for numbered in &mut units {
            if self.is_full() {
                whole = false;
                break;
            }
            match numbered.unit.files() {
                Ok(own) => {
                    numbered.files = own.iter().map(|(name, _)| name.clone()).collect();
                    files.extend(own);
                }
                Err(problems) => {
                    whole = false;
                    let made_of = (self.way == Way::Files).then_some(&*numbered);
                    let found = problems.iter().map(|problem| of_problem(numbered.number, made_of, problem));
                    found
                        .filter(|place| !known.contains(&(place.pointer.clone(), place.character.clone())))
                        .for_each(|place| self.tell(place));
                }
            }
        }
        self.units = units;
        if !whole || self.units.is_empty() {
            return Ok(());
        }
        // What was found in the files as they were sent stands already, and its places are the same.
        if self.way == Way::Files {
            if self.places.iter().any(|place| place.severity == Severity::Error) {
                return Ok(());
            }
            self.places.clear();
            self.errors = 0;
        }
        let Judged { findings, refused, .. } = judged(&files, settings)?;
        let names: Vec<String> = files.into_iter().map(|(name, _)| name).collect();
        self.found(&findings);
        self.refused(&refused, &names);
        Ok(())
    }

    fn found(&mut self, findings: &Findings) {
        let units = std::mem::take(&mut self.units);
        let owners = Owners::of(&units);
        findings.list().iter().for_each(|finding| self.tell(of_finding(self.way, &owners, finding)));
        drop(owners);
        self.units = units;
        self.more += findings.dropped();
        let told = self.places.iter().any(|place| place.severity == Severity::Error);
        if findings.is_refused() && !told {
            self.tell(more(Severity::Error));
        }
    }

    /// Files that are no unit. What the linter has said of a file need not be said twice.
    fn refused(&mut self, refused: &[Refused], names: &[String]) {
        let owners = Owners::of(&self.units);
        let mut places = Vec::new();
        for Refused { files, why } in refused {
            let ([ja, en], code) = (why.words(), why.name());
            for name in files.iter().filter_map(|at| names.get(*at)) {
                let place = match self.way {
                    Way::Files => Place::in_file(name, code, &ja, &en),
                    Way::Units => Place::at(owners.pointer(name), code, &ja, &en),
                };
                let said = |other: &&Place| {
                    other.severity == Severity::Error && (&other.file, &other.pointer) == (&place.file, &place.pointer)
                };
                let unreadable = matches!(why, unit::Refusal::Content { .. });
                let before = self.places.iter().chain(&places).filter(said);
                if before.clone().all(|other| other.code != code) && (!unreadable || before.count() == 0) {
                    places.push(place);
                }
            }
        }
        places.into_iter().for_each(|place| self.tell(place));
    }

    fn finish(self, due: Option<Date>) -> Result<NewBatch, Failure> {
        let Self { units, stated, mut places, more: uncounted, .. } = self;
        order::sort_by_key(&mut places, |place| match place.severity {
            Severity::Error => 0,
            Severity::Warning => 1,
            Severity::Advice => 2,
        });
        if places.len() > MAX_PLACES || uncounted > 0 {
            places.truncate(MAX_PLACES);
            places.push(more(Severity::Advice));
        }
        if places.iter().any(|place| place.severity == Severity::Error) {
            return Err(Failure::at(Code::CareplanRefused, places));
        }
        let units = units.into_iter().zip(stated).map(|(Numbered { unit, files, .. }, stated)| {
            let Stated { substitutions, originals } = stated;
            NewUnit { unit, files, substitutions, originals }
        });
        let units: Vec<NewUnit> = units.collect();
        if units.is_empty() {
            return Err(Code::CareplanRefused.into());
        }
        let warnings = places.iter().filter_map(|place| serde_json::to_value(place).ok()).collect();
        Ok(NewBatch { units, warnings, due })
    }
}

/// The files of archives beside the others.
fn unpacked(sent: Vec<File>) -> Result<Vec<Named>, Failure> {
    let (mut files, mut objections, mut left) = (Vec::<Named>::new(), Vec::new(), MAX_CONTENT);
    let mut unsaid = false;
    for File { name, bytes, zip } in sent {
        let taken = if zip {
            let limits = ZipLimits { entries: MAX_FILES, total: left, ..ZipLimits::default() };
            match archive::entries(&bytes, &limits) {
                Ok(entries) => entries,
                // How much came out of it before nobody knows, so no other is opened.
                Err(found) => {
                    objections.extend(found.iter().take(MAX_PLACES).map(|objection| objection.finding(&name)));
                    unsaid = found.len() > MAX_PLACES;
                    break;
                }
            }
        } else {
            vec![(name, bytes)]
        };
        let length: u64 = taken.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        left = left.checked_sub(length).ok_or(Code::RequestTooLarge)?;
        files.extend(taken);
    }
    if !objections.is_empty() {
        let owners = Owners::of(&[]);
        let places = objections.iter().map(|finding| of_finding(Way::Files, &owners, finding));
        let places = places.chain(unsaid.then(|| more(Severity::Advice)));
        return Err(Failure::at(Code::CareplanRefused, places.collect()));
    }
    if files.len() > MAX_FILES {
        return Err(Failure::here(Code::RequestTooLarge, too_many()));
    }
    let mut names: Vec<String> = files.iter().map(|(name, _)| name.to_uppercase()).collect();
    order::sort(&mut names);
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(Failure::here(Code::RequestMalformed, twice()));
    }
    Ok(files)
}

fn judged(files: &[Named], settings: &Settings) -> Result<Judged, Failure> {
    let views: Vec<unit::File<'_>> = files.iter().map(|(name, bytes)| unit::File { name, bytes }).collect();
    careplan::judge(&views, settings).map_err(|error| Failure::from(Code::GatewayInternal).because(error))
}

/// The unit's number and the pointer from there.
fn target(pointer: &str) -> Option<(usize, &str)> {
    let rest = pointer.strip_prefix("/units/")?;
    let (number, _) = rest.split_once('/')?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|_| is_number)?, rest.get(number.len()..)?))
}

fn no_target(index: usize) -> Place {
    let code = ProblemCode::SubstitutionTarget;
    let number = (index + 1).to_string();
    let [ja, en] = [code.ja(), code.en()].map(|sentence| sentence.replace("{detail}", &number));
    Place::at(format!("/substitutions/{index}/pointer"), code.name(), &ja, &en)
}

fn more(severity: Severity) -> Place {
    let place = Place::at(
        "",
        "MORE_FOUND",
        "ほかにも見つかりましたが、数が多いため省きました。示した箇所を直してから、もう一度調べてください。",
        "There is more than is told here. Correct the places named, then look again.",
    );
    Place { severity, ..place }
}
