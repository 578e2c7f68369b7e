//! Slow and many clients, and the end.

use std::time::Duration;

use engawa::api::{Config, ServeConfig};

use engawa::terminal::Right;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::accept::look_again_soon;
use super::house::{House, PATIENCE, get, send};

fn head(key: &str, length: usize) -> String {
    format!(
        "POST /v1/opinions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\nidempotency-key: k\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{{"
    )
}

async fn read_all(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut text = Vec::new();
    let read = stream.read_to_end(&mut text);
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("the connection stays open");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_stalled_body_is_timed_out_and_a_silent_connection_closed() {
    let config = Config { body_idle: Duration::from_millis(200), ..Config::default() };
    let sockets = ServeConfig { header_timeout: Duration::from_millis(200), ..ServeConfig::default() };
    let house = House::open_with(config, sockets).await;
    let key = house.key(&[Right::Submit]).await;
    let mut stalled = TcpStream::connect(house.tcp).await.unwrap();
    stalled.write_all(head(&key, 100).as_bytes()).await.unwrap();
    let answer = read_all(stalled).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("REQUEST_TIMEOUT"), "{answer}");

    let silent = TcpStream::connect(house.tcp).await.unwrap();
    read_all(silent).await;
    let mut halting = TcpStream::connect(house.tcp).await.unwrap();
    halting.write_all(b"P").await.unwrap();
    read_all(halting).await;
}

#[tokio::test]
async fn too_many_requests_are_told_to_come_back_while_health_still_answers() {
    let config = Config { max_requests: 1, ..Config::default() };
    let house = House::open_with(config, ServeConfig::default()).await;
    let key = house.key(&Right::ALL).await;
    let mut first = TcpStream::connect(house.tcp).await.unwrap();
    first.write_all(head(&key, 100).as_bytes()).await.unwrap();
    let refused = async {
        loop {
            let answer = house.tcp(get("/v1/keys", Some(&key))).await;
            if answer.status == 503 {
                return answer;
            }
            look_again_soon().await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, refused).await.unwrap();
    let problem = answer.problem("GATEWAY_BUSY");
    assert_eq!(problem["retry_after"].to_string(), answer.header("retry-after"));
    assert_eq!(house.tcp(get("/v1/health", None)).await.status, 200);
    drop(first);
}

#[tokio::test]
async fn streams_leave_room_for_requests() {
    let config = Config { max_streams: 1, ..Config::default() };
    let house = House::open_with(config, ServeConfig::default()).await;
    let key = house.key(&[Right::Read]).await;
    let first = send(TcpStream::connect(house.tcp).await.unwrap(), get("/v1/events", Some(&key))).await;
    assert_eq!(first.status(), 200);
    house.tcp(get("/v1/events", Some(&key))).await.problem("GATEWAY_BUSY");
    assert_eq!(house.tcp(get("/v1/submissions", Some(&key))).await.status, 200);
    // The place is given back when the reader goes.
    drop(first);
    let again = async {
        loop {
            let stream = TcpStream::connect(house.tcp).await.unwrap();
            if send(stream, get("/v1/events", Some(&key))).await.status() == 200 {
                break;
            }
            look_again_soon().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("the place stays taken");
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_off_where_it_is_the_senders_fault() {
    let limit = Duration::from_millis(200);
    let config = Config { upload: limit, request: limit, ..Config::default() };
    let house = House::open_with(config, ServeConfig::default()).await;
    let key = house.key(&Right::ALL).await;
    for path in ["/v1/opinions", "/v1/opinions/check", "/v1/keys"] {
        let mut trickling = TcpStream::connect(house.tcp).await.unwrap();
        let head = head(&key, 100).replace("/v1/opinions ", &format!("{path} "));
        trickling.write_all(head.as_bytes()).await.unwrap();
        let answer = read_all(trickling).await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("REQUEST_TIMEOUT"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_full_network_listener_does_not_lock_out_the_administrator() {
    let sockets = ServeConfig { max_connections: 1, ..ServeConfig::default() };
    let house = House::open_with(Config::default(), sockets).await;
    let mut held = TcpStream::connect(house.tcp).await.unwrap();
    held.write_all(b"GET /v1/health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    held.read_u8().await.unwrap();
    let mut waiting = TcpStream::connect(house.tcp).await.unwrap();
    waiting.write_all(b"GET /v1/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    assert_eq!(house.unix(get("/v1/keys", None)).await.status, 200);
    // The one that waits is served as soon as there is a seat.
    drop(held);
    assert!(read_all(waiting).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_end_waits_for_running_requests_but_not_for_idle_connections() {
    let house = House::open().await;
    let key = house.key(&[Right::Submit]).await;
    let (tcp, unix) = (house.tcp, house.unix.clone());
    let _silent = UnixStream::connect(&unix).await.unwrap();
    let mut idle = TcpStream::connect(tcp).await.unwrap();
    idle.write_all(b"GET /v1/health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    idle.read_u8().await.unwrap();
    let mut running = TcpStream::connect(tcp).await.unwrap();
    // "100 Continue" shows that the handler reads the body.
    let head = head(&key, 3).replace("\r\n\r\n{", "\r\nexpect: 100-continue\r\n\r\n");
    running.write_all(head.as_bytes()).await.unwrap();
    running.read_u8().await.unwrap();
    let closing = tokio::spawn(house.close());
    let refused = async {
        while TcpStream::connect(tcp).await.is_ok() {
            look_again_soon().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("still accepting");
    assert!(!closing.is_finished());
    running.write_all(b"{ }").await.unwrap();
    let answer = read_all(running).await;
    assert!(answer.contains("REQUEST_MALFORMED"), "{answer}");
    assert!(closing.await.unwrap());
}
