//! The library, the command and the script say the same of the same file.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use engawa::audit::{Anchor, Flaw, Hash, Sound};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::chain::{Lines, chain, forged, head, judge, octets, record};
use super::{python, script};

const BEGINNING: Anchor = Anchor { seq: 0, hash: Hash::NOTHING };

pub(super) fn told(result: Result<Sound, Flaw>) -> Value {
    match result {
        Ok(Sound { first, last }) => {
            json!({ "fits": true, "first": first, "last": last.seq, "head": last.to_string() })
        }
        Err(Flaw { seq, line, why }) => json!({ "fits": false, "seq": seq, "line": line, "why": why.name() }),
    }
}

/// A file that somebody bent, in one way or another.
fn bent(lines: &Lines, dice: &mut StdRng) -> Vec<u8> {
    let mut bent = lines.clone();
    let (one, other) = (dice.random_range(0..lines.len()), dice.random_range(0..lines.len()));
    match dice.random_range(0..9) {
        0 | 1 => {
            let mut whole = octets(lines);
            let at = dice.random_range(0..whole.len());
            whole[at] ^= dice.random_range(1..=255u8);
            return whole;
        }
        2 => drop(bent.remove(one)),
        3 => bent.insert(other, lines[one].clone()),
        4 => bent.swap(one, other),
        5 => bent.insert(one, forged(lines, one)),
        6 => bent.truncate(one),
        7 => {
            let mut other = record(one as u64 + 1, Hash::of(b"another"));
            other.act = "received.read".to_owned();
            bent[one] = other.line().into_bytes();
        }
        _ => {
            let mut whole = octets(lines);
            whole.truncate(dice.random_range(0..whole.len()));
            return whole;
        }
    }
    octets(&bent)
}

/// The script as a module, over files that are named on standard input with their anchors.
pub(super) const DRIVER: &str = "\
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location('verify_audit', sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
for line in sys.stdin:
    path, *anchors = line.split()
    try:
        first, last, head = module.verify(path, [module.anchor(text) for text in anchors])
        print(json.dumps({'fits': True, 'first': first, 'last': last, 'head': f'{last}:{head}'}))
    except module.Flaw as flaw:
        print(json.dumps({'fits': False, 'seq': flaw.seq, 'line': flaw.line, 'why': flaw.why}))
    except (OSError, ValueError, RecursionError, module.argparse.ArgumentTypeError):
        print(json.dumps('unreadable'))
";

/// What the script says of files, one a line with their anchors.
pub(super) fn by_the_script(directory: &Path, orders: &str) -> Vec<Value> {
    let list = directory.join("orders");
    std::fs::write(&list, orders).unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", DRIVER]).arg(script()).stdin(std::fs::File::open(list).unwrap());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_script_finds_what_the_library_finds() {
    let directory = tempfile::tempdir().unwrap();
    let mut dice = StdRng::seed_from_u64(20_261_122);
    let (mut orders, mut wanted) = (String::new(), Vec::new());
    for n in 0..1500 {
        let lines = chain(dice.random_range(1..16));
        let whole = if n % 100 == 0 { octets(&lines) } else { bent(&lines, &mut dice) };
        let path = directory.path().join(n.to_string());
        std::fs::write(&path, &whole).unwrap();
        let anchors = if n % 3 == 0 { vec![] } else { vec![head(&lines)] };
        write!(orders, "{} {BEGINNING}", path.display()).unwrap();
        anchors.iter().for_each(|anchor| write!(orders, " {anchor}").unwrap());
        orders.push('\n');
        wanted.push(told(judge(&whole, &anchors)));
    }
    let found = by_the_script(directory.path(), &orders);
    assert_eq!(found.len(), wanted.len());
    for (n, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        assert_eq!(
            found,
            wanted,
            "{n}: {}",
            String::from_utf8_lossy(&std::fs::read(directory.path().join(n.to_string())).unwrap())
        );
    }
    let flawed = wanted.iter().filter(|wanted| wanted["fits"] == false).count();
    assert!(flawed > 1200, "{flawed} of them were bent");
}

pub(super) fn command(path: &Path, anchors: &[String]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engawa"));
    command.args(["audit", "verify", "--json"]).arg(path);
    anchors.iter().for_each(|anchor| {
        command.args(["--anchor", anchor]);
    });
    command.output().unwrap()
}

#[test]
fn both_commands_say_it_with_their_exit_code() {
    let directory = tempfile::tempdir().unwrap();
    let lines = chain(12);
    let file = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let anchors = [BEGINNING.to_string(), head(&lines).to_string()];
    let mut missing = lines.clone();
    missing.remove(4);
    let cases = [
        (file("sound", &octets(&lines)), 0),
        (file("missing", &octets(&missing)), 1),
        (file("cut", &octets(&lines[..7].to_vec())), 1),
        (file("long", &[octets(&lines), vec![b'x'; 300_000], b"\n".to_vec()].concat()), 1),
        (file("endless", &[octets(&lines), vec![b'x'; 300_000]].concat()), 1),
        (directory.path().join("nothing"), 2),
    ];
    for (path, code) in cases {
        let outputs = [command(&path, &anchors), python(&path, &anchors)];
        let [ours, theirs] = &outputs;
        assert_eq!([ours.status.code(), theirs.status.code()], [Some(code); 2], "{outputs:?}");
        if code < 2 {
            assert_eq!(super::json(ours), super::json(theirs), "{}", path.display());
        }
    }
    let first = super::json(&command(&directory.path().join("missing"), &anchors));
    assert_eq!((first["seq"].as_u64(), first["why"].as_str()), (Some(5), Some("missing")));
}
