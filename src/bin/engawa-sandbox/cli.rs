//! The command line: `hub`, `control`, `faults`, `card`, `card-control`, `careplans`, `demo`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use jiff::{SignedDuration, Timestamp};

use crate::control::command::Command as Order;
use crate::{card, careplans, clock, control, demo, faults, run};

/// What can go wrong on the command line; printed as one sentence.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

const LONG: &str = "\
A hub anyone can run: its own CA, facilities, staff accounts, municipalities and people (all fictitious), mutual TLS 1.3,
login, opinions, care plans, lookup by key, changes, and faults on demand. It keeps its record in DIR and survives being killed.

QUICK START
  engawa-sandbox hub --dir /tmp/hub            makes /tmp/hub, prints one line of JSON with the hub's address when ready
  engawa-sandbox control --dir /tmp/hub facts  what was filed, under which key, how often

  P=/tmp/hub/facilities/clinic
  set -- --cacert /tmp/hub/pki/ca.pem --cert $P/client.pem --key $P/client.key
  curl \"$@\" https://localhost:PORT/api/v1/login \\
       -d '{\"user_id\":\"clinic-doctor\",\"password\":\"'$(cat /tmp/hub/accounts/clinic-doctor.password)'\"}'
  curl \"$@\" https://localhost:PORT/api/v1/opinions -d @/tmp/hub/examples/opinion.json \\
       -H 'Authorization: Bearer ACCESS_TOKEN' -H \"Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)\"

ENGAWA BESIDE IT
  engawa-sandbox demo --gateway PATH           both, with one opinion from posting to acceptance; it ends by itself
  engawa-sandbox demo --gateway PATH --keep    both left running, with commands to try
  For a hub of your own, in engawa.toml:
      [facility]
      number = \"9910000011\"
      [hub]
      url = \"https://localhost:PORT\"
      ca_file = \"/tmp/hub/pki/ca.pem\"
      certificate_file = \"/tmp/hub/facilities/clinic/client.p12\"
      certificate_passphrase_file = \"/tmp/hub/facilities/clinic/client.p12.pass\"
      user_id = \"clinic-doctor\"
      password_file = \"/tmp/hub/accounts/clinic-doctor.password\"

WHAT IS IN DIR
  sandbox.json                 addresses, process id and every path (rewritten at each start)
  world.json                   facilities, accounts, municipalities, people, requests; may be edited between starts
  journal.jsonl                the hub's own record: one event a line, synced to disk
  units/                       the care plans that were sent, one file each, for their recipients (mode 0600)
  pki/ca.pem                   the CA a client has to trust
  facilities/NAME/             client.pem client.key client.p12 client.p12.pass
      clinic other-clinic                                    good certificates: clinics,
      office other-office centre                             those who make care plans,
      dx day-care nursing rental short-stay                  service offices
      absent                                                 a service office that does not take part
      wrong-kind expired not-yet-valid foreign unknown       certificates that have to be refused
  accounts/USER.password       mode 0600
      clinic-doctor clinic-partner clinic-locum (doctors) clinic-clerk (of clinic) other-doctor (other-clinic)
      office-manager office-planner (care managers) office-clerk (of office) dx-staff (dx) other-office-manager
      centre-manager; NAME-staff for each service office; day-care-clerk
  examples/opinion.json        a body for POST /api/v1/opinions
  examples/careplan.json       a body for POST /api/v1/careplans/5.0/sent, from the office to dx

CARE PLAN FILES
  engawa-sandbox careplans --out /tmp/plans    a month's tables 6 and 7 of 30 people, from office to five service offices
  engawa-sandbox careplans --out /tmp/results --what results --only dx

FAULTS
  engawa-sandbox control --dir DIR fault '{\"on\":\"opinions\",\"kind\":\"cut_after_effect\"}'
  on     login refresh logout opinions changes requests lookup municipalities capabilities challenges assertions
         careplan-sent careplan-sent-list careplan-received careplan-unit careplan-ack delivery-registrations
         consent-drafts unknown connect, *, or a path
  kind   cut_after_effect, delay, status_503 … : `engawa-sandbox help faults` lists kinds, members and codes
  `engawa-sandbox help control` lists all orders and the paths of the control API";

#[derive(Parser)]
#[command(name = "engawa-sandbox", version, about = "A care hub to test against: fictitious data, faults on demand")]
#[command(long_about = LONG)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the hub until it is told to stop
    Hub(HubArgs),
    /// Steer a running hub
    #[command(after_long_help = control::page())]
    Control {
        /// The folder the hub was started with
        #[arg(long)]
        dir: PathBuf,
        #[command(subcommand)]
        order: Order,
    },
    /// List the faults: kinds, members, codes
    #[command(after_long_help = faults::page())]
    Faults,
    /// Put My Number cards of fictitious people into vpcd's virtual readers until told to stop
    Card(card::CardArgs),
    /// Steer running cards: insert, remove, swap, faults, counts
    CardControl(card::command::CardControlArgs),
    /// Write a month's care plan files of fictitious people, as care software would (標準仕様 4.1)
    Careplans(careplans::CareplansArgs),
    /// Show a gateway and a hub at work, and end by itself
    Demo(demo::DemoArgs),
    /// Man pages and shell completions, for packages
    #[command(hide = true)]
    Pages {
        /// Folder to write them into
        directory: PathBuf,
    },
}

/// How the hub is run.
#[derive(Args, Clone, Debug)]
pub(crate) struct HubArgs {
    /// Folder for certificates, accounts and the hub's record; made if absent
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// Address of the hub (mutual TLS); port 0 takes the port of the last start, or else a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Address of the control API (plain HTTP: loopback only)
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) control: SocketAddr,
    /// Decides identifiers, receipts, trace ids, passwords and people; fixed when DIR is made [default: 1]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// The hub's record [default: DIR/journal.jsonl]
    #[arg(long)]
    pub(crate) state: Option<PathBuf>,
    /// Another name or address for the server's certificate (when DIR is made)
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Vec<String>,
    /// What the hub's clock shows at the start, RFC 3339 [default: the machine's time, or the clock as it was left]
    #[arg(long)]
    pub(crate) start: Option<Timestamp>,
    /// Hub time from receipt to handing over to the municipality, or `never`
    #[arg(long, default_value = "1s", value_parser = delay)]
    pub(crate) forward_after: Delay,
    /// Hub time from handing over to the municipality's acceptance, or `never`
    #[arg(long, default_value = "1s", value_parser = delay)]
    pub(crate) accept_after: Delay,
    /// Items on a page of a list or feed
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) page: u64,
    /// Answer E1xxx and E4040 with status 200 instead of 401, 403 and 404
    #[arg(long)]
    pub(crate) always_200: bool,
    /// Start with the power off: connections are refused until `control up`
    #[arg(long)]
    pub(crate) down: bool,
    /// Do not sync the record to disk: survives a kill, not a power cut
    #[arg(long)]
    pub(crate) no_fsync: bool,
    /// Stop when standard input ends, so that a test's hub never outlives the test
    #[arg(long)]
    pub(crate) until_stdin_ends: bool,
}

/// A span of hub time; `None` is never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delay(pub(crate) Option<SignedDuration>);

fn delay(text: &str) -> Result<Delay, String> {
    if text == "never" {
        return Ok(Delay(None));
    }
    let span = clock::span(text).map_err(|e| format!("{e}; or write never"))?;
    if span.is_negative() { Err("must not be negative".to_owned()) } else { Ok(Delay(Some(span))) }
}

/// `man/*.1`, one for each command, and `completions/*`.
fn pages(directory: &Path) -> std::io::Result<()> {
    let (man, completions) = (directory.join("man"), directory.join("completions"));
    std::fs::create_dir_all(&man)?;
    std::fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(Cli::command(), &man)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "engawa-sandbox", &completions)?;
    }
    Ok(())
}

/// Parses, runs, and turns a failure into one sentence and exit code 1.
pub(crate) fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Hub(args) => run::hub(&args),
        // A reader such as `head` may have gone: that is no failure.
        Command::Control { dir, order } => order.run(&dir).map(|text| drop(writeln!(std::io::stdout(), "{text}"))),
        Command::Faults => {
            let _ = write!(std::io::stdout(), "{}", faults::page());
            Ok(())
        }
        Command::Card(args) => card::run(&args),
        Command::CardControl(args) => card::command::run(args).map(|text| drop(writeln!(std::io::stdout(), "{text}"))),
        Command::Careplans(args) => careplans::run(&args).map(|text| drop(writeln!(std::io::stdout(), "{text}"))),
        Command::Demo(args) => demo::run(&args),
        Command::Pages { directory } => pages(&directory).map_err(Failure::from),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("engawa-sandbox: {failure}");
            ExitCode::FAILURE
        }
    }
}
