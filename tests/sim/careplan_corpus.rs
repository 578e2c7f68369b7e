//! The fuzzers' corpus of care plan files, names and archives, replayed through the fuzzers' own assertions.

use std::path::Path;

use crate::card_corpus::bodies::CAREPLAN;

#[test]
fn the_corpus_is_read_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/careplan");
    let (mut failed, mut files, mut size) = (Vec::new(), 0, 0);
    for (name, run) in CAREPLAN {
        let before = files;
        for entry in std::fs::read_dir(corpus.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            if std::panic::catch_unwind(|| run(&bytes)).is_err() {
                failed.push(path);
            }
            files += 1;
            size += bytes.len();
        }
        assert!(files - before >= 8, "only {} files in the corpus of {name}", files - before);
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(files < 300 && size < 200_000, "{files} files, {size} bytes: see tests/fuzz/README.md");
}
