//! The catalogue is complete and its page is current.

use engawa::fault::{Code, markdown};

#[test]
fn names_are_unique_and_parse_back() {
    let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
    for code in Code::ALL {
        assert_eq!(Code::parse(code.name()), Some(*code));
        assert!(code.ja().ends_with('。') && code.en().ends_with('.'), "{code}");
    }
}

#[test]
fn errors_page_matches_the_catalogue() {
    crate::golden("docs/errors.md", &markdown());
}
