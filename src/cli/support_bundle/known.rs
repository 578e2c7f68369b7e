//! What the box knows people by, read while a bundle is made, so that none of it goes in.

use std::path::Path;
use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::Ground;
use super::box_state::{may_ask, site, wait};
use super::scan::{Label, Scan, Words};
use super::settings;
use crate::cli::client;
use crate::config::Loaded;
use crate::credential::seal::Keyring;
use crate::store::{self, KnownPerson, KnownWords};
use crate::{gateway, host, people};

/// A service that has not answered by then tells no names: what the database says is not to wait for it.
const DEAF: Duration = Duration::from_secs(8);

/// What a bundle is scanned for.
pub(super) struct Known {
    pub(super) scan: Scan,
    /// Why not every name is known; `None` when all are, or there is nobody.
    pub(super) unknown: Option<String>,
    /// Not even users and labels are known.
    pub(super) nobody: bool,
}

/// Gathers it. `stored` is what the database says, or why it says nothing.
pub(super) fn gather(ground: &Ground, stored: Option<Result<KnownWords, String>>) -> Known {
    let mut words = Words::default();
    let mut own: Vec<String> = Vec::new();
    settings::withheld(&ground.raw, &mut words);
    if ground.path != Path::new(crate::config::DEFAULT_PATH) {
        settings::place(&ground.path.display().to_string(), &mut words);
        ground.path.parent().into_iter().for_each(|folder| settings::place(&folder.display().to_string(), &mut words));
    }
    for name in settings::beside(&ground.path).iter().filter_map(|path| path.file_name()?.to_str()) {
        settings::place(name, &mut words);
    }
    // `localhost` names no machine.
    host::host_name()
        .filter(|name| name != "localhost" && name != "engawa")
        .into_iter()
        .for_each(|name| words.add(&name, Label::Host));
    if let Ok(loaded) = &ground.loaded {
        own.extend(loaded.facilities().map(|config| config.facility.number.clone()));
    }
    own.extend(
        ground
            .raw
            .iter()
            .filter(|(key, _)| key == "facility.number")
            .filter_map(|(_, value)| value.as_str().map(str::to_owned)),
    );
    let mut nobody = stored.as_ref().is_some_and(Result::is_err);
    let unknown = match stored {
        // A box that holds nothing yet knows nobody; or its state is where broken settings do not say.
        None => {
            nobody = ground.loaded.is_err();
            nobody.then(|| "the settings are broken, and where the state is, is not known".to_owned())
        }
        Some(Err(why)) => Some(why),
        Some(Ok(stored)) => {
            own.extend(stored.facilities.iter().cloned());
            for (list, label) in
                [(&stored.users, Label::User), (&stored.labels, Label::Terminal), (&stored.files, Label::File)]
            {
                list.iter().for_each(|word| words.add(word, label));
            }
            names(ground, &stored.people, &mut words)
        }
    };
    // What is no facility's number would let a number of a person through.
    own.retain(|number| number.len() == 10);
    Known { scan: Scan::new(words, own), unknown, nobody }
}

/// What the database says; `None` where there is none.
pub(super) fn stored(state: &Path) -> Option<Result<KnownWords, String>> {
    match state.join("engawa.db").try_exists() {
        Ok(false) => None,
        Ok(true) => {
            Some(wait(async { store::known_words(state).await.map_err(|error| crate::cli::output::chain(&error)) }))
        }
        Err(error) => Some(Err(format!("the state directory cannot be looked into: {error}"))),
    }
}

fn names(ground: &Ground, people: &[KnownPerson], words: &mut Words) -> Option<String> {
    let Ok(loaded) = &ground.loaded else {
        return (!people.is_empty())
            .then(|| "the names of the staff are sealed, and the settings that name the key are broken".to_owned());
    };
    let keys = keys(loaded);
    let mut sealed: Vec<&KnownPerson> = Vec::new();
    for person in people {
        let opened = keys
            .as_ref()
            .and_then(|keys| keys.open_note(people::name_place(&person.facility, &person.user), &person.name).ok());
        match opened.as_ref().and_then(|name| std::str::from_utf8(name).ok()) {
            Some(name) => words.name(name),
            None => sealed.push(person),
        }
    }
    if sealed.is_empty() {
        return None;
    }
    let told = told(loaded);
    told.iter().for_each(|(_, _, name)| words.name(name));
    let all = sealed
        .iter()
        .all(|person| told.iter().any(|(facility, user, _)| *facility == person.facility && *user == person.user));
    (!all).then(|| {
        "the names of the staff are sealed; the master key cannot be read here, and the service does not tell them"
            .to_owned()
    })
}

/// The keys, where they lie in a file that may be read. A token is not asked: that would take its PIN.
fn keys(loaded: &Loaded) -> Option<Keyring> {
    let file = gateway::key_file(&loaded.config).ok()?;
    if file.is_wrapped() { None } else { file.read().ok() }
}

/// Facility, user and name of everybody, from the running service.
fn told(loaded: &Loaded) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    if may_ask(loaded).is_err() {
        return all;
    }
    for config in loaded.facilities() {
        let asked = wait(async {
            let site = site(config, true);
            let asking = client::ask(&site, Method::GET, "/v1/staff", None);
            match tokio::time::timeout(DEAF, asking).await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                Err(_) => Err("no answer".to_owned()),
            }
        });
        let Ok(answer) = asked else { return all };
        let items = answer.body.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |item: &Value, member: &str| item.get(member).and_then(Value::as_str).map(str::to_owned);
        all.extend(
            items
                .iter()
                .filter_map(|item| Some((config.facility.number.clone(), text(item, "user")?, text(item, "name")?))),
        );
    }
    all
}
