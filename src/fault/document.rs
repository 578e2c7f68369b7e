//! docs/errors.md, written from the table.

use std::fmt::Write as _;

use super::{Blame, Code, Retry};

/// The catalogue as a Markdown page, one table row a code.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# Error codes\n\nGenerated from `src/fault/catalogue.rs`; a test compares it. Every answer outside 2xx is \
         `application/problem+json` (RFC 9457) with `code`, `title`, `detail` (Japanese), `detail_en` and `correlation_id`; \
         bad input adds `errors`, one entry a place, with a JSON pointer.\n\n\
         | code | status | who acts | try again | 日本語 | English |\n|---|---|---|---|---|---|\n",
    );
    for code in Code::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {} |",
            code.name(),
            code.status(),
            blame(code.blame()),
            retry(code.retry()),
            code.ja(),
            code.en()
        );
    }
    page
}

const fn blame(blame: Blame) -> &'static str {
    match blame {
        Blame::Caller => "caller",
        Blame::Card => "holder of the card",
        Blame::Hub => "hub or line",
        Blame::Gateway => "engawa",
        Blame::Operator => "administrator",
    }
}

const fn retry(retry: Retry) -> &'static str {
    match retry {
        Retry::Never => "no: change the request",
        Retry::Automatic => "engawa does it",
        Retry::Later => "yes, later",
        Retry::AfterRemedy => "after it is put right",
    }
}
