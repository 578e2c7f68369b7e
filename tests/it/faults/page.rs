//! docs/faults.md, written from the table.

use std::fmt::Write as _;

use engawa::fault::Code;

use super::next;
use super::table::{End, Eta, Order, ROWS, Row, Then};

/// Compares the committed page; `UPDATE_DOCS=1` writes it instead.
pub(super) fn compare() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "docs/faults.md differs from the table; run UPDATE_DOCS=1 cargo test --test it faults");
}

fn page() -> String {
    let mut page = String::from(
        "# What the sender sees of each fault\n\nGenerated from `tests/it/faults/table.rs`; a test compares it, and runs every \
         row with a real gateway and the sandbox of [sandbox.md](sandbox.md). State, reason, `eta` and next step are those of \
         `GET /v1/opinions/{id}`; the sentence of each reason is in [errors.md](errors.md). `@4s` is the time in four seconds. \
         A fault without `times` meets one call, one with `times` 0 all of them until it is cleared. Each row that ends \
         delivered ends with exactly one effect at the hub, under the receipt that the sender is shown.\n\n\
         | fault | state | reason | who acts | eta | next step | ends |\n|---|---|---|---|---|---|---|\n",
    );
    for row in ROWS {
        let reason = if row.reason.is_empty() { "–".to_owned() } else { format!("`{}`", row.reason) };
        let (order, state, eta) = (order(&row.order), row.state, eta(row.eta));
        let (blame, next, end) = (blame(row), row.next.en, end(row));
        writeln!(page, "| {order} | {state} | {reason} | {blame} | {eta} | {next} | {end} |").unwrap();
    }
    page.push_str("\n## Next steps in both languages\n\n| English | 日本語 |\n|---|---|\n");
    for next in next::ALL {
        writeln!(page, "| {} | {} |", next.en, next.ja).unwrap();
    }
    page
}

fn order(order: &Order) -> String {
    match order {
        Order::Faults(text) => format!("`{text}`"),
        Order::Warm(text) => format!("with a token in hand: `{text}`"),
        Order::Large(text) => format!("6 MiB: `{text}`"),
        Order::PowerDown => "the hub refuses connections (`power`)".to_owned(),
        Order::Certificate(name) => format!("the gateway has the certificate `{name}`"),
    }
}

fn eta(eta: Eta) -> String {
    match eta {
        Eta::None => "–".to_owned(),
        Eta::Some => "yes".to_owned(),
        Eta::After(seconds) if seconds < 60 => format!("in {seconds} s or more"),
        Eta::After(seconds) if seconds < 3600 => format!("in about {} min", (seconds + 100) / 60),
        Eta::After(seconds) if seconds < 90_000 => "in a day".to_owned(),
        Eta::After(_) => "the day named".to_owned(),
    }
}

fn blame(row: &Row) -> String {
    let Some(code) = Code::parse(row.reason) else { return "–".to_owned() };
    serde_json::to_value(code.blame()).unwrap().as_str().unwrap().to_owned()
}

fn end(row: &Row) -> &'static str {
    match (row.then, row.end, row.state) {
        (_, End::Accepted, _) => "delivered; the municipality's acceptance becomes known",
        (_, _, "delivered") => "delivered",
        (_, End::Stays, "returned") => "final",
        (_, End::Stays, _) => "goes on at that time; the hub is left alone until then",
        (Then::Cleared, ..) => "delivered by itself once the fault is cleared",
        (Then::Reloaded, ..) => "delivered once it is put right and engawa reloaded",
        (Then::Password, ..) => {
            "delivered once the new password is in its file and engawa reloaded; until then no second try"
        }
        (Then::Retried, ..) => "delivered after retry",
        (Then::Alone | Then::Nothing, ..) => "delivered by itself",
    }
}
