//! Compares every import under `src/` with the tables of ARCHITECTURE.md, so that the page and the code say the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 800;

struct Rules {
    tiers: BTreeMap<String, u8>,
    allowed: BTreeSet<(String, String)>,
    forbidden: BTreeSet<(String, String)>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

/// The rows of the table whose header begins with these cells.
fn table(page: &str, header: &str) -> Vec<Vec<String>> {
    let rows = page.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(!rows.is_empty(), "ARCHITECTURE.md has no table {header}");
    rows
}

fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rules() -> Rules {
    let page = page();
    let pairs = |header| -> BTreeSet<(String, String)> {
        let rows = table(&page, header).into_iter();
        rows.flat_map(|row| {
            let to = names(&row[1]);
            names(&row[0]).into_iter().flat_map(move |from| to.clone().into_iter().map(move |to| (from.clone(), to)))
        })
        .collect()
    };
    let tiers = table(&page, "| tier | rooms |").into_iter();
    let tiers = tiers.flat_map(|row| names(&row[1]).into_iter().map(move |name| (name, row[0].parse().unwrap())));
    Rules { tiers: tiers.collect(), allowed: pairs("| from | to |"), forbidden: pairs("| room | never sees |") }
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The code without comments, strings and character literals, which may mention anything.
fn bare(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let (mut bare, mut at) = (String::new(), 0);
    while at < text.len() {
        let rest = &text[at..];
        let skip = skipped(rest, bare.chars().last());
        if skip == 0 {
            bare.push(rest[0]);
        } else {
            bare.push(' ');
        }
        at += skip.max(1);
    }
    bare
}

/// How many characters at the start of `rest` are comment or literal.
fn skipped(rest: &[char], before: Option<char>) -> usize {
    let starts = |text: &str| text.chars().enumerate().all(|(index, wanted)| rest.get(index) == Some(&wanted));
    let in_name = before.is_some_and(|before| before.is_alphanumeric() || before == '_');
    if starts("//") {
        return rest.iter().position(|next| *next == '\n').unwrap_or(rest.len());
    }
    if starts("/*") {
        return block_comment(rest);
    }
    if (starts("r\"") || starts("r#\"") || starts("r##\"")) && !in_name {
        return raw_string(rest);
    }
    match rest {
        ['"', ..] => quoted(rest, '"'),
        ['\'', '\\', ..] => quoted(rest, '\''),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|next| **next == '#').count();
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = 2 + hashes;
    let close = rest[body..].windows(end.len()).position(|window| window == end);
    close.map_or(rest.len(), |close| body + close + end.len())
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The room of a file below `src/`, and how many modules deep the file is.
fn place(relative: &Path) -> (String, usize) {
    let parts: Vec<&str> = relative.iter().map(|part| part.to_str().unwrap()).collect();
    let room = parts[0].trim_end_matches(".rs").to_owned();
    let depth = if parts.last() == Some(&"mod.rs") { parts.len() - 1 } else { parts.len() };
    (room, depth)
}

/// The first names after every `crate::` (or `engawa::`), and after as many `super::` as lead to the root.
fn imports(code: &str, depth: usize) -> BTreeSet<String> {
    let code: String = code.split_whitespace().collect::<Vec<_>>().join(" ").replace(" ::", "::").replace(":: ", "::");
    let climbs = "super::".repeat(depth);
    let mut found = BTreeSet::new();
    for prefix in ["crate::", "engawa::", climbs.as_str()] {
        for (at, _) in code.match_indices(prefix) {
            let before = code[..at].chars().last().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || before == ':' || before == '$' {
                continue;
            }
            found.extend(first_names(&code[at + prefix.len()..]));
        }
    }
    found.remove("super");
    found
}

/// `a::b` gives `a`; `{a::b, c::{d, e}, f}` gives `a`, `c` and `f`.
fn first_names(text: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|next| next.is_alphanumeric() || *next == '_').collect()
    };
    let Some(group) = text.strip_prefix('{') else { return vec![name(text)] };
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, next) in group.char_indices() {
        match next {
            '{' => depth += 1,
            ',' if depth == 0 => {
                found.push(name(&group[start..at]));
                start = at + 1;
            }
            '}' if depth == 0 => {
                found.push(name(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

fn objection(rules: &Rules, from: &str, to: &str) -> Option<String> {
    let pair = (from.to_owned(), to.to_owned());
    if from == to || rules.allowed.contains(&pair) {
        return None;
    }
    let Some(below) = rules.tiers.get(to) else { return Some(format!("`{to}` is no room of ARCHITECTURE.md")) };
    if rules.forbidden.contains(&pair) {
        return Some(format!("`{from}` never sees `{to}`"));
    }
    let above = rules.tiers.get(from)?;
    (below >= above).then(|| format!("`{from}` (tier {above}) may not import `{to}` (tier {below})"))
}

#[test]
fn rooms_import_only_what_the_page_allows() {
    let (rules, source) = (rules(), root().join("src"));
    let mut objections = Vec::new();
    for file in sources(&source) {
        let relative = file.strip_prefix(&source).unwrap();
        let (room, depth) = place(relative);
        if room == "lib" || room == "bin" {
            continue;
        }
        for to in imports(&bare(&std::fs::read_to_string(&file).unwrap()), depth) {
            objections.extend(objection(&rules, &room, &to).map(|why| format!("src/{}: {why}", relative.display())));
        }
    }
    assert!(objections.is_empty(), "\n{}", objections.join("\n"));
}

#[test]
fn the_sandbox_imports_nothing_of_the_library() {
    for file in sources(&root().join("src/bin/engawa-sandbox")) {
        let code = bare(&std::fs::read_to_string(&file).unwrap());
        let mentions = code.match_indices("engawa").filter(|(at, _)| {
            let before = code[..*at].chars().last().unwrap_or(' ');
            let after = code[at + "engawa".len()..].trim_start();
            !before.is_alphanumeric() && before != '_' && (after.starts_with("::") || after.starts_with("as "))
        });
        assert_eq!(mentions.count(), 0, "{} imports the library", file.display());
    }
}

#[test]
fn every_room_is_on_the_page_with_its_invariant() {
    let (rules, page) = (rules(), page());
    let rooms: BTreeSet<String> = std::fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().trim_end_matches(".rs").to_owned())
        .filter(|name| name != "lib" && name != "bin")
        .collect();
    assert_eq!(rooms, rules.tiers.keys().cloned().collect(), "rooms of src/ and of the table");
    for room in rooms.iter().filter(|room| *room != "main") {
        let paragraph = page.split(&format!("- **`{room}`**")).nth(1).unwrap_or_default();
        let paragraph = paragraph.split("\n- **").next().unwrap_or_default();
        assert!(paragraph.contains("**Architecture invariant:**"), "`{room}` has no invariant on the page");
    }
}

#[test]
fn no_file_is_longer_than_a_person_can_follow() {
    for directory in ["src", "tests"] {
        for file in sources(&root().join(directory)) {
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= MAX_LINES, "{} has {lines} lines; split it", file.display());
        }
    }
}

/// The reader of imports is itself worth a look: what it must see, and what it must not.
#[test]
fn the_reader_of_imports_sees_them() {
    let code = r##"
        use crate::fault::Code; // crate::comment
        use crate::{ model::opinion, store::{self, Row}, hub };
        /* crate::block /* nested */ crate::still */
        fn f<'a>(x: &'a str) -> char { let _ = "crate::string \" crate::string"; let _ = r#"crate::raw"#; '"' }
        fn g() { crate::clock::Clock::system(); super::super::api::x(); super::own(); $crate::macro_path() }
    "##;
    let found: Vec<String> = imports(&bare(code), 2).into_iter().collect();
    assert_eq!(found, ["api", "clock", "fault", "hub", "model", "store"]);
}

#[test]
fn the_rules_refuse_what_they_should() {
    let rules = rules();
    for (from, to) in [("hub", "outbox"), ("outbox", "terminal"), ("api", "store"), ("api", "hub"), ("store", "config")]
    {
        assert!(objection(&rules, from, to).is_some(), "{from} → {to}");
    }
    for (from, to) in [("api", "outbox"), ("cli", "gateway"), ("main", "cli"), ("hub", "credential"), ("outbox", "hub")]
    {
        assert_eq!(objection(&rules, from, to), None, "{from} → {to}");
    }
    assert!(objection(&rules, "gateway", "cli").is_some());
}

/// What the standard library and serde_json compile anew for each type, or each kind of source, is compiled once: the program is for small
/// boxes. Lists with a row for every act of care are sorted where they are.
#[test]
fn what_is_compiled_once_is_used() {
    let long = |path: &Path| path.starts_with("model/careplan/lint") || path == Path::new("order.rs");
    let source = root().join("src");
    let mut objections = Vec::new();
    for file in sources(&source) {
        let relative = file.strip_prefix(&source).unwrap();
        if relative.starts_with("bin") {
            continue;
        }
        let code = bare(&std::fs::read_to_string(&file).unwrap());
        for (found, instead) in [
            (".sort()", "order::sort"),
            (".sort_unstable", "order::sort"),
            (".sort_by", "order::sort_by"),
            ("serde_json::from_str", "serde_json::from_slice"),
            ("serde_json::from_reader", "serde_json::from_slice"),
        ] {
            if code.contains(found) && !(long(relative) && found.starts_with(".sort")) {
                objections.push(format!("src/{}: {found}; use {instead}", relative.display()));
            }
        }
    }
    assert!(objections.is_empty(), "\n{}", objections.join("\n"));
}
