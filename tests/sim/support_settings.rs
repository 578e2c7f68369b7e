//! Of every setting it is decided what a support bundle tells of it.

#[test]
fn what_a_support_bundle_tells_is_decided_for_every_setting() {
    assert_eq!(engawa::cli::undecided_settings(), Vec::<String>::new());
}
