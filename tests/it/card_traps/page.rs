//! docs/card-faults.md, written from the table.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use engawa::fault::Code;

use super::house::{IDLE_S, SILENCE_S};
use super::table::{Mend, Row, SECTIONS, Then};

/// Compares the committed page; `UPDATE_DOCS=1` writes it instead.
pub(super) fn compare() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/card-faults.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let order = "UPDATE_DOCS=1 cargo test --test it card_traps";
    assert!(committed == page, "docs/card-faults.md differs from the table; run {order}");
}

fn page() -> String {
    let mut page = format!(
        "# What the terminal sees of each fault of a card\n\nGenerated from `tests/it/card_traps/table.rs`; a test compares it, \
         and runs every row with a real gateway, hub, pcscd and cards ([sandbox.md](sandbox.md#cards)) through the endpoint of \
         [cards.md](cards.md). Unless a row says otherwise the request is `identify` with the right PIN, in a session whose \
         card lies there, and the fault is the card's, in the words of sandbox.md; `@other` is another card.\n\n\
         - **told**: `card.tries_spent` of the answer. **sent**: PINs that reached the card, by its own count. **lost**: tries \
         that are gone afterwards, by the card's memory. Nowhere is `sent` more than 1: no request spends two tries. A right PIN \
         gives its try back.\n\
         - **session**: what `GET /v1/card-sessions/{{id}}` says afterwards. **events**: what the terminal gets on `/v1/events`.\n\
         - **afterwards** was done as well. After every row a new session on the same reader identified a person.\n\
         - The gateway's settings: a terminal is gone after {SILENCE_S} seconds, a session idle after {IDLE_S}.\n\
         - An answer of no bytes at all cannot be ordered of vpcd: it waits for ever after one. What a client sees then is what \
         `remove` shows it.\n",
    );
    let mut codes = BTreeSet::new();
    for section in SECTIONS {
        let note = if section.note.is_empty() { String::new() } else { format!("\n{}\n", section.note) };
        writeln!(
            page,
            "\n## {}\n{note}\n| what happens | answer | told | sent | lost | session | events | afterwards |\n\
             |---|---|---|---|---|---|---|---|",
            section.title
        )
        .unwrap();
        for row in section.rows {
            page.push_str(&line(row));
            codes.extend(sentences(row));
        }
    }
    page.push_str("\n## What to do next, as the answer says it\n\n| code | `detail_en` | `detail` |\n|---|---|---|\n");
    for (code, ja, en) in codes {
        writeln!(page, "| `{code}` | {en} | {ja} |").unwrap();
    }
    page
}

fn line(row: &Row) -> String {
    let status = |code: &str| match Code::parse(code) {
        Some(code) => format!("{} `{code}`", code.status()),
        None => code.to_owned(),
    };
    let mut answer = row.code.split('|').map(status).collect::<Vec<_>>().join(" or ");
    if !row.offers.is_empty() {
        write!(answer, "; offers {}", row.offers.join(", ")).unwrap();
    }
    let events: Vec<_> = row.events.iter().map(|name| event(name)).collect();
    let events = if events.is_empty() { "–".to_owned() } else { events.join(", ") };
    let (what, spent, pins, lost, session) =
        (row.what(), row.spent, row.pins, row.lost, row.session.replace('|', " or "));
    format!("| {what} | {answer} | {spent} | {pins} | {lost} | {session} | {events} | {} |\n", afterwards(row))
}

fn event(name: &str) -> String {
    let perhaps = if name.starts_with('?') { "perhaps " } else { "" };
    format!("{perhaps}`{}`", name.trim_start_matches('?').replace('|', "` or `"))
}

fn sentences(row: &Row) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    row.code.split('|').filter_map(Code::parse).map(|code| {
        let (ja, en) = row.advice.unwrap_or((code.ja(), code.en()));
        (code.name(), ja, en)
    })
}

fn afterwards(row: &Row) -> String {
    let mend = match row.mend {
        Mend::Nothing => "",
        Mend::Card => "a card is put in: ",
        Mend::Starts => "pcscd starts again: ",
        Mend::Plugged => "plugged in again: ",
        Mend::GoesOn => "pcscd goes on: ",
        Mend::LetsGo => "it lets go: ",
        Mend::Dies => "it is killed: ",
        Mend::Line => "the line is back: ",
        Mend::Hub => "the hub is sound again: ",
    };
    let then = match row.then {
        Then::Again if row.code == "200" => "the session goes on",
        Then::Again => "the same session identifies",
        Then::Anew => "a new session",
        Then::Reinsert => "the card out and in, a new session",
        Then::Other => "another card, a new session",
    };
    format!("{mend}{then}")
}
