//! The table: what is done, what the terminal sees of it, and how it goes on. `docs/card-faults.md` is written from it.
#![cfg_attr(rustfmt, rustfmt_skip)]

use super::scene::{Act, cards, hub, pcscd, programs, sessions};

/// What is done. Faults are the card's own, as in docs/sandbox.md; `@other` is another card.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    /// Identify by the right PIN while the card has this fault.
    Pin(&'static str),
    /// By a wrong one.
    Wrong(&'static str),
    /// Read the four items with the right PIN.
    Four(&'static str),
    /// Identify visually.
    Face(&'static str),
    /// Send commands of a vendor's own.
    Batch(&'static str),
    /// Something else, in words.
    Act(&'static str, Act),
}

/// What puts it right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mend {
    Nothing,
    /// A card is put in.
    Card,
    /// pcscd starts again.
    Starts,
    /// It starts again with all readers.
    Plugged,
    /// It goes on.
    GoesOn,
    /// The other program lets go.
    LetsGo,
    /// It dies.
    Dies,
    /// The hub takes connections again.
    Line,
    /// It answers soundly again.
    Hub,
}

/// What the terminal does then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The same again, in the same session.
    Again,
    /// It asks for a new session.
    Anew,
    /// The card is taken out and put in; a new session.
    Reinsert,
    /// This card does not help; another one, in a new session.
    Other,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) deed: Deed,
    /// The card's kind as it stands in its name: empty, `-expired` …
    pub(super) kind: &'static str,
    /// Tries left at the beginning, if not all.
    pub(super) left: Option<u8>,
    /// The problem's code, or the status of a success, or `no answer`. Here and in sessions and events, `|` is an or: it
    /// depends on whether pcscd has looked yet.
    pub(super) code: &'static str,
    /// The problem's sentences in both languages, where they are not the catalogue's.
    pub(super) advice: Option<(&'static str, &'static str)>,
    pub(super) offers: &'static [&'static str],
    /// What the terminal is told of the cost; `–`: nothing.
    pub(super) spent: &'static str,
    /// PINs that reached the card.
    pub(super) pins: u64,
    /// Tries that are gone afterwards.
    pub(super) lost: u64,
    pub(super) session: &'static str,
    /// With `?`: perhaps.
    pub(super) events: &'static [&'static str],
    pub(super) mend: Mend,
    pub(super) then: Then,
}

impl Row {
    /// What is done, in words.
    pub(super) fn what(&self) -> String {
        let (how, fault) = match self.deed {
            Do(words, _) => return words.to_owned(),
            Pin(fault) => ("", fault),
            Wrong(fault) => ("wrong PIN: ", fault),
            Four(fault) => ("four items: ", fault),
            Face(fault) => ("visually: ", fault),
            Batch(fault) => ("`…/apdu`: ", fault),
        };
        format!("{how}`{fault}`")
    }

    const fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    const fn left(self, left: u8) -> Self {
        Self { left: Some(left), ..self }
    }

    const fn advice(self, ja: &'static str, en: &'static str) -> Self {
        Self { advice: Some((ja, en)), ..self }
    }

    const fn offers(self, offers: &'static [&'static str]) -> Self {
        Self { offers, ..self }
    }

    const fn lost(self) -> Self {
        Self { lost: 1, ..self }
    }

    /// The session is over, and the terminal is told so.
    const fn ended(self, session: &'static str, events: &'static [&'static str]) -> Self {
        Self { session, events, then: Anew, ..self }
    }

    const fn told(self, events: &'static [&'static str]) -> Self {
        Self { events, ..self }
    }

    const fn mend(self, mend: Mend, then: Then) -> Self {
        Self { mend, then, ..self }
    }

    const fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }
}

/// Nobody notices anything.
const fn fine(deed: Deed, pins: u64) -> Row {
    row(deed, "200", "none", pins)
}

/// The session goes on.
const fn row(deed: Deed, code: &'static str, spent: &'static str, pins: u64) -> Row {
    let (kind, left, advice, offers, lost) = ("", None, None, &[] as &[&str], 0);
    let (session, events, mend, then) = ("granted", &[] as &[&str], Mend::Nothing, Again);
    Row { deed, kind, left, code, advice, offers, spent, pins, lost, session, events, mend, then }
}

/// The card has left the reader.
const fn gone(deed: Deed, code: &'static str, spent: &'static str, pins: u64) -> Row {
    let row = row(deed, code, spent, pins).ended("ended card-removed", &["card absent", "card-session ended card-removed"]);
    row.then(Reinsert)
}

/// It lies there, and the session trusts it no more.
const fn distrusted(deed: Deed, code: &'static str, spent: &'static str, pins: u64) -> Row {
    row(deed, code, spent, pins).ended("ended card-removed", &["card-session ended card-removed"]).then(Reinsert)
}

/// It was away for a moment; pcscd may have noticed.
const fn exchanged(deed: Deed, code: &'static str, spent: &'static str, pins: u64) -> Row {
    distrusted(deed, code, spent, pins).told(&["card-session ended card-removed", "?card absent", "?card present"])
}

/// The card does not answer any more.
const fn mute(deed: Deed, code: &'static str, spent: &'static str, pins: u64) -> Row {
    row(deed, code, spent, pins).told(&["reader degraded CARD_MUTE"]).then(Reinsert)
}

/// What rows shake besides their own reader. Those that shake something run one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shakes {
    Nothing,
    Pcscd,
    /// The hub; or they need the readers for themselves.
    Hub,
}

/// A part of the table.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) note: &'static str,
    /// What its rows shake.
    pub(super) shakes: Shakes,
    pub(super) rows: &'static [Row],
}

use Deed::{Act as Do, Batch, Face, Four, Pin, Wrong};
use Shakes::{Hub, Nothing, Pcscd};
use Then::{Again, Anew, Other, Reinsert};

const OFFLINE: (&str, &str) = (
    "基盤に確かめられないため、暗証番号では確認できません。暗証番号の回数は減っていません。目視か書類で確認してください。",
    "The hub cannot be asked, so a PIN does not help for the moment. No try was spent. Identify visually or by documents.",
);
const WAYS: &[&str] = &["visual", "document"];

pub(super) const SECTIONS: &[Section] = &[
    Section { title: "PINs", note: "", shakes: Nothing, rows: &[
        fine(Do("the right PIN", cards::right), 1),
        row(Do("a wrong PIN", cards::wrong), "CARD_PIN_WRONG", "one", 1).lost(),
        row(Do("a wrong PIN with two tries left", cards::wrong), "CARD_PIN_WRONG", "one", 1).left(2).lost().then(Anew),
        row(Do("any PIN with one try left", cards::right), "CARD_PIN_FLOOR", "none", 0).left(1).offers(WAYS).then(Anew),
        row(Do("a wrong PIN with one try left, `confirm_low_tries`", cards::wrong_knowingly), "CARD_PIN_BLOCKED", "one", 1).left(1).lost().offers(WAYS).then(Other),
        row(Do("the right PIN with one try left, `confirm_low_tries`", cards::right_knowingly), "200", "none", 1).left(1),
        row(Do("any PIN with no try left, `confirm_low_tries`", cards::right_knowingly), "CARD_PIN_BLOCKED", "none", 0).kind("-blocked").offers(WAYS).then(Other),
        row(Do("a card without PIN", cards::right), "CARD_WITHOUT_PIN", "none", 0).kind("-no-pin").offers(WAYS).then(Other),
        row(Do("a PIN of three or five digits, of letters, full-width, or none", cards::malformed), "CARD_PIN_FORMAT", "none", 0),
        row(Do("a PIN that is a number, not a string", cards::no_text), "REQUEST_MALFORMED", "none", 0),
        row(Do("the four items with a wrong PIN", cards::four_wrong), "CARD_PIN_WRONG", "one", 1).lost(),
        row(Do("the four items with one try left", cards::four), "CARD_PIN_FLOOR", "none", 0).advice("暗証番号の残り回数がわずかです。カードには送っていません。本人に確かめ、承知のうえで続けるか、券面を見て入力してください。", "Few PIN tries are left, so nothing was sent to the card. Ask the person; go on knowingly, or copy the items from the card's face.").left(1).then(Anew),
    ] },
    Section { title: "Kinds of cards", note: "", shakes: Nothing, rows: &[
        row(Do("the certificate has expired", cards::right), "CARD_CERTIFICATE_EXPIRED", "none", 0).kind("-expired").offers(&["document"]).then(Other),
        row(Do("the certificate has expired, visually", cards::by_face), "CARD_CERTIFICATE_REFUSED", "none", 0).kind("-expired").offers(&["document"]).then(Other),
        fine(Do("it ends in 20 days: `certificate_expiring`", cards::expiring), 1).kind("-expiring-20"),
        row(Do("it is revoked", cards::right), "CARD_CERTIFICATE_REFUSED", "none", 1).kind("-revoked").offers(&["document"]).then(Other),
        fine(Do("an Android telephone", cards::right), 1).kind("-android"),
        fine(Do("an iPhone", cards::right), 1).kind("-iphone"),
        row(Do("a telephone, visually", cards::by_face), "CARD_UNSUPPORTED", "none", 0).kind("-iphone").offers(&["pin", "document"])
            .advice("スマートフォンの電子証明書は暗証番号なしでは読めません。暗証番号か書類で確認してください。", "A telephone's certificate cannot be read without its PIN. Identify by PIN or by documents."),
        row(Do("a telephone, the four items", cards::four), "CARD_UNSUPPORTED", "none", 0).kind("-android"),
        row(Do("住基カード", cards::right), "CARD_UNSUPPORTED", "none", 0).offers(&["document"]).kind("-juki").then(Other),
        row(Do("a card of another kind, a bank's for example", cards::foreign), "CARD_UNSUPPORTED", "none", 0).offers(&["document"]).then(Other),
        fine(Do("a card without PIN, visually", cards::by_face), 0).kind("-no-pin").then(Other),
    ] },
    Section { title: "At SELECT", note: "", shakes: Nothing, rows: &[
        gone(Pin(r#"{"kind":"remove","ins":"A4"}"#), "CARD_REMOVED", "none", 0),
        mute(Pin(r#"{"kind":"mute","ins":"A4"}"#), "CARD_MUTE", "none", 0),
        mute(Do("mute, and the terminal asks again", programs::mute_and_asked_again), "READER_DEGRADED", "none", 0),
        fine(Pin(r#"{"kind":"slow","ins":"A4"}"#), 1),
        distrusted(Pin(r#"{"kind":"truncate","ins":"A4"}"#), "CARD_REMOVED", "none", 0),
        row(Pin(r#"{"kind":"flip","ins":"A4"}"#), "CARD_ANSWER_INVALID", "none", 0),
        row(Pin(r#"{"kind":"status","ins":"A4"}"#), "CARD_ANSWER_INVALID", "none", 0),
        distrusted(Pin(r#"{"kind":"one_byte","ins":"A4"}"#), "CARD_REMOVED", "none", 0),
        fine(Pin(r#"{"kind":"forget","ins":"A4"}"#), 1),
        row(Pin(r#"{"kind":"forget","ins":"A4","after":2}"#), "CARD_ANSWER_INVALID", "none", 0),
    ] },
    Section { title: "While the certificate is read", note: "", shakes: Nothing, rows: &[
        gone(Pin(r#"{"kind":"remove","ins":"B0","file":"000A","after":2}"#), "CARD_REMOVED", "none", 0),
        exchanged(Pin(r#"{"kind":"remove","ins":"B0","file":"000A","after":2,"ms":1}"#), "CARD_REMOVED", "none", 0),
        exchanged(Pin(r#"{"kind":"remove","ins":"B0","file":"000A","after":2,"ms":1,"holder":"@other"}"#), "CARD_REMOVED", "none", 0),
        gone(Pin(r#"{"kind":"remove","ins":"B0","file":"000A","after":2,"ms":1200,"holder":"@other"}"#), "CARD_REMOVED", "none", 0).told(&["card absent", "card-session ended card-removed", "?card present"]),
        mute(Pin(r#"{"kind":"mute","ins":"B0","file":"000A","after":2}"#), "CARD_MUTE", "none", 0),
        fine(Pin(r#"{"kind":"slow","ins":"B0","file":"000A","after":2}"#), 1),
        row(Pin(r#"{"kind":"truncate","ins":"B0","file":"000A","after":2}"#), "CARD_ANSWER_INVALID", "none", 0),
        row(Pin(r#"{"kind":"flip","ins":"B0","file":"000A","bit":3}"#), "CARD_ANSWER_INVALID", "none", 0),
        row(Pin(r#"{"kind":"flip","ins":"B0","file":"000A","after":2,"bit":900}"#), "CARD_SIGNATURE_INVALID", "none", 1).offers(WAYS),
        row(Pin(r#"{"kind":"flip","ins":"B0","file":"000A","after":4,"bit":8}"#), "CARD_CERTIFICATE_REFUSED", "none", 1).offers(&["document"]).then(Anew),
        row(Pin(r#"{"kind":"status","ins":"B0","file":"000A","after":2}"#), "CARD_ANSWER_INVALID", "none", 0),
        distrusted(Pin(r#"{"kind":"one_byte","ins":"B0","file":"000A","after":2}"#), "CARD_REMOVED", "none", 0),
        row(Pin(r#"{"kind":"forget","ins":"B0","file":"000A","after":2}"#), "CARD_ANSWER_INVALID", "none", 0),
        gone(Face(r#"{"kind":"remove","ins":"B0","file":"000A","after":2}"#), "CARD_REMOVED", "none", 0),
    ] },
    Section { title: "At the question for the tries left", note: "", shakes: Nothing, rows: &[
        gone(Pin(r#"{"kind":"remove","ins":"20"}"#), "CARD_REMOVED", "none", 0),
        exchanged(Pin(r#"{"kind":"remove","ins":"20","ms":1,"holder":"@other"}"#), "CARD_REMOVED", "none", 0),
        mute(Pin(r#"{"kind":"mute","ins":"20"}"#), "CARD_MUTE", "none", 0),
        fine(Pin(r#"{"kind":"slow","ins":"20"}"#), 1),
        distrusted(Pin(r#"{"kind":"truncate","ins":"20"}"#), "CARD_REMOVED", "none", 0),
        row(Pin(r#"{"kind":"flip","ins":"20"}"#), "CARD_ANSWER_INVALID", "none", 0),
        row(Pin(r#"{"kind":"flip","ins":"20","bit":14}"#), "CARD_PIN_FLOOR", "none", 0).offers(WAYS),
        row(Pin(r#"{"kind":"status","ins":"20"}"#), "CARD_ANSWER_INVALID", "none", 0),
        row(Pin(r#"{"kind":"status","sw":"9000","ins":"20"}"#), "CARD_ANSWER_INVALID", "none", 0),
        distrusted(Pin(r#"{"kind":"one_byte","ins":"20"}"#), "CARD_REMOVED", "none", 0),
        row(Pin(r#"{"kind":"forget","ins":"20"}"#), "CARD_ANSWER_INVALID", "none", 0),
    ] },
    Section { title: "At the PIN", note: "", shakes: Nothing, rows: &[
        gone(Pin(r#"{"kind":"remove","ins":"20","after":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS),
        gone(Pin(r#"{"kind":"remove","ins":"20","after":1,"effect":false}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS),
        gone(Wrong(r#"{"kind":"remove","ins":"20","after":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS).lost(),
        exchanged(Pin(r#"{"kind":"remove","ins":"20","after":1,"ms":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS),
        exchanged(Wrong(r#"{"kind":"remove","ins":"20","after":1,"ms":1,"holder":"@other"}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS).lost(),
        gone(Four(r#"{"kind":"remove","ins":"20","after":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1),
        mute(Pin(r#"{"kind":"mute","ins":"20","after":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS),
        mute(Wrong(r#"{"kind":"mute","ins":"20","after":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS).lost(),
        fine(Pin(r#"{"kind":"slow","ins":"20","after":1}"#), 1),
        distrusted(Pin(r#"{"kind":"truncate","ins":"20","after":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS),
        distrusted(Pin(r#"{"kind":"flip","ins":"20","after":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS),
        distrusted(Wrong(r#"{"kind":"flip","ins":"20","after":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS).lost(),
        distrusted(Pin(r#"{"kind":"status","ins":"20","after":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS),
        distrusted(Wrong(r#"{"kind":"status","ins":"20","after":1,"effect":true}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS).lost(),
        distrusted(Wrong(r#"{"kind":"one_byte","ins":"20","after":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS).lost(),
        distrusted(Pin(r#"{"kind":"forget","ins":"20","after":1}"#), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS),
    ] },
    Section { title: "At the signature and after it", note: "The PIN was right, so whatever fails here has cost nothing. The last SELECT is the log-out, which is not needed for the answer.", shakes: Nothing, rows: &[
        gone(Pin(r#"{"kind":"remove","ins":"2A"}"#), "CARD_REMOVED", "none", 1),
        exchanged(Pin(r#"{"kind":"remove","ins":"2A","ms":1,"holder":"@other"}"#), "CARD_REMOVED", "none", 1),
        mute(Pin(r#"{"kind":"mute","ins":"2A"}"#), "CARD_MUTE", "none", 1),
        fine(Pin(r#"{"kind":"slow","ins":"2A"}"#), 1),
        row(Pin(r#"{"kind":"truncate","ins":"2A","bytes":100}"#), "CARD_ANSWER_INVALID", "none", 1),
        row(Pin(r#"{"kind":"flip","ins":"2A","bit":77}"#), "CARD_SIGNATURE_INVALID", "none", 1).offers(WAYS),
        row(Pin(r#"{"kind":"status","sw":"6985","ins":"2A"}"#), "CARD_ANSWER_INVALID", "none", 1),
        distrusted(Pin(r#"{"kind":"one_byte","ins":"2A"}"#), "CARD_REMOVED", "none", 1),
        row(Pin(r#"{"kind":"forget","ins":"2A"}"#), "CARD_ANSWER_INVALID", "none", 1),
        gone(Pin(r#"{"kind":"remove","ins":"20","after":2}"#), "CARD_REMOVED", "none", 1),
        gone(Pin(r#"{"kind":"remove","ins":"A4","after":6}"#), "200", "none", 1),
        mute(Pin(r#"{"kind":"mute","ins":"A4","after":6}"#), "CARD_MUTE", "none", 1),
        gone(Four(r#"{"kind":"remove","ins":"B0","file":"0002"}"#), "CARD_REMOVED", "none", 1),
        row(Four(r#"{"kind":"flip","ins":"B0","file":"0002"}"#), "CARD_ANSWER_INVALID", "none", 1),
    ] },
    Section { title: "The card comes and goes", note: "", shakes: Nothing, rows: &[
        row(Do("no card lies there", cards::empty), "CARD_ABSENT", "none", 0).mend(Mend::Card, Again),
        gone(Do("taken out before the request", cards::taken), "CARD_REMOVED", "none", 0),
        gone(Do("taken out a moment before the request, not yet seen", cards::taken_unseen), "CARD_REMOVED|CARD_ABSENT", "none", 0),
        gone(Do("taken out and put in again before the request", cards::back), "CARD_REMOVED", "none", 0).told(&["card absent", "card present", "card-session ended card-removed"]).then(Anew),
        gone(Do("exchanged before the request", cards::exchanged), "CARD_REMOVED", "none", 0).told(&["card absent", "card present", "card-session ended card-removed"]),
        exchanged(Do("exchanged within pcscd's look of 400 ms, after a first identification", cards::exchanged_unseen), "CARD_REMOVED", "none", 0),
    ] },
    Section { title: "Sessions", note: "", shakes: Nothing, rows: &[
        row(Do("two requests at once in one session: the second one", sessions::two_at_once), "SESSION_BUSY", "none", 0),
        row(Do("the client hangs up while the PIN is on its way", sessions::hangs_up), "no answer", "–", 1),
        row(Do("the client breaks off in the middle of its request", sessions::breaks_off), "no answer", "–", 0),
        row(Do("the session is closed while the PIN is on its way", sessions::closed_meanwhile), "200", "none", 1).ended("ended closed", &["card-session ended closed"]),
        row(Do("the terminal is silent", sessions::silent), "SESSION_ENDED", "none", 0).ended("ended terminal-gone", &["card-session ended terminal-gone"]),
        row(Do("nothing is done with the card", sessions::idle), "SESSION_ENDED", "none", 0).ended("ended idle", &["card-session ended idle"]),
        row(Do("the session is closed before", sessions::closed), "SESSION_ENDED", "none", 0).ended("ended closed", &["card-session ended closed"]),
        row(Do("the terminal's key is revoked", sessions::revoked), "AUTH_INVALID", "none", 0).ended("ended revoked", &[]),
        row(Do("another terminal asks for the reader without waiting", sessions::busy), "CARD_BUSY", "–", 0),
        row(Do("a PIN while the session waits for its turn", sessions::waiting), "SESSION_WAITING", "none", 0),
        row(Do("another terminal's session", sessions::stranger), "SESSION_UNKNOWN", "none", 0),
    ] },
    Section { title: "Other programs on the box", note: "", shakes: Nothing, rows: &[
        fine(Do("it holds a transaction for a moment", programs::held_briefly), 1),
        row(Do("it holds a transaction and lets go later", programs::held), "CARD_HELD_ELSEWHERE", "none", 0).told(&["reader degraded CARD_HELD_ELSEWHERE"]).mend(Mend::LetsGo, Again),
        row(Do("it holds a transaction and dies; pcscd itself resets the card then", programs::held), "CARD_HELD_ELSEWHERE", "none", 0).told(&["reader degraded CARD_HELD_ELSEWHERE"]).mend(Mend::Dies, Again),
        row(Do("it holds a transaction, and the terminal asks again", programs::held_and_asked_again), "CARD_HELD_ELSEWHERE", "none", 0).told(&["reader degraded CARD_HELD_ELSEWHERE"]).mend(Mend::LetsGo, Again),
        row(Do("it has the reader for itself (SCARD_SHARE_EXCLUSIVE)", programs::exclusive), "CARD_HELD_ELSEWHERE", "none", 0).mend(Mend::LetsGo, Again),
    ] },
    Section { title: "A vendor's own card application", note: "", shakes: Nothing, rows: &[
        row(Do("a batch with VERIFY, CHANGE, a signature, secure messaging, chaining, or the application of the My Number", cards::forbidden), "APDU_REFUSED", "none", 0),
        row(Batch(r#"{"kind":"slow","ins":"A4"}"#), "200", "–", 0),
        gone(Batch(r#"{"kind":"remove","ins":"B0"}"#), "CARD_REMOVED", "none", 0),
        mute(Batch(r#"{"kind":"mute","ins":"B0"}"#), "CARD_MUTE", "none", 0),
        distrusted(Batch(r#"{"kind":"one_byte","ins":"B0"}"#), "CARD_REMOVED", "none", 0),
    ] },
    Section { title: "OpenSC beside engawa", note: "OpenSC looks at every reader when it starts, and a mute card on any of them makes it wait.", shakes: Hub, rows: &[
        fine(Do("another program resets the card (`opensc-tool --reset`)", programs::reset), 1),
        fine(Do("`pkcs11-tool --login --sign` on the same card, over and over, verified by openssl; engawa identifies meanwhile", programs::beside_opensc), 1),
    ] },
    Section { title: "pcscd and the reader", note: "", shakes: Pcscd, rows: &[
        row(Do("pcscd killed before the request", pcscd::killed), "SESSION_ENDED", "none", 0).ended("ended reader-lost", GONE).mend(Mend::Starts, Anew),
        row(Do("pcscd killed while the certificate is read", pcscd::killed_reading), "PCSC_DOWN", "none", 0).ended("ended reader-lost|ended card-removed", LOST).mend(Mend::Starts, Anew),
        row(Do("pcscd killed while the PIN is on its way", pcscd::killed_with_pin), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS).ended("ended reader-lost|ended card-removed", LOST).mend(Mend::Starts, Anew),
        row(Do("pcscd killed after the PIN, at the signature", pcscd::killed_signing), "PCSC_DOWN", "none", 1).ended("ended reader-lost|ended card-removed", LOST).mend(Mend::Starts, Anew),
        row(Do("pcscd restarted before the request", pcscd::restarted), "SESSION_ENDED", "none", 0).ended("ended reader-lost", BACK),
        row(Do("pcscd stands still before the request (SIGSTOP)", pcscd::stopped), "PCSC_DOWN", "none", 0).told(HUNG).mend(Mend::GoesOn, Again),
        row(Do("pcscd has just come to a standstill", pcscd::stopped_unseen), "PCSC_DOWN", "none", 0).told(HUNG).mend(Mend::GoesOn, Again),
        row(Do("pcscd stands still while the certificate is read", pcscd::stopped_reading), "PCSC_DOWN", "none", 0).told(HUNG).mend(Mend::GoesOn, Again),
        row(Do("pcscd stands still while the PIN is on its way", pcscd::stopped_with_pin), "CARD_OUTCOME_UNKNOWN", "unknown", 1).offers(WAYS).told(HUNG).mend(Mend::GoesOn, Anew),
        row(Do("pcscd stands still at the signature", pcscd::stopped_signing), "PCSC_DOWN", "none", 1).told(HUNG).mend(Mend::GoesOn, Again),
        row(Do("the reader is unplugged before the request", pcscd::unplugged), "SESSION_ENDED", "none", 0).ended("ended reader-lost", UNPLUGGED).mend(Mend::Plugged, Anew),
        row(Do("a new session on a reader that is unplugged", pcscd::unplugged_anew), "READER_ABSENT", "–", 0).ended("ended reader-lost", UNPLUGGED).mend(Mend::Plugged, Anew),
    ] },
    Section { title: "The hub", note: "", shakes: Hub, rows: &[
        row(Do("out of reach before the request", hub::offline), "HUB_UNREACHABLE", "none", 0).advice(OFFLINE.0, OFFLINE.1).offers(WAYS).mend(Mend::Line, Again),
        row(Do("out of reach, visually: recorded and sent later", hub::offline_by_face), "202", "–", 0).mend(Mend::Line, Again),
        row(Do("out of reach once the card has signed", hub::offline_signed), "HUB_UNREACHABLE", "none", 1).advice(OFFLINE.0, OFFLINE.1).offers(WAYS).mend(Mend::Line, Again),
        row(Do("silent when asked for its challenge", hub::challenge_late), "HUB_TIMEOUT", "none", 0).advice(OFFLINE.0, OFFLINE.1).offers(WAYS).mend(Mend::Hub, Again),
        row(Do("it gives this account no challenge", hub::challenge_refused), "HUB_NOT_PERMITTED", "none", 0).mend(Mend::Hub, Again),
        row(Do("the signature does not reach it", hub::assertion_cut), "HUB_UNREACHABLE", "none", 1).advice(OFFLINE.0, OFFLINE.1).offers(WAYS).mend(Mend::Hub, Again),
        row(Do("its answer to the signature is lost", hub::assertion_lost), "HUB_UNREACHABLE", "none", 1).advice(OFFLINE.0, OFFLINE.1).offers(WAYS).mend(Mend::Hub, Again),
        row(Do("its answer to the signature is late", hub::assertion_late), "HUB_TIMEOUT", "none", 1).advice(OFFLINE.0, OFFLINE.1).offers(WAYS).mend(Mend::Hub, Again),
        row(Do("a proxy's page in place of its answer", hub::assertion_page), "HUB_NONSENSE", "none", 1).advice(OFFLINE.0, OFFLINE.1).offers(WAYS).mend(Mend::Hub, Again),
        row(Do("the challenge has run out", hub::challenge_spent), "CHALLENGE_SPENT", "none", 1).advice("基盤の確認の期限が切れました。暗証番号の回数は減っていません。もう一度、ご本人に暗証番号を入れてもらってください。", "The hub's challenge has run out. No try was spent. Ask the person to enter the PIN once more.").mend(Mend::Hub, Again),
    ] },
];

/// pcscd or the reader is gone.
const GONE: &[&str] = &["card-session ended reader-lost", "reader absent PCSC_DOWN"];
/// The same, while pcscd starts again with the readers that are left.
const UNPLUGGED: &[&str] = &["card-session ended reader-lost", "reader absent PCSC_DOWN|reader absent READER_ABSENT"];
/// The same, while a command was under way: either loss may be seen first.
const LOST: &[&str] = &["card-session ended reader-lost|card-session ended card-removed", "reader absent PCSC_DOWN"];
/// It was, and is back.
const BACK: &[&str] = &["card-session ended reader-lost", "reader absent PCSC_DOWN|reader absent READER_ABSENT", "reader ok", "card present"];
const HUNG: &[&str] = &["reader degraded PCSC_DOWN"];
