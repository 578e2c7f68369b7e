//! The page that goes with what is sent on paper.

use engawa::model::careplan::cover::{Cover, page};

fn cover() -> Cover {
    Cover {
        id: "0190".to_owned(),
        date: Some(jiff::civil::date(2026, 11, 2)),
        to: ("9970000023".to_owned(), "11".to_owned()),
        from: ("9970000015".to_owned(), "43".to_owned()),
        unit: "H2".to_owned(),
        month: Some("202605".to_owned()),
        stamp: "20260425101500".to_owned(),
        files: vec!["UPPLAN_<script>.CSV".to_owned(), "b.CSV".to_owned()],
        reason: Some(["理由です。".to_owned(), "Why & how.".to_owned()]),
    }
}

#[test]
fn it_says_what_the_papers_stand_for() {
    let page = page(&cover());
    for said in [
        "事業所番号 9970000023（サービス種類 11） 御中",
        "事業所番号 9970000015",
        "サービス利用票・別表",
        "2026年5月",
        "20260425101500",
        "b.CSV",
        "理由です。",
        "2026年11月2日",
        "0190",
        "size:A4",
    ] {
        assert!(page.contains(said), "{said} is missing:\n{page}");
    }
}

#[test]
fn it_runs_nothing_and_loads_nothing() {
    let page = page(&cover());
    assert!(page.contains("UPPLAN_&lt;script&gt;.CSV") && page.contains("Why &amp; how."), "{page}");
    for active in ["<script", "<img", "<link", "<iframe", "http:", "https:", "url(", "@import"] {
        assert!(!page.contains(active), "{active}");
    }
}

#[test]
fn what_it_was_not_told_it_leaves_out() {
    let page = page(&Cover { month: None, reason: None, date: None, unit: "X9".to_owned(), ..cover() });
    assert!(page.contains("X9") && !page.contains("対象年月") && !page.contains("紙で送る理由"), "{page}");
}
