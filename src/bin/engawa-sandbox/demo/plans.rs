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
use crate::careplans::{File, Month, Unit, What, month_before};
use crate::cli::Failure;
use crate::clock::Clock;

/// How many people get services, and from how many offices; the last one does not take part.
const USERS: usize = 30;
const OFFICES: usize = 5;

/// What the office's software has written, and where.
struct Office<'a> {
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
    let folder = folder(stage, story, hub).await?;
    let now = Clock::default().local();
    let month = Month::new(&stage.world()?, USERS, OFFICES, month_before(now.date())?)?;
    let units = month.units(What::Plans, now)?;
    let office = Office { hub, month, units, folder };
    put(stage, story, &office).await?;
    receipts(stage, story, &office).await?;
    paper(stage, story, &office).await?;
    let helpers = arrive(stage, story, &office).await?;
    opened(stage, story, &office, &helpers).await?;
    let results = results(stage, story, &office, &helpers, now).await?;
    back(stage, story, &office, &results).await
}

/// Starts the office's gateway; its folder.
async fn folder(stage: &mut Stage, story: &mut Story, hub: &Value) -> Result<Exchange, Failure> {
    story.step("start the office's gateway");
    stage.office.configure(hub, 0)?;
    stage.office.ask(&["check", "--offline"]).await?;
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

async fn put(stage: &mut Stage, story: &mut Story, office: &Office<'_>) -> Result<(), Failure> {
    story.step("put a month's files into the folder");
    for unit in &office.units {
        office.folder.put(&unit.files)?;
    }
    let files = || office.units.iter().flat_map(|unit| &unit.files);
    until(stage, || {
        for file in files() {
            match office.folder.sent(&file.name)? {
                None => return Ok(None),
                Some(bytes) if bytes != file.bytes => return Err(format!("{} was changed", file.name).into()),
                Some(_) => {}
            }
        }
        Ok(office.folder.files("out")?.is_empty().then_some(()))
    })
    .await?;
    let (count, month) = (files().count(), office.month.first.strftime("%Y-%m"));
    story.happened(
        format_args!("{month}の6表・7表（{USERS}人、{OFFICES}事業所、{count}ファイル）を out に書くと、受け付けて sent に移しました。"),
        format_args!("Tables 6 and 7 of {month}: {USERS} people, {OFFICES} offices, {count} files in `out`. engawa takes them."),
    );
    Ok(())
}

/// Four offices get theirs; the fifth is not on the hub.
async fn receipts(stage: &mut Stage, story: &mut Story, office: &Office<'_>) -> Result<(), Failure> {
    story.step("see four receipts, and one delivery held");
    let (absent, others) = office.units.split_last().ok_or("there are no units")?;
    let mut numbers: Vec<String> = Vec::new();
    for unit in others {
        let delivery = until(stage, || {
            let delivery = office.delivery(unit)?;
            Ok(delivery.filter(|delivery| delivery["state"] == "delivered"))
        })
        .await?;
        numbers.push(text(&delivery, "/receipt/number")?.to_owned());
    }
    let held = until(stage, || Ok(office.delivery(absent)?.filter(|delivery| delivery["state"] == "held"))).await?;
    let facts = office.facts(stage).await?;
    let filed = facts["careplans"].as_array().into_iter().flatten();
    let mut filed: Vec<&str> = filed.filter_map(|one| one["receipt_number"].as_str()).collect();
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
async fn paper(stage: &mut Stage, story: &mut Story, office: &Office<'_>) -> Result<(), Failure> {
    story.step("send the fifth on paper");
    let absent = office.units.last().ok_or("there are no units")?;
    let name = &absent.files.first().ok_or("the unit has no files")?.name;
    office.folder.put(&[File { name: format!("{name}.paper"), bytes: Vec::new() }])?;
    let on_paper = until(stage, || {
        let delivery = office.delivery(absent)?;
        Ok(delivery.filter(|delivery| delivery["state"] == "on_paper" && delivery["cover_page"].is_string()))
    });
    let page = on_paper.await?;
    let cover = office.folder.sent(text(&page, "/cover_page")?)?.ok_or("the cover page is not there")?;
    let cover = String::from_utf8(cover)?;
    if !cover.contains(&absent.office.number) {
        return Err("the cover page does not say whom it is for".into());
    }
    for (path, bytes) in
        office.folder.files("sent")?.iter().filter(|(path, _)| path.extension().is_none_or(|e| e != "CSV"))
    {
        let said = String::from_utf8_lossy(bytes);
        if office.month.people().any(|person| said.contains(&person.name)) {
            return Err(format!("{} names a person", path.display()).into());
        }
    }
    let facts = office.facts(stage).await?;
    let short = format!("{}_…", name.split('_').next().unwrap_or(name));
    if facts["totals"]["careplans"] != json!(office.units.len() - 1) {
        return Err(format!("the hub's record says otherwise: {facts}").into());
    }
    story.happened(
        format_args!("空のファイル {short}.paper を out に置くと、送付状が sent にできました。基盤には送りません。"),
        format_args!("An empty file {short}.paper in `out`: a cover page lies in `sent`, and nothing goes to the hub."),
    );
    Ok(())
}

/// Starts the helpers' gateway, whose folder fills.
async fn arrive(stage: &mut Stage, story: &mut Story, office: &Office<'_>) -> Result<Helpers, Failure> {
    story.step("see the files arrive in the helpers' folder");
    stage.helpers.configure(office.hub, 0)?;
    let key = stage.helpers.key("介護ソフト", "receive").await?;
    let client = Client { address: stage.helpers.start().await?, key };
    let folder = Exchange::new(stage.helpers.exchange(office.hub)?);
    let unit = office.helpers(stage)?;
    until(stage, || Ok((folder.is_there() && folder.files("in")?.len() >= unit.files.len()).then_some(()))).await?;
    if let Some(difference) = difference(&unit.files, &folder.files("in")?) {
        return Err(difference.into());
    }
    until(stage, || Ok(office.recipient(unit, "downloaded")?.then_some(()))).await?;
    let (name, count) = (&unit.office.name, unit.files.len());
    story.happened(
        format_args!("{name}の in に{count}ファイルが届きました。一バイトも違いません。送った側の結果は downloaded です。"),
        format_args!("The helpers' own gateway has {count} files in its `in`, byte for byte. The sender's result says downloaded."),
    );
    Ok(Helpers { folder, client })
}

/// A person looks, which is more than a machine having them.
async fn opened(stage: &mut Stage, story: &mut Story, office: &Office<'_>, helpers: &Helpers) -> Result<(), Failure> {
    story.step("open what arrived");
    let unit = office.helpers(stage)?;
    let list = helpers.client.get("/v1/careplans/received?unopened=true").await?;
    let items = list.body["items"].as_array().map_or(&[][..], Vec::as_slice);
    let [item] = items else { return Err(format!("one unopened unit was expected: {}", list.body).into()) };
    let id = item["id"].as_str().ok_or_else(|| format!("no id: {item}"))?;
    let answer = helpers.client.send_json("POST", &format!("/v1/careplans/received/{id}/opened"), &json!({})).await?;
    expect(answer.status == StatusCode::OK, &answer)?;
    until(stage, || Ok(office.recipient(unit, "opened")?.then_some(()))).await?;
    story.happened(
        "職員が開いたと知らせる（POST …/opened）と、送った側の結果が opened になりました。",
        "A helper opens it (POST /v1/careplans/received/{id}/opened): the sender's result says opened.",
    );
    Ok(())
}

/// The results of the month go back while the office's gateway is off.
async fn results(
    stage: &mut Stage,
    story: &mut Story,
    office: &Office<'_>,
    helpers: &Helpers,
    now: DateTime,
) -> Result<Unit, Failure> {
    story.step("send results back while the office's gateway is off");
    stage.office.stop().await?;
    let mine = stage.helpers.number(office.hub)?;
    let results = office.month.units(What::Results, now)?.into_iter().find(|unit| unit.office.number == mine);
    let results = results.ok_or("the helpers have no results")?;
    helpers.folder.put(&results.files)?;
    let name = name(&results)?;
    let planner = stage.office.number(office.hub)?;
    let delivery = until(stage, || {
        let delivery = helpers.folder.delivery(name, planner)?;
        Ok(delivery.filter(|delivery| delivery["state"] == "delivered"))
    })
    .await?;
    let receipt = text(&delivery, "/receipt/number")?;
    story.happened(
        "居宅の engawa を止めておきます。訪問介護のソフトが月の実績を out に書くと、基盤が預かりました。",
        format_args!(
            "With the office's gateway off, the helpers' software puts the results into `out`: receipt {receipt}."
        ),
    );
    Ok(results)
}

/// Switched on again, the office gets them, once.
async fn back(stage: &mut Stage, story: &mut Story, office: &Office<'_>, results: &Unit) -> Result<(), Failure> {
    story.step("see the results arrive in the office's folder");
    stage.office.start().await?;
    until(stage, || Ok((!office.folder.files("in")?.is_empty()).then_some(()))).await?;
    if let Some(difference) = difference(&results.files, &office.folder.files("in")?) {
        return Err(difference.into());
    }
    let facts = office.facts(stage).await?;
    let totals = ["careplans", "filed_twice", "documents_under_two_keys"].map(|name| &facts["totals"][name]);
    if json!(totals) != json!([office.units.len(), 0, 0]) {
        return Err(format!("the hub's record says otherwise: {facts}").into());
    }
    story.happened(
        "居宅の engawa を入れると、実績が in に届きました。一バイトも違いません。基盤の記録は五通、二重なしです。",
        "Switched on again, the office has them in `in`, byte for byte. The hub's record: five care plans, none twice.",
    );
    Ok(())
}

impl Office<'_> {
    /// What the result beside a unit's files says of its delivery.
    fn delivery(&self, unit: &Unit) -> Result<Option<Value>, Failure> {
        self.folder.delivery(name(unit)?, &unit.office.number)
    }

    /// The hub's own record.
    async fn facts(&self, stage: &Stage) -> Result<Value, Failure> {
        stage.control(self.hub, "GET", "/control/facts", String::new()).await
    }

    /// Whether the recipient is so far.
    fn recipient(&self, unit: &Unit, state: &str) -> Result<bool, Failure> {
        Ok(self.delivery(unit)?.is_some_and(|delivery| delivery["recipient"]["state"] == state))
    }

    /// The helpers' unit.
    fn helpers(&self, stage: &Stage) -> Result<&Unit, Failure> {
        let number = stage.helpers.number(self.hub)?;
        let unit = self.units.iter().find(|unit| unit.office.number == number);
        unit.ok_or_else(|| "the helpers have no unit".into())
    }
}

fn name(unit: &Unit) -> Result<&str, Failure> {
    Ok(&unit.files.first().ok_or("the unit has no files")?.name)
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
