//! The story's part at the counter: the person the opinion speaks of comes in and is identified by card.

use http::StatusCode;
use serde_json::{Value, json};

use super::client::{Answer, Client, Events};
use super::counter::{Counter, Without};
use super::process::pause;
use super::stage::Stage;
use super::story::Story;
use super::tale::expect;
use crate::cli::Failure;
use crate::world::Person;

/// The value of the card's 利用者証明用 PIN.
const PIN: &str = "1234";
const WRONG: &str = "4321";

/// From the reader to the hub's own record; the reason where the reader may not be used.
pub(super) async fn tell(
    stage: &Stage,
    story: &mut Story,
    hub: &Value,
    client: &Client,
) -> Result<Option<Without>, Failure> {
    let counter = stage.counter().ok_or("there is no counter")?;
    let world = stage.world()?;
    let person = world.people.first().ok_or("world.json has no people")?;
    let reader = match reader(story, client, counter).await? {
        Ok(reader) => reader,
        Err(without) => return Ok(Some(without)),
    };
    let session = borrow(story, client, &reader).await?;
    tap(story, client, counter, &reader, &session).await?;
    wrong_pin(stage, story, hub, client, counter, &session).await?;
    right_pin(stage, story, hub, client, counter, (&session, person)).await?;
    give_back(story, client, counter, (&reader, &session)).await.map(|()| None)
}

/// Says that there is no such part here, and why.
pub(super) fn skip(story: &Story, without: &Without) {
    story.happened(
        format_args!("カードの場面は省きます: {}。", without.ja),
        format_args!("The part with the card is skipped: {}.", without.en),
    );
}

/// Waits until the gateway knows the reader; its name. vpcd has two slots, and the card goes into the first.
async fn reader(story: &mut Story, client: &Client, counter: &Counter) -> Result<Result<String, Without>, Failure> {
    story.step("see the card reader");
    let first = |item: &Value| {
        let name = item["name"].as_str().filter(|name| name.ends_with(" 00 00"))?;
        (item["state"] == "ok").then(|| name.to_owned())
    };
    loop {
        let answer = client.get("/v1/readers").await?;
        expect(answer.status == StatusCode::OK, &answer)?;
        if let Some(name) = answer.body["items"].as_array().into_iter().flatten().find_map(first) {
            story.happened(
                format_args!("意見書の本人が窓口に来ました。カードリーダー「{name}」が使えます。"),
                format_args!("The person of the opinion comes to the counter. engawa has a card reader there: {name}."),
            );
            return Ok(Ok(name));
        }
        if let Some(without) = counter.rejects() {
            return Ok(Err(without));
        }
        story.saw(&answer.body);
        pause().await;
    }
}

async fn borrow(story: &mut Story, client: &Client, reader: &str) -> Result<String, Failure> {
    story.step("ask for the reader");
    let order = json!({"reader": reader, "purpose": "identify", "wait_s": 30});
    let answer = client.send_json("POST", "/v1/card-sessions", &order).await?;
    expect(answer.status == StatusCode::CREATED && answer.text("/state")? == "granted", &answer)?;
    story.happened(
        "受付ソフトがリーダーを借りました（POST /v1/card-sessions、201）。",
        "The reception's software borrows it: POST /v1/card-sessions is answered 201, granted.",
    );
    Ok(answer.text("/id")?.to_owned())
}

async fn tap(
    story: &mut Story,
    client: &Client,
    counter: &Counter,
    reader: &str,
    session: &str,
) -> Result<(), Failure> {
    story.step("put the card on the reader");
    // Listening first: what comes is not missed.
    let mut events = client.new_events().await?;
    counter.tap().await?;
    let at = card_present(story, &mut events, reader).await?;
    loop {
        let answer = client.get(&format!("/v1/card-sessions/{session}")).await?;
        expect(answer.status == StatusCode::OK && answer.text("/state")? == "granted", &answer)?;
        if answer.body["card"] == true {
            break;
        }
        story.saw(&answer.body);
        pause().await;
    }
    story.happened(
        "本人がカードを置くと、/v1/events が知らせました。",
        format_args!("The person puts the card on it; /v1/events tells: card present (event {at})."),
    );
    Ok(())
}

/// Reads until the card is told of; that event's id.
async fn card_present(story: &mut Story, events: &mut Events, reader: &str) -> Result<String, Failure> {
    while let Some(event) = events.next().await? {
        if event.kind == "card" && event.data["reader"] == reader && event.data["card"] == "present" {
            return Ok(event.id);
        }
        story.saw(format_args!("{} {}", event.kind, event.data));
    }
    Err("/v1/events ended before the card was told of".into())
}

async fn wrong_pin(
    stage: &Stage,
    story: &mut Story,
    hub: &Value,
    client: &Client,
    counter: &Counter,
    session: &str,
) -> Result<(), Failure> {
    story.step("enter a wrong PIN");
    let answer = identify(client, session, WRONG).await?;
    let card = &answer.body["card"];
    let told = answer.text("/code")? == "CARD_PIN_WRONG" && card["tries_spent"] == "one" && card["tries_left"] == 2;
    expect(answer.status == StatusCode::UNPROCESSABLE_ENTITY && told, &answer)?;
    tries(counter, 2, 1, 1).await?;
    assertions(stage, hub).await?.is_empty().then_some(()).ok_or("the hub was shown something")?;
    story.happened(
        "暗証番号を一度まちがえました。減ったのはちょうど1回、残り2回。カード自身の数も同じで、基盤には何も見せていません。",
        "One wrong PIN costs exactly one try, two are left: the card's own counter agrees, and the hub was shown nothing.",
    );
    story.fact(format_args!("{} {}", answer.text("/code")?, answer.text("/detail")?));
    Ok(())
}

async fn right_pin(
    stage: &Stage,
    story: &mut Story,
    hub: &Value,
    client: &Client,
    counter: &Counter,
    (session, owner): (&str, &Person),
) -> Result<(), Failure> {
    story.step("enter the right PIN");
    let answer = identify(client, session, PIN).await?;
    expect(answer.status == StatusCode::OK, &answer)?;
    let person = &answer.body["person"];
    let theirs = json!([owner.insurer_number, owner.insured_number, "high"]);
    if json!([person["insurer_number"], person["insured_number"], person["assurance"]]) != theirs {
        // The answer holds a token: not a word of it.
        return Err("the hub knows somebody else than the card's holder".into());
    }
    tries(counter, 3, 2, 1).await?;
    let made = assertions(stage, hub).await?;
    let made: Vec<Value> = made.iter().map(|one| json!([one["method"], one["insured_number"]])).collect();
    if made != [json!(["pin", owner.insured_number])] {
        return Err(format!("the hub's record says otherwise: {made:?}").into());
    }
    story.happened(
        "正しい暗証番号で、基盤が本人を確かめました。二つの番号はカードの持ち主のものです。基盤の記録も一度だけです。",
        "With the right PIN the hub knows the person: both numbers are the card holder's, and its own record has it once.",
    );
    story.fact(format_args!(
        "{} {}, assurance {}, tries_left {}",
        owner.insurer_number,
        owner.insured_number,
        answer.text("/person/assurance")?,
        answer.body["card"]["tries_left"]
    ));
    Ok(())
}

async fn give_back(
    story: &mut Story,
    client: &Client,
    counter: &Counter,
    (reader, session): (&str, &str),
) -> Result<(), Failure> {
    story.step("give the reader back");
    let path = format!("/v1/card-sessions/{session}");
    let answer = client.delete(&path).await?;
    expect(answer.status == StatusCode::NO_CONTENT, &answer)?;
    let answer = client.get(&path).await?;
    expect(answer.body["state"] == "ended" && answer.body["ended"] == "closed", &answer)?;
    let readers = client.get("/v1/readers").await?;
    let of_anybody = |item: &Value| item["name"] == reader && item["in_use"] == "none";
    expect(readers.body["items"].as_array().is_some_and(|items| items.iter().any(of_anybody)), &readers)?;
    counter.take().await?;
    story.happened(
        "リーダーを返し（GET /v1/readers の in_use は none）、カードを本人に返しました。",
        "The reader is given back: GET /v1/readers says in_use none. The card goes back to the person.",
    );
    Ok(())
}

async fn identify(client: &Client, session: &str, pin: &str) -> Result<Answer, Failure> {
    let body = json!({"method": "pin", "pin": pin, "confirm_card_left": true});
    client.send_json("POST", &format!("/v1/card-sessions/{session}/identify"), &body).await
}

/// What the card itself counted: tries left, PINs entered and wrong ones so far.
async fn tries(counter: &Counter, left: u64, entered: u64, wrong: u64) -> Result<(), Failure> {
    let card = counter.card().await?;
    let file = |count: &str| card["counts"][count]["jpki/0018"].as_u64().unwrap_or_default();
    let found = (card["tries"]["auth"].as_u64(), file("tries"), file("wrong"));
    if found == (Some(left), entered, wrong) { Ok(()) } else { Err(format!("the card counted {found:?}").into()) }
}

async fn assertions(stage: &Stage, hub: &Value) -> Result<Vec<Value>, Failure> {
    let facts = stage.control(hub, "GET", "/control/facts", String::new()).await?;
    facts["assertions"].as_array().cloned().ok_or_else(|| "the hub's record has no assertions".into())
}
