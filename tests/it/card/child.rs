//! The other side: a room in a process of its own, told what to do line by line over a Unix socket.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use engawa::card::pcsc::{Limits, PcscDriver};
use engawa::card::{
    CardError, Cards, Config, IdentityPin, Opened, ProfilePin, Purpose, ReaderName, Session, SessionSnapshot, Stage,
    Terminal, Wish,
};
use engawa::clock::Clock;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// The environment variable that makes this binary a room.
pub(super) const SOCKET: &str = "ENGAWA_TEST_ROOM";

pub(super) const CHALLENGE: &[u8] = b"0123456789abcdef0123456789abcdef";

/// Not a test: the room's process. Without the variable it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process of a room, started by the tests"]
async fn be_the_room() {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    let listener = UnixListener::bind(socket).unwrap();
    let (stop, stopped) = watch::channel(false);
    let clock = Clock::system();
    let config = Config {
        connect_limit: Duration::from_millis(700),
        operation_limit: Duration::from_millis(2500),
        ..Config::default()
    };
    let driver = Arc::new(PcscDriver::new(clock.clone(), Limits::default()));
    let (cards, tasks) = Cards::start(config, driver, clock.clone(), stopped);
    let tasks = Arc::new(tokio::sync::Mutex::new(Some(tasks)));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (cards, stop, tasks, clock) = (cards.clone(), stop.clone(), tasks.clone(), clock.clone());
        tokio::spawn(async move {
            let Some((order, mut stream)) = read(stream).await else { return };
            let begun = clock.elapsed();
            let mut answer = if order["op"] == "stop" {
                let _ = stop.send(true);
                if let Some(tasks) = tasks.lock().await.take() {
                    tasks.finished().await;
                }
                json!({"at_rest": cards.at_rest(), "readers": readers(&cards)})
            } else {
                match carry_out(&cards, &order).await {
                    Ok(answer) => answer,
                    Err(error) => json!({
                        "code": error.code().name(), "spent": error.spent(), "tries_left": error.tries_left(),
                        "error": error.to_string(),
                    }),
                }
            };
            if let Some(answer) = answer.as_object_mut() {
                let took = clock.elapsed().saturating_sub(begun);
                answer.insert("us".to_owned(), json!(u64::try_from(took.as_micros()).unwrap()));
            }
            let _ = stream.write_all(format!("{answer}\n").as_bytes()).await;
        });
    }
}

async fn read(stream: UnixStream) -> Option<(Value, UnixStream)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    Some((serde_json::from_str(&line).unwrap(), reader.into_inner()))
}

async fn carry_out(cards: &Cards, order: &Value) -> Result<Value, CardError> {
    let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
    let terminal = Terminal(text("terminal"));
    let session = || cards.session(&terminal, text("id").parse().unwrap_or_default());
    Ok(match text("op").as_str() {
        "readers" => readers(cards),
        "health" => {
            let health = cards.health();
            let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
            json!({"alive": health.alive, "service": health.service, "stuck": health.stuck, "threads": threads})
        }
        "open" => {
            let wish = order["reader"].as_str().map_or(Wish::Any, |name| Wish::Named(ReaderName(name.to_owned())));
            let wait = Duration::from_secs(order["wait_s"].as_u64().unwrap_or(0));
            match cards.open(&terminal, &wish, Purpose::Identify, wait)? {
                Opened::Granted(snapshot) | Opened::Waiting(snapshot) => view(&snapshot),
            }
        }
        "view" => view(&session()?.view()?),
        "close" => {
            session()?.close()?;
            json!({})
        }
        "certificate" => {
            let (kind, certificate) = session()?.certificate().await?;
            json!({"kind": kind, "readable": certificate.is_some()})
        }
        "counters" => json!(session()?.counters().await?),
        "sign" => sign(&session()?, &text("pin"), order["confirm"] == true).await?,
        "basic-four" => {
            let pin = ProfilePin::parse(Zeroizing::new(text("pin"))).ok_or(CardError::PinFormat)?;
            let four = session()?.basic_four(pin, false).await?;
            json!({"name": four.name, "address": four.address, "birth": four.birth.map(|day| day.to_string())})
        }
        "hold" => hold(&text("reader"), Duration::from_millis(order["ms"].as_u64().unwrap())),
        "reset" => reset(&text("reader")),
        other => panic!("{other}"),
    })
}

async fn sign(session: &Session, pin: &str, confirm: bool) -> Result<Value, CardError> {
    let pin = IdentityPin::parse(Zeroizing::new(pin.to_owned())).ok_or(CardError::PinFormat)?;
    let signed = session.sign(pin, CHALLENGE.to_vec(), confirm).await?;
    Ok(json!({
        "kind": signed.kind, "tries_left": signed.tries_left,
        "certificate": BASE64_STANDARD.encode(&signed.certificate.der),
        "signature": BASE64_STANDARD.encode(&signed.signature),
        "days_left": signed.certificate.days_left(Clock::system().now()),
    }))
}

fn readers(cards: &Cards) -> Value {
    let all = cards.readers().into_iter().map(|reader| {
        json!({
            "name": reader.name, "state": reader.state, "card": reader.card,
            "leased_by": reader.leased_by,
        })
    });
    all.collect()
}

fn view(snapshot: &SessionSnapshot) -> Value {
    let (stage, reason) = match &snapshot.stage {
        Stage::Waiting => ("waiting", None),
        Stage::Granted(_) => ("granted", None),
        Stage::Ended(reason) => ("ended", Some(*reason)),
    };
    json!({"id": snapshot.id, "stage": stage, "reason": reason, "position": snapshot.position, "card": snapshot.card})
}

// ---- what other programs do ------------------------------------------------------------------------------------------

fn connect(reader: &str) -> (pcsc::Context, pcsc::Card) {
    let context = pcsc::Context::establish(pcsc::Scope::User).unwrap();
    let name = CString::new(reader).unwrap();
    let card = context.connect(&name, pcsc::ShareMode::Shared, pcsc::Protocols::ANY).unwrap();
    (context, card)
}

/// Holds a transaction; answers when it has begun.
fn hold(reader: &str, how_long: Duration) -> Value {
    let (begun, held) = std::sync::mpsc::sync_channel(1);
    let reader = reader.to_owned();
    std::thread::spawn(move || {
        let (_context, mut card) = connect(&reader);
        let transaction = card.transaction().unwrap();
        begun.send(()).unwrap();
        std::thread::park_timeout(how_long);
        transaction.end(pcsc::Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
        card.disconnect(pcsc::Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
    });
    held.recv().unwrap();
    json!({})
}

fn reset(reader: &str) -> Value {
    let (_context, card) = connect(reader);
    card.disconnect(pcsc::Disposition::ResetCard).map_err(|(_, error)| error).unwrap();
    json!({})
}
