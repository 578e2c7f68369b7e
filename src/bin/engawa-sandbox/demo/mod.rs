//! `engawa-sandbox demo`: gateways, a hub and a card in one short story, or left running to play with.
//!
//! [`tale`] is the story, [`desk`] its part at the counter, [`plans`] its part with care plans and [`play`] the playground; all
//! act on a [`stage`] (folder and processes: [`gateway`]s, the hub, [`counter`] with the card reader), speak to a gateway through
//! [`client`] or its folder ([`exchange`]) as any software on the LAN would, and tell what they do through [`story`]. [`paper`] is
//! the opinion. Whatever happens, all processes are stopped; the folder stays only when something failed.

mod client;
mod counter;
mod desk;
mod exchange;
mod gateway;
mod paper;
mod plans;
mod play;
mod process;
mod stage;
mod story;
mod tale;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Failure;
use stage::Stage;
use story::Story;

/// The whole story takes a quarter of a minute; a machine that is busy with other things may need longer.
const DEADLINE: Duration = Duration::from_secs(150);

/// What the demo needs.
#[derive(Args, Clone, Debug)]
pub(crate) struct DemoArgs {
    /// The gateway's binary
    #[arg(long, value_name = "PATH")]
    gateway: PathBuf,
    /// Leave all running, and print commands to try; Ctrl-C ends it
    #[arg(long)]
    keep: bool,
}

/// Tells the story; an error unless all of it happened.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(perform(args))
}

async fn perform(args: &DemoArgs) -> Result<(), Failure> {
    let mut story = Story::default();
    let mut stage = Stage::new(&args.gateway)?;
    let done = if args.keep { keep(&mut stage, &mut story).await } else { tell(&mut stage, &mut story).await };
    if done.is_ok() {
        story.step("stop all processes");
    }
    let card = stage.counter().is_some();
    // What failed first is what is told, however the processes end.
    let stopped = stage.stop().await;
    if let Err(why) = done.and(stopped) {
        return Err(story.failure(why.as_ref(), stage.dir(), &stage.logs()));
    }
    stage.remove()?;
    story.end(args.keep, card);
    Ok(())
}

async fn tell(stage: &mut Stage, story: &mut Story) -> Result<(), Failure> {
    tokio::select! {
        done = within_deadline(tale::tell(stage, story)) => done,
        ordered = told_to_stop() => ordered.and(Err("stopped by a signal".into())),
    }
}

async fn keep(stage: &mut Stage, story: &mut Story) -> Result<(), Failure> {
    let play = async {
        within_deadline(play::open(stage, story)).await?;
        play::stay(stage).await
    };
    tokio::select! {
        done = play => done,
        ordered = told_to_stop() => ordered,
    }
}

async fn within_deadline(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let late = |_| Err(format!("not done after {} seconds", DEADLINE.as_secs()).into());
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(late)
}

async fn told_to_stop() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done?,
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
