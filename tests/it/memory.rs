//! What the gateway may keep in memory: bounds that hold for any number of documents and any size of one. These are a debug
//! build's; the goals (30 MiB at rest, 64 MiB under load) are the benchmark's business (`make bench`).

#[path = "../bench/gateway.rs"]
mod gateway;
#[path = "../bench/load.rs"]
mod load;
#[path = "../bench/opinion.rs"]
mod opinion;
#[path = "../bench/queue.rs"]
mod queue;

use std::sync::Arc;
use std::time::Duration;

use gateway::{Gateway, House};
use load::{Client, Target, Until};
use opinion::Template;

use crate::support::sandbox::{self, Sandbox};
use crate::support::until;

const MIB: u64 = 1024 * 1024;

fn target(house: &House, gateway: &Gateway) -> Target {
    Target { address: gateway.address, bearer: house.bearer() }
}

fn below(what: &str, bytes: u64, most: u64) {
    assert!(bytes <= most * MIB, "{what}: {:.1} MiB, more than {most}", bytes as f64 / MIB as f64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_does_not_grow_with_the_queue() {
    let sandbox = Sandbox::start();
    sandbox.down();
    let house = House::new(&sandbox);
    let gateway = house.start();
    below("at rest", gateway.own_memory(), 12);
    let small = Arc::new(vec![Template::small()]);
    load::post(&target(&house, &gateway), &small, 4, Until::Posted(50)).await;
    gateway.stop();
    queue::multiply(&house.database(), 100_000).await;

    let gateway = house.start();
    let target = target(&house, &gateway);
    load::post(&target, &small, 64, Until::Posted(500)).await;
    let health = Client::connect(&target).await.get("/v1/health").await;
    assert!(health["parts"].is_object() || health["parts"].is_array(), "{health}");
    let page = Client::connect(&target).await.get("/v1/submissions?state=queued&limit=200").await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(200), "{page}");
    below("with 100,000 queued", gateway.peak(), 80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_of_20_mib_passes_through_a_few() {
    let sandbox = Sandbox::start_with(&["--no-fsync"]);
    sandbox.down();
    let house = House::new(&sandbox);
    let gateway = house.start();
    let document = opinion::large();
    let before = gateway.peak();
    let mut client = Client::connect(&target(&house, &gateway)).await;
    let (status, answer) = client.opinion(document, "multipart/form-data; boundary=bb").await;
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&answer));
    below("while accepting", gateway.peak().saturating_sub(before), 8);

    // A new process has a peak of its own.
    gateway.stop();
    let gateway = house.start();
    let before = gateway.peak();
    sandbox.up();
    until("the effect at the hub", Duration::from_secs(60), || {
        (sandbox.status()["totals"]["effects"] == 1).then_some(())
    });
    below("while sending", gateway.peak().saturating_sub(before), 8);
}
