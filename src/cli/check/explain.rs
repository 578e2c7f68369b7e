//! `engawa check --explain`: what six digits stand for, for whoever answers the telephone. Needs neither settings nor the box.

use serde_json::{Value, json};

use super::{Digits, Finding, Misheard};
use crate::cli::Exit;
use crate::cli::output::{answer, complain};

pub(super) fn run(told: &str, json: bool) -> Exit {
    match Digits::parse(told) {
        Ok(digits) => {
            answer(json, &meaning(digits), || readable(digits));
            Exit::Ok
        }
        Err(misheard) => {
            let (ja, en) = said(&misheard);
            let meant: Vec<Value> = candidates(&misheard).iter().map(|digits| meaning(*digits)).collect();
            match json {
                true => {
                    answer(true, &json!({ "ok": false, "detail": ja, "detail_en": en, "perhaps": meant }), String::new);
                }
                false => complain(&format!("{ja}\n{en}\n{}", perhaps(candidates(&misheard)))),
            }
            if matches!(misheard, Misheard::Length(_) | Misheard::NoDigit(_)) { Exit::Usage } else { Exit::Failed }
        }
    }
}

fn findings(digits: Digits) -> impl Iterator<Item = Finding> {
    digits.first.into_iter().chain(digits.second)
}

fn meaning(digits: Digits) -> Value {
    let of = |finding: Finding| {
        json!({
            "finding": finding.number(), "verdict": finding.verdict(), "code": finding.code(), "who": finding.who(),
            "detail": finding.ja(), "detail_en": finding.en(), "next": finding.next_ja(), "next_en": finding.next_en(),
        })
    };
    let found: Vec<Value> = findings(digits).map(of).collect();
    json!({ "ok": true, "digits": digits.to_string(), "findings": found })
}

fn readable(digits: Digits) -> String {
    let mut text = format!("{}\n", digits.spoken());
    if digits == Digits::default() {
        text.push_str("直すところはありません。\nNothing has to be put right.\n");
    }
    for finding in findings(digits) {
        let who = finding.who();
        text.push_str(&format!(
            "\n{}  {}  ({})\n      {}\n      {}\n  → {} / {}\n      {}\n      {}\n",
            super::report::word(finding.verdict()),
            finding.code(),
            finding.number(),
            finding.ja(),
            finding.en(),
            who.ja(),
            who.en(),
            finding.next_ja(),
            finding.next_en()
        ));
    }
    text
}

fn said(misheard: &Misheard) -> (String, String) {
    match misheard {
        Misheard::Length(length) => {
            (format!("6桁の数字です（{length}桁でした）。"), format!("The number has six digits; these are {length}."))
        }
        Misheard::NoDigit(char) => {
            (format!("数字でないものがあります:「{char}」"), format!("This is not a digit: {char:?}."))
        }
        Misheard::Check(_) => (
            "数字が合いません。1桁の聞き違いか、隣どうしの入れ替わりです。もう一度読み上げてもらってください。"
                .to_owned(),
            "The digits do not fit: one was misheard, or two neighbours changed places. Have them read out again."
                .to_owned(),
        ),
        Misheard::Unknown => (
            "数字は合いますが、この版のengawaは知らない内容です。新しい版で調べてください。".to_owned(),
            "The digits fit, and this version of engawa does not know what they stand for. Ask a newer one.".to_owned(),
        ),
    }
}

fn candidates(misheard: &Misheard) -> &[Digits] {
    match misheard {
        Misheard::Check(meant) => meant,
        _ => &[],
    }
}

fn perhaps(meant: &[Digits]) -> String {
    let mut text = String::new();
    if !meant.is_empty() {
        text.push_str("もしかすると / perhaps:\n");
    }
    for digits in meant {
        let found: Vec<String> =
            findings(*digits).map(|finding| format!("{} / {}", finding.ja(), finding.en())).collect();
        let found = if found.is_empty() { "正常 / all is well".to_owned() } else { found.join("\n           ") };
        text.push_str(&format!("  {}  {found}\n", digits.spoken()));
    }
    text
}
