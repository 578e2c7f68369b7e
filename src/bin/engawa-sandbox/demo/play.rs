//! `demo --keep`: all left running, and what to try with them.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::paper;
use super::process::pause;
use super::stage::Stage;
use super::story::Story;
use super::tale::HOLDER;
use crate::cli::Failure;
use crate::folder::private;

/// The gateway's usual port, taken when it is free.
const USUAL: u16 = 8470;
/// What to try with the card.
const CARD: &str = r#"  card insert                               カードを置く / put it on the reader (card remove, card status)
  curl "$URL/v1/readers" -H "$AUTH"
  S=$(curl -s "$URL/v1/card-sessions" -H "$AUTH" -H 'Content-Type: application/json' -d '{"purpose":"identify","reader":"Counter 00 00"}' | session)
  curl "$URL/v1/card-sessions/$S/identify" -H "$AUTH" -H 'Content-Type: application/json' -d '{"method":"pin","pin":"1234"}'
  curl -X DELETE "$URL/v1/card-sessions/$S" -H "$AUTH"
  card swap 2-no-pin                        暗証番号のないカード / a card without a PIN (engawa-sandbox card --help)"#;

/// Starts all and says what to try.
pub(super) async fn open(stage: &mut Stage, story: &mut Story) -> Result<(), Failure> {
    story.step("start the hub");
    let hub = stage.start_hub(true).await?;
    story.step("engawa check --offline and engawa key add");
    stage.clinic.configure(&hub, if TcpListener::bind(("127.0.0.1", USUAL)).is_ok() { USUAL } else { 0 })?;
    stage.clinic.ask(&["check", "--offline"]).await?;
    let key = stage.clinic.key("demo", "submit,read,manage,card").await?;
    story.step("set up the counter");
    let without = stage.open_counter(HOLDER).await?;
    story.step("start the gateway");
    let address = stage.clinic.start().await?;
    story.step("start the gateways of two care offices");
    let folders = care_offices(stage, &hub).await?;
    story.step("write examples");
    write_examples(stage, address, &key, &folders)?;
    let card = without.map_or_else(|| CARD.to_owned(), |without| format!("  {}\n  {}", without.ja, without.en));
    story.line(invitation(stage.dir(), &hub, address, &card));
    story.step("keep all running");
    Ok(())
}

/// Starts the office that makes care plans and one that gives services; their folders.
async fn care_offices(stage: &mut Stage, hub: &Value) -> Result<[PathBuf; 2], Failure> {
    for gateway in [&mut stage.office, &mut stage.helpers] {
        gateway.configure(hub, 0)?;
        gateway.start().await?;
    }
    Ok([stage.office.exchange(hub)?, stage.helpers.exchange(hub)?])
}

/// Stays until one of them ends, which is an error.
pub(super) async fn stay(stage: &mut Stage) -> Result<(), Failure> {
    loop {
        if let Some(who) = stage.ended()? {
            return Err(who.into());
        }
        pause().await;
    }
}

fn write_examples(stage: &Stage, address: SocketAddr, key: &str, folders: &[PathBuf; 2]) -> Result<(), Failure> {
    let dir = stage.dir();
    let request = paper::request(&stage.world()?)?;
    private(&dir.join("opinion.json"), serde_json::to_vec_pretty(&request)?)?;
    let mut wrong = request;
    wrong["opinion"]["applicant_name"] = json!("髙橋 見本");
    wrong["opinion"]["bedridden_degree"] = json!("z9");
    private(&dir.join("wrong.json"), serde_json::to_vec_pretty(&wrong)?)?;
    private(&dir.join(paper::PDF_NAME), paper::pdf())?;
    private(&dir.join("env"), environment(stage, address, key, folders)?)
}

/// A file for the shell: names and commands.
fn environment(
    stage: &Stage,
    address: SocketAddr,
    key: &str,
    [office, helpers]: &[PathBuf; 2],
) -> Result<String, Failure> {
    let (mut text, sandbox) = (String::new(), shell(&std::env::current_exe()?));
    writeln!(text, "DIR={}", shell(stage.dir()))?;
    writeln!(text, "URL=http://{address}")?;
    writeln!(text, "AUTH='Authorization: Bearer {key}'")?;
    writeln!(text, "new_id() {{ cat /proc/sys/kernel/random/uuid; }}")?;
    writeln!(text, "engawa() {{ {} --config \"$DIR/clinic/engawa.toml\" \"$@\"; }}", shell(stage.clinic.binary()))?;
    writeln!(text, "hub() {{ {sandbox} control --dir \"$DIR/hub\" \"$@\"; }}")?;
    writeln!(text, "plans() {{ {sandbox} careplans \"$@\"; }}")?;
    writeln!(text, "OFFICE={}\nHELPERS={}", shell(office), shell(helpers))?;
    if let Some(counter) = stage.counter() {
        let port = counter.port;
        writeln!(text, "card() {{ {sandbox} card-control --dir \"$DIR/hub\" --port {port} \"$@\"; }}")?;
        writeln!(text, r#"session() {{ sed 's/.*"id":"\([^"]*\)".*/\1/'; }}"#)?;
    }
    Ok(text)
}

fn shell(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

fn invitation(dir: &Path, hub: &Value, address: SocketAddr, card: &str) -> String {
    let (hub, env) = (hub["hub"].as_str().unwrap_or_default(), shell(&dir.join("env")));
    format!(
        r#"engawa http://{address}    基盤 / hub {hub}    記録 / log {log}

別の端末で、まず / In another terminal, first:
  . {env}

意見書を送る、様子を見る / post an opinion, look at it
  ID=$(new_id)
  curl -i "$URL/v1/opinions" -H "$AUTH" -H "Idempotency-Key: $ID" -H 'Content-Type: application/json' -d @"$DIR/opinion.json"
  curl "$URL/v1/opinions/…" -H "$AUTH"       … は答えの id / … is the answer's id
  curl "$URL/v1/submissions" -H "$AUTH"
  curl -N "$URL/v1/events?from=beginning" -H "$AUTH"
添付つき / with an attachment
  curl -i "$URL/v1/opinions" -H "$AUTH" -H "Idempotency-Key: $(new_id)" -F "opinion=@$DIR/opinion.json;type=application/json" -F "attachment=@$DIR/{pdf}"
誤りのある意見書は何も送らず、全部の誤りを示す / one with mistakes: all of them are named, nothing is sent
  curl "$URL/v1/opinions/check" -H "$AUTH" -H 'Content-Type: application/json' -d @"$DIR/wrong.json"
管理者の目で / as the administrator
  engawa status
  engawa queue list
カードで本人を確かめる / identify a person by card
{card}
ケアプランをフォルダーで送る / send care plans through folders: 居宅 / the office's "$OFFICE", 訪問介護 / the home helpers' "$HELPERS"
  plans --out "$OFFICE/out"                 一か月分、30人、5事業所 / a month, 30 people, 5 offices
  cat "$OFFICE"/sent/*/UPPLAN*.txt          結果 / what became of it
  ls "$HELPERS/in"                          届いたもの / what arrived
  plans --out "$HELPERS/out" --what results --only dx     実績を返す / results; ls "$OFFICE/in"
  touch "$OFFICE/out/….CSV.paper"           参加していない事業所へは紙で / on paper, to the office that is not on the hub
基盤を困らせる / make trouble at the hub, then post again
  hub down                                  基盤を止める / no power; hub up
  hub fault '{{"on":"opinions","kind":"cut_after_effect"}}'    受理の返事を失う / the answer gets lost
  hub fault '{{"on":"opinions","kind":"status_503","retry_after":"20"}}'
  hub facts                                 基盤の記録 / the hub's own record: filed_twice stays 0

Ctrl-C ですべて止め、{dir} を消します。 / Ctrl-C stops all and removes {dir}."#,
        log = dir.join("clinic").join("engawa.log").display(),
        pdf = paper::PDF_NAME,
        dir = dir.display(),
    )
}
