//! `engawa-sandbox card-control`: the orders as a command.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::Failure;
use crate::control::command::call;

/// Which slot, and what to do.
#[derive(Args, Clone, Debug)]
pub(crate) struct CardControlArgs {
    /// The folder the card was started with
    #[arg(long)]
    dir: PathBuf,
    /// The slot: vpcd's port
    #[arg(long)]
    port: u16,
    #[command(subcommand)]
    order: Order,
}

#[derive(Subcommand, Clone, Debug)]
enum Order {
    /// The card in the reader, tries left, counts by instruction and file, faults
    Status,
    /// Put a card in
    Insert {
        /// Which; the last one if left out
        holder: Option<String>,
    },
    /// Take the card out
    Remove,
    /// Take the card out and put another one in
    Swap {
        /// Which
        holder: String,
    },
    /// Give all PINs all their tries back
    ResetTries,
    /// Order a fault (JSON, one or a list), for example {"kind":"remove","ins":"2A"}
    Fault {
        /// The order
        json: String,
    },
    /// Clear all faults
    Clear,
    /// Count from zero again
    ClearCounts,
}

/// Sends the order to the process that serves the slot; the answer, laid out for people.
pub(crate) fn run(args: CardControlArgs) -> Result<String, Failure> {
    let CardControlArgs { dir, port, order } = args;
    let file = dir.join("readers").join(format!("{port}.json"));
    let all: Value = serde_json::from_slice(&fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?)?;
    let control = all.get("control_port").and_then(Value::as_u64).ok_or("the file names no control_port")?;
    let which = |holder: Option<String>| holder.map_or_else(|| json!({}), |h| json!({"holder": h})).to_string();
    let (method, what, body) = match order {
        Order::Status => ("GET", "", String::new()),
        Order::Insert { holder } => ("POST", "/insert", which(holder)),
        Order::Remove => ("POST", "/remove", String::new()),
        Order::Swap { holder } => ("POST", "/swap", which(Some(holder))),
        Order::ResetTries => ("POST", "/tries", String::new()),
        Order::Fault { json } => ("POST", "/faults", json),
        Order::Clear => ("DELETE", "/faults", String::new()),
        Order::ClearCounts => ("DELETE", "/counts", String::new()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let path = format!("/slots/{port}{what}");
    let answer = runtime.block_on(call(u16::try_from(control)?, method, &path, body))?;
    Ok(serde_json::to_string_pretty(&answer)?)
}
