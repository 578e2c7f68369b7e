//! The page that lies on top of what is sent on paper instead.
//!
//! It says which data these papers stand for, and nothing about a person. It loads nothing and runs nothing: one file that any
//! browser prints on A4.

use jiff::civil::Date;

use super::send_units;

/// What the page says. None of it is person data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// The delivery's id.
    pub id: String,
    /// The day it was printed for, in Japan.
    pub date: Option<Date>,
    /// 送信先: 事業所番号 and service kind.
    pub to: (String, String),
    /// 送信元: 事業所番号 and service kind.
    pub from: (String, String),
    /// Which send unit: `H2`; see docs/careplan.md.
    pub unit: String,
    /// `YYYYMM`, of units of one month.
    pub month: Option<String>,
    /// ファイル連番, 14 digits.
    pub stamp: String,
    /// Names of the CSV files.
    pub files: Vec<String>,
    /// Why not electronically, in Japanese and English.
    pub reason: Option<[String; 2]>,
}

const STYLE: &str = "\
@page{size:A4;margin:20mm}\
body{font-family:'Noto Sans CJK JP','Noto Sans JP','Yu Gothic','Hiragino Sans',sans-serif;font-size:11pt;line-height:1.6;\
color:#000;background:#fff;max-width:170mm;margin:0 auto}\
h1{font-size:20pt;text-align:center;letter-spacing:.2em;margin:10mm 0 0}\
h1+p{text-align:center;margin:0 0 8mm}\
.to{font-size:15pt;border-bottom:1pt solid #000;display:inline-block;padding-right:10mm;margin:0}\
.day{text-align:right;margin:0}\
table{border-collapse:collapse;width:100%;margin:8mm 0}\
th,td{border:.5pt solid #000;padding:2mm 3mm;text-align:left;vertical-align:top}\
th{width:46mm;font-weight:normal;background:#eee}\
small{display:block;font-size:8.5pt;color:#333}\
code{font-family:inherit;overflow-wrap:anywhere}";

/// The page: HTML in UTF-8.
#[must_use]
pub fn page(cover: &Cover) -> String {
    let rows: String = rows(cover).iter().map(|[ja, en, value]| row(ja, en, value)).collect();
    let day = cover.date.map_or_else(String::new, |date| {
        format!("<p class=\"day\">{}年{}月{}日<small>{date}</small></p>\n", date.year(), date.month(), date.day())
    });
    let to = office(&cover.to);
    format!(
        "<!DOCTYPE html>\n<html lang=\"ja\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>ケアプラン送付状</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{day}\
         <h1>ケアプラン送付状</h1>\n<p>Cover page: care plans sent on paper</p>\n\
         <p class=\"to\">{to} 御中</p>\n\
         <p>下記の書類を、データ連携に代えて紙でお送りします。同じ内容をデータで送ることはありません。\
         <small>The papers listed below are sent in place of the electronic exchange. They are not sent electronically as well.</small></p>\n\
         <table>\n{rows}</table>\n</body>\n</html>\n"
    )
}

/// What stands in the table: Japanese, English, and the value as HTML.
fn rows(cover: &Cover) -> Vec<[String; 3]> {
    let mut rows = vec![
        line("送信先", "To", office(&cover.to)),
        line("送信元", "From", office(&cover.from)),
        line("内容", "What", contents(&cover.unit)),
    ];
    if let Some(month) = &cover.month {
        rows.push(line("対象年月", "Month", self::month(month)));
    }
    rows.push(line("ファイル連番", "Stamp", escaped(&cover.stamp)));
    let files: Vec<String> = cover.files.iter().map(|file| format!("<code>{}</code>", escaped(file))).collect();
    rows.push(line("ファイル", "Files", files.join("<br>")));
    if let Some([ja, en]) = &cover.reason {
        rows.push(line("紙で送る理由", "Why on paper", format!("{}<small>{}</small>", escaped(ja), escaped(en))));
    }
    rows.push(line("管理番号", "Reference", format!("<code>{}</code>", escaped(&cover.id))));
    rows
}

fn line(ja: &str, en: &str, value: String) -> [String; 3] {
    [ja.to_owned(), en.to_owned(), value]
}

fn row(ja: &str, en: &str, value: &str) -> String {
    format!("<tr><th>{ja}<small>{en}</small></th><td>{value}</td></tr>\n")
}

fn office((number, kind): &(String, String)) -> String {
    format!("事業所番号 {}（サービス種類 {}）", escaped(number), escaped(kind))
}

fn contents(unit: &str) -> String {
    match send_units().iter().find(|known| known.id == unit) {
        Some(known) => format!("{}<small>{}</small>", escaped(known.label), escaped(known.english)),
        None => escaped(unit),
    }
}

fn month(month: &str) -> String {
    match month.split_at_checked(4) {
        Some((year, rest)) => format!("{}年{}月", escaped(year), escaped(rest.trim_start_matches('0'))),
        None => escaped(month),
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            character if character.is_control() => safe.push('\u{FFFD}'),
            character => safe.push(character),
        }
    }
    safe
}
