//! A My Number card in software, in a slot of vpcd's virtual reader, with JPKI and 券面事項入力補助. It is written from what
//! is publicly known of the card and of its clients, and answers somebody else's client (OpenSC) as it does the gateway.
//!
//! A command walks `line` (vpcd's wire) → [`slot`] (the card that lies there; [`faults`]) → [`applet`] (the card) →
//! [`memory`] (PINs and tries, on the disk before they count). [`holder`] makes cards, [`journal`] counts what they are
//! asked, [`control`] puts them in and takes them out.

mod apdu;
mod applet;
pub(crate) mod command;
mod control;
mod faults;
mod files;
mod holder;
mod journal;
mod key;
mod line;
mod memory;
mod slot;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::cli::Failure;
use crate::folder;
use crate::run::stopped;
use control::Slots;
use holder::Name;
use slot::{Place, Slot};

/// Which cards in which readers.
#[derive(Args, Clone, Debug)]
pub(crate) struct CardArgs {
    /// The hub's folder, where the cards are kept; made if absent
    #[arg(long)]
    dir: PathBuf,
    /// Whose card: N for person N of world.json, or N-no-pin, N-expired, N-expiring-DAYS, N-revoked, N-blocked, N-android,
    /// N-iphone, N-juki; repeat it with --port for more readers
    #[arg(long, required = true)]
    holder: Vec<Name>,
    /// The port of vpcd's slot
    #[arg(long, required = true)]
    port: Vec<u16>,
    /// Where vpcd listens
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Address of the control API (plain HTTP: loopback only)
    #[arg(long, default_value = "127.0.0.1:0")]
    control: SocketAddr,
    /// Begin with empty readers
    #[arg(long)]
    out: bool,
    /// Do not sync the tries left to disk: they survive a kill, not a power cut
    #[arg(long)]
    no_fsync: bool,
    /// Stop when standard input ends, so that a test's card never outlives the test
    #[arg(long)]
    until_stdin_ends: bool,
}

/// Runs the cards until a signal (or the end of standard input).
pub(crate) fn run(args: &CardArgs) -> Result<(), Failure> {
    if args.holder.len() != args.port.len() {
        return Err("as many --holder as --port".into());
    }
    if !args.control.ip().is_loopback() {
        return Err("--control has to be a loopback address: it asks nobody who they are".into());
    }
    folder::world(&args.dir)?;
    let slots = slots(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(serve(args, slots));
    runtime.shutdown_background();
    done
}

fn slots(args: &CardArgs) -> Result<Slots, Failure> {
    let mut slots = BTreeMap::new();
    for (holder, port) in args.holder.iter().zip(&args.port) {
        let place = Place { dir: args.dir.clone(), host: args.host.clone(), port: *port, fsync: !args.no_fsync };
        let slot = Slot::new(place, holder.clone())?;
        if !args.out {
            slot.insert(None)?;
        }
        if slots.insert(*port, Arc::clone(&slot)).is_some() {
            return Err(format!("--port {port} twice").into());
        }
        std::thread::Builder::new().name(format!("slot-{port}")).spawn(move || slot.serve())?;
    }
    Ok(Arc::new(slots))
}

async fn serve(args: &CardArgs, slots: Slots) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind(args.control).await?;
    let control = listener.local_addr()?.port();
    for port in &args.port {
        let facts = json!({"port": port, "control_port": control, "pid": std::process::id()});
        folder::public(&args.dir.join("readers").join(format!("{port}.json")), facts.to_string())?;
    }
    announce(args, control);
    tokio::select! {
        done = control::listen(listener, slots) => done,
        done = stopped(args.until_stdin_ends) => done,
    }
}

/// One line for programs and people: where to steer the cards.
#[allow(clippy::print_stdout)]
fn announce(args: &CardArgs, control: u16) {
    let slots: Vec<_> =
        args.port.iter().zip(&args.holder).map(|(port, h)| json!({"port": port, "holder": h.text()})).collect();
    let control_url = format!("http://127.0.0.1:{control}");
    println!(
        "{}",
        json!({
            "ready": true, "control": control_url, "control_port": control, "slots": slots, "pid": std::process::id()
        })
    );
    let _ = std::io::stdout().flush();
}
