//! The care plan linter as clerks and care software meet it: the command, and the endpoint.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Answer, Ask};
use crate::support::sandbox::Sandbox;

const PERSON: &str = "\u{8987}\u{9732}\u{6210}\u{8a71}";

fn fixture(unit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/careplan").join(unit)
}

fn slip() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fixture("slip")
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn zipped(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn lint(arguments: &[&Path]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engawa"));
    let Output { status, stdout, stderr } = command.args(["careplan", "lint"]).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn a_sound_folder_and_its_zip_pass() {
    let house = tempfile::tempdir().unwrap();
    let archive = house.path().join("5月分.zip");
    std::fs::write(&archive, zipped(&slip())).unwrap();
    for path in [&fixture("slip"), &archive] {
        let (code, out, err) = lint(&[path]);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        assert!(out.contains("誤りは見つかりませんでした。 / No mistake was found."), "{out}");
    }
    let (code, out, _) = lint(&[&archive, Path::new("--json")]);
    assert_eq!((code, out.trim()), (0, "[]"));
}

#[test]
fn a_mistake_is_told_with_its_place_and_without_the_person() {
    let house = tempfile::tempdir().unwrap();
    let (name, bytes) = slip().into_iter().find(|(name, _)| name.starts_with("UPPLAN")).unwrap();
    let (name_in_file, _, _) = encoding_rs::SHIFT_JIS.encode(PERSON);
    let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let mut fields: Vec<Vec<u8>> = lines[0].split(|byte| *byte == b',').map(<[u8]>::to_vec).collect();
    fields[6] = [b"\"", &name_in_file[..], b"\xf0\x40\""].concat();
    fields[9] = b"20260631".to_vec();
    lines[0] = fields.join(&b',');
    let path = house.path().join(&name);
    std::fs::write(&path, lines.join(&b'\n')).unwrap();

    let (code, out, _) = lint(&[&path]);
    assert_eq!(code, 1);
    assert!(out.contains(&format!("{name}:1:10\n  [受け付けられません / refused]  DATE_INVALID")), "{out}");
    assert!(out.contains(&format!("{name}:1:7\n")) && out.contains("サービス利用日") && out.contains("`service_date`"));
    assert!(out.contains("1つのファイルだけを調べました"), "{out}");
    let (code, json, _) = lint(&[&path, Path::new("--json")]);
    let findings: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(code, 1);
    assert!(findings.as_array().unwrap().iter().any(|finding| finding["code"] == "DATE_INVALID"));
    assert!(!out.contains(PERSON) && !json.contains(PERSON));
}

#[test]
fn what_cannot_be_read_is_no_finding() {
    let house = tempfile::tempdir().unwrap();
    for path in [house.path(), Path::new("/nowhere/at/all")] {
        let (code, out, err) = lint(&[path]);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains("Cannot be read"), "{err}");
    }
    assert_eq!(lint(&[]).0, 2);
}

/// Options of the command and settings of the gateway choose among readings alike.
#[test]
fn options_and_settings_choose_between_readings() {
    let name = slip().into_iter().find(|(name, _)| name.starts_with("UPPLAN")).unwrap().0;
    let file = fixture("slip").join(&name);
    let newer = lint(&[&file, Path::new("--csv-version"), Path::new("202801,202407"), Path::new("--json")]);
    assert!(newer.0 == 0 && newer.1.contains("VERSION_TOLERATED"), "{newer:?}");
    let strict = lint(&[&file, Path::new("--csv-version=202801"), Path::new("--json")]);
    assert!(strict.0 == 1 && strict.1.contains("VERSION_UNKNOWN"), "{strict:?}");
    let (code, _, err) = lint(&[&file, Path::new("--code-tables"), &file]);
    assert!(code == 2 && err.contains(&format!("{name}:1")), "{err}");
    assert_eq!(lint(&[&file, Path::new("--csv-version=2024")]).0, 2);
    assert_eq!(lint(&[&file, Path::new("--lengths=bytes"), Path::new("--half-kana=allow")]).0, 0);

    let hub = Sandbox::start();
    let gateway = Setup::new(&hub).set("careplans.csv_versions", "[\"202801\"]").start();
    let answer = post(&gateway, "text/csv", &format!("?name={name}"), std::fs::read(&file).unwrap());
    assert_eq!(answer.json()["findings"][0]["code"], "VERSION_UNKNOWN", "{answer:?}");
}

fn post(gateway: &Gateway, kind: &str, query: &str, body: Vec<u8>) -> Answer {
    let ask = Ask::new("POST", &format!("/v1/careplans/lint{query}")).header("content-type", kind);
    gateway.ask(&Ask { body, ..ask })
}

fn multipart(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in files {
        let head = format!("--bb\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    body.extend_from_slice(b"--bb--\r\n");
    body
}

#[test]
fn the_endpoint_takes_files_an_archive_or_one_file() {
    let hub = Sandbox::start();
    let gateway = Gateway::new(&hub);
    let (files, multi) = (slip(), "multipart/form-data; boundary=bb");

    for answer in [
        post(&gateway, multi, "", multipart(&files)),
        post(&gateway, "application/zip", "", zipped(&files)),
        post(&gateway, "text/csv", &format!("?name={}", files[0].0), files[0].1.clone()),
    ] {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json(), serde_json::json!({ "acceptable": true, "findings": [], "truncated": false }));
    }
    let answer = post(&gateway, multi, "", multipart(&files[..1]));
    assert_eq!(answer.json()["acceptable"], false);
    assert_eq!(answer.json()["findings"][0]["code"], "UNIT_INCOMPLETE", "{answer:?}");
    let header = Ask::new("POST", "/v1/careplans/lint")
        .header("content-type", "text/csv")
        .header("content-disposition", &format!("attachment; filename=\"{}\"", files[0].0));
    let wrong = format!("{PERSON},1\r\n").into_bytes();
    let answer = gateway.ask(&Ask { body: wrong, ..header });
    assert_eq!((answer.status, &answer.json()["acceptable"]), (200, &Value::Bool(false)));
    // The answer is whole though the linter stopped reading at the first line of a long file.
    let long = [PERSON.as_bytes(), &vec![b','; 5 << 20]].concat();
    let answer = post(&gateway, "text/csv", &format!("?name={}", files[0].0), long);
    assert_eq!(answer.json()["acceptable"], false, "{answer:?}");
    assert!(!gateway.log().contains(PERSON));
}

#[test]
fn the_endpoint_refuses_what_is_no_care_plan_request() {
    let hub = Sandbox::start();
    let gateway = Gateway::new(&hub);
    let (files, multi) = (slip(), "multipart/form-data; boundary=bb");
    let place = |answer: &Answer| answer.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned();

    let answer = post(&gateway, "text/csv", "", files[0].1.clone());
    assert_eq!((answer.status, place(&answer).as_str()), (400, "FILE_NAME"), "{answer:?}");
    let answer = post(&gateway, "application/zip", "", b"not at all".to_vec());
    assert_eq!((answer.status, place(&answer).as_str()), (400, "ZIP_UNREADABLE"), "{answer:?}");
    let twice = [files[0].clone(), files[0].clone()];
    let answer = post(&gateway, multi, "", multipart(&twice));
    assert_eq!((answer.status, place(&answer).as_str()), (400, "FILE_NAME_TWICE"), "{answer:?}");
    assert_eq!(post(&gateway, multi, "", multipart(&[])).status, 400);
    assert_eq!(post(&gateway, multi, "", b"--bb\r\n".to_vec()).status, 400);
    assert_eq!(post(&gateway, "application/json", "", b"{}".to_vec()).code(), "REQUEST_MEDIA_TYPE");
    let answer = post(&gateway, "application/zip", "", vec![0; (20 << 20) + 1]);
    assert_eq!(answer.code(), "REQUEST_TOO_LARGE", "{answer:?}");
}
