//! The table of what `engawa check` can find, and the page that is written from it.

use engawa::cli::{Finding, Verdict, findings_markdown};

#[test]
fn the_page_is_the_table() {
    const HEADING: &str = "## Findings\n";
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/check.md")).unwrap();
    let (written, _) = page.split_once(HEADING).unwrap();
    let intro =
        "Written from `src/cli/check/finding.rs`; a test compares it. A number is never used for anything else.";
    crate::golden("docs/check.md", &format!("{written}{HEADING}\n{intro}\n\n{}", findings_markdown()));
}

#[test]
fn numbers_stand_in_order_and_fit_into_the_digits() {
    let numbers: Vec<u16> = Finding::ALL.iter().map(|finding| finding.number()).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    assert!(numbers.first() > Some(&0) && numbers.last() < Some(&300), "{numbers:?}");
}

#[test]
fn every_finding_says_what_and_what_next_in_both_languages() {
    for finding in Finding::ALL {
        assert_ne!(finding.verdict(), Verdict::Ok, "{finding:?}");
        for text in [finding.ja(), finding.next_ja()] {
            assert!(text.ends_with('。') && !text.contains('|'), "{finding:?}: {text}");
        }
        for text in [finding.en(), finding.next_en()] {
            assert!(text.ends_with('.') && text.is_ascii() && !text.contains('|'), "{finding:?}: {text}");
        }
    }
}
