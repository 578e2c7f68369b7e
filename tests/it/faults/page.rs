//! docs/faults.md, written from the table.

use std::fmt::Write as _;

use engawa::fault::Code;

use super::arrivals::{self, ARRIVALS, Arrival, Sight};
use super::next;
use super::plans::PLANS;
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
         delivered ends with exactly one effect at the hub, under the receipt that the sender is shown.\n\n",
    );
    rows(&mut page, ROWS);
    page.push_str(
        "\n## Care plans on their way out\n\nAs above; faults of the login, of the connection and of the gateway's own certificate \
         are the same. The state is that of one delivery, `GET /v1/submissions/{id}`.\n\n",
    );
    rows(&mut page, PLANS);
    arriving(&mut page);
    page.push_str("\n## Next steps in both languages\n\n| English | 日本語 |\n|---|---|\n");
    for next in next::ALL {
        writeln!(page, "| {} | {} |", next.en, next.ja).unwrap();
    }
    page
}

fn rows(page: &mut String, rows: &[Row]) {
    page.push_str("| fault | state | reason | who acts | eta | next step | ends |\n|---|---|---|---|---|---|---|\n");
    for row in rows {
        let reason = if row.reason.is_empty() { "–".to_owned() } else { format!("`{}`", row.reason) };
        let (order, state, eta) = (order(&row.order), row.state, eta(row.eta));
        let (blame, next, end) = (blame(row), row.next.en, end(row));
        writeln!(page, "| {order} | {state} | {reason} | {blame} | {eta} | {next} | {end} |").unwrap();
    }
}

fn arriving(page: &mut String) {
    page.push_str(
        "\n## Care plans coming in\n\nWhat the other office's box sees; `on` says what it asked for: the list, one unit, or to tell the \
         sender that the unit is here. One unit that fails keeps no other from coming, and none comes twice.\n\n\
         | fault | where it shows | reason | ends |\n|---|---|---|---|\n",
    );
    for row in ARRIVALS {
        let fault = row.fault.strip_prefix('{').unwrap();
        let (place, reason) = match row.sight {
            Sight::None => ("nowhere", "–".to_owned()),
            Sight::Health(code) => ("health, part `inbox`", format!("`{code}`")),
            Sight::Item(code) => ("the unit in the list", format!("`{code}`")),
            Sight::Log(code) => ("the log", format!("`{code}`")),
        };
        writeln!(page, "| `{{\"on\":\"{}\",{fault}` | {place} | {reason} | {} |", row.on, arrived(row)).unwrap();
    }
}

fn arrived(row: &Arrival) -> &'static str {
    match (row.end, row.sight, row.fault.contains("\"times\":0")) {
        (arrivals::End::Untold, ..) => {
            "here, once; the hub does not take the word, so that the sender sees `delivered`"
        }
        (_, _, true) => "here, once, and the sender told, once the fault is cleared",
        (_, Sight::None, _) => "here, once, and the sender told",
        _ => "here, once, and the sender told, by itself",
    }
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
