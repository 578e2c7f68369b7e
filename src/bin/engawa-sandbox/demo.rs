//! `engawa-sandbox demo`: a gateway and a hub in one short story.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Failure;

/// What the demo needs.
#[derive(Args, Clone, Debug)]
pub(crate) struct DemoArgs {
    /// The gateway's binary
    #[arg(long)]
    pub(crate) gateway: PathBuf,
    /// Leave both running, and print commands to try
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Tells the story; an error unless all of it happened.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let keep = if args.keep { " --keep" } else { "" };
    Err(format!("demo{keep} with {} is not part of this build", args.gateway.display()).into())
}
