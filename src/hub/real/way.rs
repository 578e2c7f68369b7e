//! How a small exchange is made.

use std::future::Future;

use bytes::Bytes;
use http::Request;

use crate::hub::client::Seen;
use crate::hub::failure::Reply;
use crate::hub::link::Link;

/// One way of making it.
pub(super) trait Way {
    /// The data of an ok.
    type Data;
    /// What the exchange gives.
    type Answer;

    /// Makes it. `build` gives the same request each time.
    fn exchange(
        link: &Link,
        build: impl Fn() -> Request<Bytes> + Send + Sync,
    ) -> impl Future<Output = Self::Answer> + Send;

    /// Its meaning.
    fn reply(answer: &Self::Answer) -> &Reply<Self::Data>;
}

/// Over a warm connection, and once more if that breaks: it is a read, or safe to repeat.
pub(super) enum Read {}

/// As [`Read`], of a page of a list.
pub(super) enum ReadList {}

/// Over a connection of its own, and never again: what was sent may have been used up, and its answer says who somebody is.
pub(super) enum Once {}

/// As [`Read`], with an answer as long as a unit, which is left as it came.
pub(super) enum ReadUnit {}

impl Way for Read {
    type Data = serde_json::Value;
    type Answer = (Seen, Reply);

    async fn exchange(link: &Link, build: impl Fn() -> Request<Bytes> + Send + Sync) -> (Seen, Reply) {
        link.read(build).await
    }

    fn reply(answer: &Self::Answer) -> &Reply {
        &answer.1
    }
}

impl Way for ReadList {
    type Data = serde_json::Value;
    type Answer = (Seen, Reply);

    async fn exchange(link: &Link, build: impl Fn() -> Request<Bytes> + Send + Sync) -> (Seen, Reply) {
        link.read_list(build).await
    }

    fn reply(answer: &Self::Answer) -> &Reply {
        &answer.1
    }
}

impl Way for Once {
    type Data = serde_json::Value;
    type Answer = Reply;

    async fn exchange(link: &Link, build: impl Fn() -> Request<Bytes> + Send + Sync) -> Reply {
        link.exchange_apart(build()).await.1
    }

    fn reply(answer: &Self::Answer) -> &Reply {
        answer
    }
}

impl Way for ReadUnit {
    type Data = Bytes;
    type Answer = Reply<Bytes>;

    async fn exchange(link: &Link, build: impl Fn() -> Request<Bytes> + Send + Sync) -> Reply<Bytes> {
        link.read_unit(build).await
    }

    fn reply(answer: &Self::Answer) -> &Reply<Bytes> {
        answer
    }
}
