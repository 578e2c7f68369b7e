//! The story itself. Each step looks for its own proof; none is told before it was found.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::client::{Answer, Client, Event, Events, Post};
use super::process::pause;
use super::stage::{Stage, port};
use super::story::Story;
use super::{desk, paper, plans};
use crate::cli::Failure;
use crate::clock::stamp;

/// Whose card comes to the counter: the person of the opinion, who is the first.
pub(super) const HOLDER: &str = "1";

/// What the gateway promised when it accepted the opinion.
struct Promise {
    id: String,
    sha256: String,
}

/// From the first line to the hub's own record; stopping the processes is left to the caller.
pub(super) async fn tell(stage: &mut Stage, story: &mut Story) -> Result<(), Failure> {
    story.line("engawa 縁側: 一通の主治医意見書が基盤に届き、窓口で本人を確かめるまで");
    story.line("how one opinion reaches the hub, and how a person is identified at the counter");
    story.line("人も市町村も医療機関も架空です。 / Everybody and every place in it is fictitious.\n");
    let hub = hub_without_power(stage, story).await?;
    let [records, desk] = settings(stage, story, &hub).await?;
    let without = stage.open_counter(HOLDER).await?;
    let address = gateway(stage, story).await?;
    let (client, reception) = (Client { address, key: records }, Client { address, key: desk });
    let post = paper::with_attachment(&paper::request(&stage.world()?)?);
    let promise = accepted(story, &client, &post).await?;
    let last_event = waiting(stage, story, &client, &hub, &promise).await?;
    repeated(story, &client, &post, &promise).await?;
    power(stage, story, &hub).await?;
    let last_event = delivered(story, &client, &promise, last_event).await?;
    let receipt = receipt(story, &client, &promise).await?;
    municipality(story, &client, &promise, last_event).await?;
    record(stage, story, &hub, &promise, &receipt).await?;
    let without = match without {
        None => desk::tell(stage, story, &hub, &reception).await?,
        Some(without) => {
            story.step("leave the card out");
            Some(without)
        }
    };
    if let Some(without) = &without {
        desk::skip(story, without);
        stage.close_counter().await?;
    }
    plans::tell(stage, story, &hub).await
}

async fn hub_without_power(stage: &mut Stage, story: &mut Story) -> Result<Value, Failure> {
    story.step("start the hub with its power off");
    let hub = stage.start_hub(false).await?;
    if TcpStream::connect(("127.0.0.1", port(&hub, "hub_port")?)).await.is_ok() {
        return Err("the hub takes connections although its power is off".into());
    }
    let url = hub["hub"].as_str().unwrap_or_default();
    story.happened(
        "基盤（サンドボックス）は電源が切れていて、つながりません。",
        format_args!("The hub at {url} has no power: connections are refused."),
    );
    Ok(hub)
}

/// Writes the settings; the keys of the record software and of the reception's.
async fn settings(stage: &Stage, story: &mut Story, hub: &Value) -> Result<[String; 2], Failure> {
    story.step("engawa check --offline and engawa key add");
    stage.clinic.configure(hub, 0)?;
    stage.clinic.ask(&["check", "--offline"]).await?;
    let clinic = &stage.clinic;
    let keys = [clinic.key("カルテソフト", "submit,read").await?, clinic.key("受付ソフト", "card").await?];
    story.happened(
        "設定と証明書を確かめ（engawa check）、カルテソフトと受付ソフトの鍵を作りました。",
        "Settings and certificate are sound (engawa check); the record and the reception software have their API keys.",
    );
    Ok(keys)
}

async fn gateway(stage: &mut Stage, story: &mut Story) -> Result<std::net::SocketAddr, Failure> {
    story.step("start the gateway");
    let address = stage.clinic.start().await?;
    story.happened(
        "基盤につながらなくても、engawa は受付を始めます。",
        format_args!("engawa accepts at http://{address} all the same."),
    );
    Ok(address)
}

async fn accepted(story: &mut Story, client: &Client, post: &Post) -> Result<Promise, Failure> {
    story.step("post the opinion while the hub is down");
    let answer = client.post(post).await?;
    expect(answer.status == StatusCode::ACCEPTED, &answer)?;
    let promise = Promise { id: answer.text("/id")?.to_owned(), sha256: answer.text("/sha256")?.to_owned() };
    story.happened(
        "意見書とPDFを送ると、ディスクに書き終えてから 202 が返りました。もう失われません。",
        "The opinion with its PDF is answered 202 once it is on disk: from here on it cannot get lost.",
    );
    story.fact(format_args!("id     {}", promise.id));
    story.fact(format_args!("sha256 {}", promise.sha256));
    Ok(promise)
}

/// Waits until a delivery was tried in vain; the number of the last event.
async fn waiting(
    stage: &Stage,
    story: &mut Story,
    client: &Client,
    hub: &Value,
    promise: &Promise,
) -> Result<String, Failure> {
    story.step("see it wait, with reason and ETA");
    let answer = loop {
        let answer = opinion(client, promise).await?;
        let tried = answer.body["reason"]["code"] == "HUB_UNREACHABLE" && answer.body["eta"].is_string();
        if tried && answer.text("/state")? == "queued" {
            break answer;
        }
        story.saw(brief(&answer));
        pause().await;
    };
    let facts = stage.control(hub, "GET", "/control/facts", String::new()).await?;
    if facts["totals"]["requests_seen"] != json!(0) {
        return Err(format!("the hub without power saw something: {}", facts["totals"]).into());
    }
    story.happened("意見書は理由と次の予定時刻を添えて待っています。", "It waits, and says why and until when:");
    story.fact(format_args!("{} {}", answer.text("/reason/code")?, answer.text("/reason/ja")?));
    story.fact(answer.text("/reason/en")?);
    story.fact(format_args!("ETA {} / {}", clock_time(answer.text("/eta")?)?, answer.text("/next_step/en")?));
    let last = answer.body["history"].as_array().and_then(|all| all.last()).map(|event| event["seq"].to_string());
    last.ok_or_else(|| "its history is empty".into())
}

async fn repeated(story: &mut Story, client: &Client, post: &Post, promise: &Promise) -> Result<(), Failure> {
    story.step("post the same again under the same Idempotency-Key");
    let answer = client.post(post).await?;
    let same = answer.text("/id")? == promise.id && answer.text("/sha256")? == promise.sha256;
    let replayed = answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true");
    expect(answer.status == StatusCode::ACCEPTED && same && replayed, &answer)?;
    story.happened(
        "返事を受け損ねたつもりで同じ Idempotency-Key で送り直すと、同じ id が返りました。二重にはなりません。",
        "As if the answer had been lost, it is posted again under the same Idempotency-Key: the same id, no double.",
    );
    Ok(())
}

async fn power(stage: &Stage, story: &mut Story, hub: &Value) -> Result<(), Failure> {
    story.step("switch the hub on");
    stage.control(hub, "POST", "/control/power", json!({"up": true}).to_string()).await?;
    story.happened(
        "基盤の電源を入れました。あとは engawa に任せます。",
        "The hub gets its power. The rest is engawa's.",
    );
    Ok(())
}

async fn delivered(story: &mut Story, client: &Client, promise: &Promise, last: String) -> Result<String, Failure> {
    story.step("follow /v1/events until it is delivered");
    let (seen, last_seen) =
        follow(story, client, promise, last.clone(), |event| event.kind == "submission.delivered").await?;
    story.happened(
        format_args!("/v1/events を Last-Event-ID {last} の続きから読み、送達を知りました。"),
        format_args!("Read on from Last-Event-ID {last}, /v1/events told: {}.", seen.join(", ")),
    );
    Ok(last_seen)
}

async fn receipt(story: &mut Story, client: &Client, promise: &Promise) -> Result<String, Failure> {
    story.step("see the hub's receipt");
    let answer = opinion(client, promise).await?;
    let number = answer.text("/receipt/number")?;
    let at = clock_time(answer.text("/receipt/accepted_at")?)?;
    story.happened(
        format_args!("基盤の受付番号は {number}（{at}）です。"),
        format_args!("The hub's receipt: {number}, at {at}."),
    );
    Ok(number.to_owned())
}

async fn municipality(story: &mut Story, client: &Client, promise: &Promise, last: String) -> Result<(), Failure> {
    story.step("see the municipality's acceptance");
    let accepted = |event: &Event| event.kind == "submission.municipality" && event.data["state"] == "accepted";
    follow(story, client, promise, last, accepted).await?;
    let answer = opinion(client, promise).await?;
    expect(answer.text("/municipality/state")? == "accepted", &answer)?;
    let at = clock_time(answer.text("/municipality/at")?)?;
    story.happened(
        format_args!("架空市が受理しました（{at}）。{}", answer.text("/next_step/ja")?),
        format_args!("The municipality has it, at {at}. {}", answer.text("/next_step/en")?),
    );
    Ok(())
}

/// What the hub itself wrote down: filed once, and byte for byte what was accepted.
async fn record(
    stage: &Stage,
    story: &mut Story,
    hub: &Value,
    promise: &Promise,
    receipt: &str,
) -> Result<(), Failure> {
    story.step("compare with the hub's own record");
    let facts = stage.control(hub, "GET", "/control/facts", String::new()).await?;
    let totals = json!([facts["totals"]["effects"], facts["totals"]["filed_twice"], facts["totals"]["refused"]]);
    let filed = &facts["accepted"][0];
    let filed = json!([filed["body_sha256"], filed["receipt_number"], filed["attachments"]]);
    if totals != json!([1, 0, 0]) || filed != json!([promise.sha256, receipt, 1]) {
        return Err(format!("the hub's record says otherwise: {facts}").into());
    }
    let hash = promise.sha256.get(..16).unwrap_or_default();
    story.happened(
        "基盤の記録でも一通、一度だけ。本文のハッシュは受付時と同じです。",
        format_args!("The hub's own record: filed once, never twice; its body's sha256 {hash}… is the accepted one."),
    );
    Ok(())
}

/// Reads events, connecting again where a stream ends, until one of this opinion is the awaited one. Returns the kinds
/// seen and the last event's number.
async fn follow(
    story: &mut Story,
    client: &Client,
    promise: &Promise,
    mut last: String,
    awaited: impl Fn(&Event) -> bool,
) -> Result<(Vec<String>, String), Failure> {
    let mut seen: Vec<String> = Vec::new();
    loop {
        let mut events: Events = client.events(&last).await?;
        while let Some(event) = events.next().await? {
            last.clone_from(&event.id);
            if event.data["submission"] != json!(promise.id) {
                continue;
            }
            let kind = event.kind.strip_prefix("submission.").unwrap_or(&event.kind);
            if seen.last().is_none_or(|before| before != kind) {
                seen.push(kind.to_owned());
            }
            story.saw(seen.join(", "));
            if awaited(&event) {
                return Ok((seen, last));
            }
        }
        pause().await;
    }
}

async fn opinion(client: &Client, promise: &Promise) -> Result<Answer, Failure> {
    let answer = client.get(&format!("/v1/opinions/{}", promise.id)).await?;
    expect(answer.status == StatusCode::OK, &answer)?;
    Ok(answer)
}

pub(super) fn expect(met: bool, answer: &Answer) -> Result<(), Failure> {
    if met { Ok(()) } else { Err(format!("the gateway answered {}: {}", answer.status, answer.body).into()) }
}

fn brief(answer: &Answer) -> String {
    format!("state {}, reason {}", answer.body["state"], answer.body["reason"]["code"])
}

/// The time of day in Japan.
fn clock_time(text: &str) -> Result<String, Failure> {
    let stamp = stamp(text.parse::<Timestamp>()?);
    Ok(stamp.get(11..19).unwrap_or(&stamp).to_owned())
}
