//! The story's part with care plans: an office's software and a service office's, each with nothing but a folder.

use std::path::Path;

use http::StatusCode;
use jiff::civil::DateTime;
use serde_json::{Value, json};

use super::client::Client;
use super::exchange::{Exchange, difference};
use super::process::pause;
use super::stage::Stage;
use super::story::Story;
use super::tale::expect;
use crate::careplans::{Month, Unit, What, month_before};
use crate::cli::Failure;
use crate::clock::Clock;

/// How many people get services, and from how many offices; the last one does not take part.
const USERS: usize = 30;
const OFFICES: usize = 5;

/// What the office's software has written, and where.
struct Desk<'a> {
    hub: &'a Value,
    month: Month,
    /// One for each service office.
    units: Vec<Unit>,
    folder: Exchange,
}

/// The helpers' side.
struct Helpers {
    folder: Exchange,
    client: Client,
}

/// From the folder to the hub's own record, and back.
pub(super) async fn tell(stage: &mut Stage, story: &mut Story, hub: &Value) -> Result<(), Failure> {
    let folder = office(stage, story, hub).await?;
    let now = Clock::default().local();
    let month = Month::new(&stage.world()?, USERS, OFFICES, month_before(now.date())?)?;
    let units = month.units(What::Plans, now)?;
    let desk = Desk { hub, month, units, folder };
    put(stage, story, &desk).await?;
    receipts(stage, story, &desk).await?;
    paper(stage, story, &desk).await?;
    let helpers = arrive(stage, story, &desk).await?;
    opened(stage, story, &desk, &helpers).await?;
    let results = results(stage, story, &desk, &helpers, now).await?;
    back(stage, story, &desk, &results).await
}

/// Starts the office's gateway; its folder.
async fn office(stage: &mut Stage, story: &mut Story, hub: &Value) -> Result<Exchange, Failure> {
    story.step("start the office's gateway");
    stage.office.configure(hub, 0)?;
    stage.office.ask(&["check"]).await?;
    stage.office.start().await?;
    let folder = Exchange::new(stage.office.exchange(hub)?);
    until(stage, || Ok(folder.is_there().then_some(()))).await?;
    story.happened(
        "次は、居宅介護支援事業所のケアプランです。この事業所のソフトが知っているのは、フォルダーだけです。",
        "Care plans next, from the office that makes them. All its software knows is a folder:",
    );
    story.fact(format_args!("{}/", shortened(stage, folder.root())));
    Ok(folder)
}

async fn put(stage: &mut Stage, story: &mut Story, desk: &Desk<'_>) -> Result<(), Failure> {
    story.step("put a month's files into the folder");
    for unit in &desk.units {
        desk.folder.put(&unit.files)?;
    }
    let files = || desk.units.iter().flat_map(|unit| &unit.files);
    until(stage, || {
        for file in files() {
            match desk.folder.sent(&file.name)? {
                None => return Ok(None),
                Some(bytes) if bytes != file.bytes => return Err(format!("{} was changed", file.name).into()),
                Some(_) => {}
            }
        }
        Ok(desk.folder.files("out")?.is_empty().then_some(()))
    })
    .await?;
    let (count, month) = (files().count(), desk.month.first.strftime("%Y-%m"));
    story.happened(
        format_args!("ソフトが{month}の6表・7表（{USERS}人、{OFFICES}事業所、{count}ファイル）を out に書くと、engawa が受け付け、sent に移しました。"),
        format_args!("It writes tables 6 and 7 of {month} into `out`: {USERS} people, {OFFICES} offices, {count} files. engawa takes them, into `sent`."),
    );
    Ok(())
}

/// Four offices get theirs; the fifth is not on the hub.
async fn receipts(stage: &mut Stage, story: &mut Story, desk: &Desk<'_>) -> Result<(), Failure> {
    story.step("see four receipts, and one delivery held");
    let (absent, others) = desk.units.split_last().ok_or("there are no units")?;
    let mut numbers: Vec<String> = Vec::new();
    for unit in others {
        let delivery = until(stage, || {
            let delivery = desk.delivery(unit)?;
            Ok(delivery.filter(|delivery| delivery["state"] == "delivered"))
        })
        .await?;
        numbers.push(text(&delivery, "/receipt/number")?.to_owned());
    }
    let held = until(stage, || Ok(desk.delivery(absent)?.filter(|delivery| delivery["state"] == "held"))).await?;
    let facts = stage.control(desk.hub, "GET", "/control/facts", String::new()).await?;
    let mut filed: Vec<&str> =
        facts["careplans"].as_array().into_iter().flatten().filter_map(|one| one["receipt_number"].as_str()).collect();
    filed.sort_unstable();
    numbers.sort();
    if filed != numbers || facts["totals"]["filed_twice"] != json!(0) {
        return Err(format!("the hub's record says otherwise: {facts}").into());
    }
    story.happened(
        "四つの事業所の分は基盤が受け付け、受付番号が結果のファイルに書かれました。基盤の記録も同じ四つです。",
        "The hub takes those for four offices: the result files have its receipts, and its own record has the same four.",
    );
    story.fact(numbers.join(" "));
    story.fact(format_args!("{} {}", absent.office.number, text(&held, "/reason/code")?));
    story.fact(text(&held, "/reason/ja")?);
    story.fact(text(&held, "/reason/en")?);
    Ok(())
}

/// What is held goes on paper instead.
async fn paper(stage: &mut Stage, story: &mut Story, desk: &Desk<'_>) -> Result<(), Failure> {
    story.step("send the fifth on paper");
    let absent = desk.units.last().ok_or("there are no units")?;
    let name = &absent.files.first().ok_or("the unit has no files")?.name;
    desk.folder.put(&[crate::careplans::File { name: format!("{name}.paper"), bytes: Vec::new() }])?;
    until(stage, || Ok(desk.delivery(absent)?.filter(|delivery| delivery["state"] == "on_paper"))).await?;
    let cover = until(stage, || desk.folder.sent(&format!("{name}.cover.html"))).await?;
    let cover = String::from_utf8(cover)?;
    if !cover.contains(&absent.office.number) {
        return Err("the cover page does not say whom it is for".into());
    }
    if let Some(person) = desk.month.people().find(|person| cover.contains(&person.name)) {
        return Err(format!("the cover page names {}", person.name).into());
    }
    let facts = stage.control(desk.hub, "GET", "/control/facts", String::new()).await?;
    if facts["totals"]["careplans"] != json!(desk.units.len() - 1) {
        return Err(format!("the hub's record says otherwise: {facts}").into());
    }
    story.happened(
        format_args!("五つ目の{}は基盤に参加していません。空のファイル {}.paper を out に置くと、送付状が sent にできました。基盤には送りません。", absent.office.name, shorter(name)),
        format_args!("The fifth office is not on the hub. An empty file {}.paper in `out`, and a cover page lies in `sent`: it goes on paper, never to the hub.", shorter(name)),
    );
    Ok(())
}

/// Starts the helpers' gateway, whose folder fills.
async fn arrive(stage: &mut Stage, story: &mut Story, desk: &Desk<'_>) -> Result<Helpers, Failure> {
    story.step("see the files arrive in the helpers' folder");
    stage.helpers.configure(desk.hub, 0)?;
    let key = stage.helpers.key("介護ソフト", "receive").await?;
    let client = Client { address: stage.helpers.start().await?, key };
    let folder = Exchange::new(stage.helpers.exchange(desk.hub)?);
    let unit = desk.unit(stage, desk.hub)?;
    until(stage, || Ok((folder.is_there() && folder.files("in")?.len() >= unit.files.len()).then_some(()))).await?;
    if let Some(difference) = difference(&unit.files, &folder.files("in")?) {
        return Err(difference.into());
    }
    until(stage, || Ok(desk.recipient(unit, "downloaded")?.then_some(()))).await?;
    story.happened(
        format_args!("{}の engawa が受け取り、in に{}ファイルが現れました。書いたものと一バイトも違いません。送った側の結果は downloaded です。", unit.office.name, unit.files.len()),
        format_args!("The home helpers' own gateway fetches theirs: {} files in its `in`, byte for byte what was written. The sender's result says downloaded.", unit.files.len()),
    );
    Ok(Helpers { folder, client })
}

/// A person looks, which is more than a machine having them.
async fn opened(stage: &mut Stage, story: &mut Story, desk: &Desk<'_>, helpers: &Helpers) -> Result<(), Failure> {
    story.step("open what arrived");
    let unit = desk.unit(stage, desk.hub)?;
    let list = helpers.client.get("/v1/careplans/received?unopened=true").await?;
    let items = list.body["items"].as_array().map_or(&[][..], Vec::as_slice);
    let [item] = items else { return Err(format!("one unopened unit was expected: {}", list.body).into()) };
    let id = item["id"].as_str().ok_or_else(|| format!("no id: {item}"))?;
    let answer = helpers.client.send_json("POST", &format!("/v1/careplans/received/{id}/opened"), &json!({})).await?;
    expect(answer.status == StatusCode::OK, &answer)?;
    until(stage, || Ok(desk.recipient(unit, "opened")?.then_some(()))).await?;
    story.happened(
        "訪問介護の職員が開いたと知らせる（POST …/opened）と、送った側の結果が opened になりました。",
        "A helper opens it (POST /v1/careplans/received/{id}/opened): the sender's result says opened.",
    );
    Ok(())
}

/// The results of the month go back while the office's gateway is off.
async fn results(
    stage: &mut Stage,
    story: &mut Story,
    desk: &Desk<'_>,
    helpers: &Helpers,
    now: DateTime,
) -> Result<Unit, Failure> {
    story.step("send results back while the office's gateway is off");
    stage.office.stop().await?;
    let mine = stage.helpers.number(desk.hub)?;
    let results = desk.month.units(What::Results, now)?.into_iter().find(|unit| unit.office.number == mine);
    let results = results.ok_or("the helpers have no results")?;
    helpers.folder.put(&results.files)?;
    let name = name(&results)?;
    let planner = stage.office.number(desk.hub)?;
    let delivery = until(stage, || {
        let result = helpers.folder.result(name)?;
        Ok(result.and_then(|result| delivery_to(&result, planner)).filter(|one| one["state"] == "delivered"))
    })
    .await?;
    let receipt = text(&delivery, "/receipt/number")?;
    story.happened(
        "居宅の engawa を止めておきます。訪問介護のソフトが月の実績を out に書くと、基盤が預かりました。",
        format_args!("The office's gateway is switched off. The helpers' software writes the month's results into its `out`: receipt {receipt}."),
    );
    Ok(results)
}

/// Switched on again, the office gets them, once.
async fn back(stage: &mut Stage, story: &mut Story, desk: &Desk<'_>, results: &Unit) -> Result<(), Failure> {
    story.step("see the results arrive in the office's folder");
    stage.office.start().await?;
    until(stage, || Ok((!desk.folder.files("in")?.is_empty()).then_some(()))).await?;
    if let Some(difference) = difference(&results.files, &desk.folder.files("in")?) {
        return Err(difference.into());
    }
    let facts = stage.control(desk.hub, "GET", "/control/facts", String::new()).await?;
    let totals = json!([
        facts["totals"]["careplans"],
        facts["totals"]["filed_twice"],
        facts["totals"]["documents_under_two_keys"]
    ]);
    if totals != json!([desk.units.len(), 0, 0]) {
        return Err(format!("the hub's record says otherwise: {facts}").into());
    }
    story.happened(
        "居宅の engawa を入れると、実績が in に届きました。一バイトも違わず、一度だけ。基盤の記録も五通、二重なしです。",
        "Switched on again, it has the results in `in`: byte for byte, and once. The hub's own record: five care plans, none twice.",
    );
    Ok(())
}

impl Desk<'_> {
    /// What the result beside a unit's files says of its delivery.
    fn delivery(&self, unit: &Unit) -> Result<Option<Value>, Failure> {
        let result = self.folder.result(name(unit)?)?;
        Ok(result.and_then(|result| delivery_to(&result, &unit.office.number)))
    }

    /// Whether the recipient is so far.
    fn recipient(&self, unit: &Unit, state: &str) -> Result<bool, Failure> {
        Ok(self.delivery(unit)?.is_some_and(|delivery| delivery["recipient"]["state"] == state))
    }

    /// The helpers' unit.
    fn unit(&self, stage: &Stage, hub: &Value) -> Result<&Unit, Failure> {
        let number = stage.helpers.number(hub)?;
        let unit = self.units.iter().find(|unit| unit.office.number == number);
        unit.ok_or_else(|| "the helpers have no unit".into())
    }
}

fn name(unit: &Unit) -> Result<&str, Failure> {
    Ok(&unit.files.first().ok_or("the unit has no files")?.name)
}

fn delivery_to(result: &Value, office: &str) -> Option<Value> {
    let all = result["deliveries"].as_array()?;
    all.iter().find(|delivery| delivery["to_facility"] == office).cloned()
}

fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str, Failure> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.ok_or_else(|| format!("no text at {pointer}: {value}").into())
}

/// Looks until it is so, as long as all processes live.
async fn until<T>(stage: &mut Stage, mut look: impl FnMut() -> Result<Option<T>, Failure>) -> Result<T, Failure> {
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if let Some(who) = stage.ended()? {
            return Err(who.into());
        }
        pause().await;
    }
}

/// A path from the stage's folder on.
fn shortened(stage: &Stage, path: &Path) -> String {
    path.strip_prefix(stage.dir()).unwrap_or(path).display().to_string()
}

/// A file's name without its middle.
fn shorter(name: &str) -> String {
    let prefix = name.split('_').next().unwrap_or(name);
    format!("{prefix}_…")
}
