//! The evidence pack as a page to print: one file that loads nothing and runs nothing.

use serde_json::Value;

const STYLE: &str = "\
@page{size:A4 landscape;margin:12mm}\
body{font-family:'Noto Sans CJK JP','Noto Sans JP','Yu Gothic','Hiragino Sans',sans-serif;font-size:9pt;line-height:1.5;\
color:#000;background:#fff;margin:0 auto;max-width:270mm}\
h1{font-size:17pt;margin:0}h2{font-size:12pt;margin:7mm 0 2mm;break-after:avoid}\
table{border-collapse:collapse;width:100%}tr{break-inside:avoid}thead{display:table-header-group}\
th,td{border:.4pt solid #000;padding:1mm 1.5mm;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{background:#eee;font-weight:normal}small{color:#333}code{font-size:7.5pt;overflow-wrap:anywhere}";

/// The page of a pack.
pub(super) fn page(pack: &Value) -> String {
    let trail = &pack["trail"];
    let fits = match trail["fits"].as_bool() {
        Some(true) => "つながっています / fits",
        _ => "つながっていません / DOES NOT FIT",
    };
    let facts = [
        ("事業所 / facility", text(&pack["facility"])),
        ("年月 / month", text(&pack["month"])),
        ("対象者 / user", if pack["user"].is_null() { "全員 / everybody".to_owned() } else { text(&pack["user"]) }),
        ("作成 / made", format!("{} (engawa {})", text(&pack["made_at"]), text(&pack["engawa"]))),
        ("記録 / records", format!("{}・{fits}", text(&trail["records"]))),
        ("うち除いたもの / left out of them", text(&trail["left_out"])),
        ("前の記録 / the record before", code(&trail["before"])),
        ("最後の記録 / the last record", code(&trail["head"])),
    ];
    let facts: String =
        facts.iter().map(|(name, value)| format!("<tr><th>{name}</th><td>{value}</td></tr>\n")).collect();
    let sent = rows(&pack["sent"], |item| {
        let receipt = &item["receipt"];
        [
            format!("{}<br><code>{}</code>", kind(&item["kind"]), text(&item["id"])),
            text(&item["accepted_at"]),
            format!(
                "{}{}",
                state(&item["state"]),
                item["reason"].as_str().map(|reason| format!("<br>{}", escaped(reason))).unwrap_or_default()
            ),
            format!("{}<br>{}", text(&receipt["number"]), text(&receipt["accepted_at"])),
            code(&item["sha256"]),
            acts(&item["acts"]),
        ]
    });
    let received = rows(&pack["received"], |item| {
        [
            format!("ケアプラン / care plan<br><code>{}</code>", text(&item["id"])),
            text(&item["kept_at"]),
            format!("{}<br>{}", text(&item["state"]), text(&item["opened_at"])),
            format!("{}<br>{}", text(&item["from_facility"]), text(&item["receipt_number"])),
            code(&item["sha256"]),
            acts(&item["acts"]),
        ]
    });
    let others = acts(&pack["others"]);
    format!(
        "<!DOCTYPE html>\n<html lang=\"ja\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>操作記録 {month}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>操作記録（証拠一式）</h1>\n<p>Evidence pack: what was sent, received and read, and by whom</p>\n<table>\n{facts}</table>\n\
         <p>氏名などの個人情報は含みません。時刻は協定世界時（日本時間は9時間進みます）。確かめるには <code>python3 verify-audit.py</code> \
         または <code>engawa audit verify</code> にこの一式のフォルダーを渡し、最後の記録を別に保管した控えと照らします。\
         <br><small>No names. Times are UTC; Japan is nine hours ahead. To verify, give this folder to <code>verify-audit.py</code> or \
         <code>engawa audit verify</code>, and compare the last record with an anchor kept elsewhere.</small></p>\n\
         <h2>送信 / sent</h2>\n{sent}\n<h2>受信 / received</h2>\n{received}\n<h2>その他の操作 / other acts</h2>\n<p>{others}</p>\n\
         </body>\n</html>\n",
        month = text(&pack["month"]),
        sent = table(
            ["文書 / document", "受付 / accepted", "状態 / state", "受付番号 / receipt", "SHA-256", "操作 / acts"],
            &sent
        ),
        received = table(
            [
                "文書 / document",
                "受信 / came",
                "状態・開封 / state, opened",
                "送信元・受付番号 / from, receipt",
                "SHA-256",
                "操作 / acts"
            ],
            &received
        ),
    )
}

fn rows<const N: usize>(items: &Value, row: impl Fn(&Value) -> [String; N]) -> String {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    let cells = |item| row(item).iter().map(|cell| format!("<td>{cell}</td>")).collect::<String>();
    items.iter().map(|item| format!("<tr>{}</tr>\n", cells(item))).collect()
}

fn table<const N: usize>(head: [&str; N], rows: &str) -> String {
    if rows.is_empty() {
        return "<p>なし / none</p>".to_owned();
    }
    let head: String = head.iter().map(|name| format!("<th>{name}</th>")).collect();
    format!("<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>")
}

/// Each on a line: number, time, who, from where, what, how it ended.
fn acts(acts: &Value) -> String {
    let line = |act: &Value| {
        let given = |name: &str| act[name].as_str().map(|value| format!(" {}", escaped(value))).unwrap_or_default();
        let who = act["person"]
            .as_str()
            .map_or_else(|| given("by"), |person| format!(" {}（{}）", escaped(person), given("by").trim()));
        let (on, result) = (given("on"), given("result"));
        format!(
            "{}. {}{who}{}{}{on}{result}{}",
            text(&act["seq"]),
            text(&act["at"]),
            given("from"),
            given("act"),
            given("code")
        )
    };
    let lines: Vec<String> = acts.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(line).collect();
    if lines.is_empty() { "なし / none".to_owned() } else { lines.join("<br>\n") }
}

fn kind(kind: &Value) -> String {
    match kind.as_str() {
        Some("opinion") => "主治医意見書 / opinion".to_owned(),
        Some("identification") => "本人確認 / identification".to_owned(),
        Some("care_plan") => "ケアプラン / care plan".to_owned(),
        _ => text(kind),
    }
}

fn state(state: &Value) -> String {
    match state.as_str() {
        Some("delivered") => "送信済み / delivered".to_owned(),
        Some("returned") => "返戻 / returned".to_owned(),
        Some("cancelled") => "取消 / cancelled".to_owned(),
        Some("on_paper") => "紙で送付 / on paper".to_owned(),
        Some("held") => "取り置き / held".to_owned(),
        _ => text(state),
    }
}

fn code(value: &Value) -> String {
    format!("<code>{}</code>", text(value))
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escaped(text),
        other => escaped(&other.to_string()),
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
