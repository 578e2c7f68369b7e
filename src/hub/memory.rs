//! Facts about the login that have to survive a restart.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// A failure of whatever keeps the facts.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A small durable map of names to values. `remember` returns only once the value is on stable storage.
pub trait Memory: Send + Sync + 'static {
    /// The value last remembered under `name`.
    fn recall(&self, name: &str) -> impl Future<Output = Result<Option<String>, BoxError>> + Send;

    /// Keeps `value` under `name`, replacing what was there.
    fn remember(&self, name: &str, value: &str) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A memory that lasts as long as its clones do: for tests, and for commands that log in nowhere.
#[derive(Clone, Debug, Default)]
pub struct InMemory(Arc<Mutex<BTreeMap<String, String>>>);

impl Memory for InMemory {
    async fn recall(&self, name: &str) -> Result<Option<String>, BoxError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }

    async fn remember(&self, name: &str, value: &str) -> Result<(), BoxError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value.to_owned());
        Ok(())
    }
}

type Remembering<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// [`Memory`] without its type, so that the hub link needs no type parameter.
pub(super) trait AnyMemory: Send + Sync {
    fn recall<'a>(&'a self, name: &'a str) -> Remembering<'a, Option<String>>;
    fn remember<'a>(&'a self, name: &'a str, value: &'a str) -> Remembering<'a, ()>;
}

impl<M: Memory> AnyMemory for M {
    fn recall<'a>(&'a self, name: &'a str) -> Remembering<'a, Option<String>> {
        Box::pin(Memory::recall(self, name))
    }

    fn remember<'a>(&'a self, name: &'a str, value: &'a str) -> Remembering<'a, ()> {
        Box::pin(Memory::remember(self, name, value))
    }
}
