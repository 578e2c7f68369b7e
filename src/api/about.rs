//! What a handler tells the trail by way of its response.

use uuid::Uuid;

/// In a response's extensions: what the request was about, by reference: `submission:<id>`. Without it, it is what the path names.
#[derive(Clone, Debug)]
pub(super) struct About(pub(super) String);

impl About {
    /// A thing of this kind.
    pub(super) fn id(kind: &str, id: Uuid) -> Self {
        Self(format!("{kind}:{id}"))
    }
}

/// In a response's extensions: the act was recorded in the transaction that did it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded;

/// In a response's extensions: an earlier answer again. What it tells is on record, so it is given also when nothing can be recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeated;

/// Which part of a route's path names what it is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    kind: &'static str,
    segment: usize,
}

/// Resources, by the beginning of their paths; the longer ones first.
const KINDS: [(&str, &str); 9] = [
    ("/v1/careplans/received/", "received"),
    ("/v1/careplans/", "batch"),
    ("/v1/card-sessions/", "card-session"),
    ("/v1/identifications/", "identification"),
    ("/v1/keys/", "key"),
    ("/v1/opinions/", "submission"),
    ("/v1/pairing/", "pairing"),
    ("/v1/submissions/", "submission"),
    ("/v1/terminals/", "terminal"),
];

impl Named {
    /// Of a route's path with its parameters in braces.
    pub(super) fn of(path: &str) -> Option<Self> {
        let (_, kind) = KINDS.into_iter().find(|(beginning, _)| path.starts_with(beginning))?;
        Some(Self { kind, segment: path.split('/').position(|part| part == "{id}")? })
    }

    /// The reference in a request's path; nothing where there is no id: a path may say anything.
    pub(super) fn reference(self, path: &str) -> Option<String> {
        let id = path.split('/').nth(self.segment)?;
        // Each kind has its own form: twelve digits elsewhere could be somebody's number.
        let digits = match self.kind {
            "key" => 12,
            "terminal" | "pairing" => 16,
            _ => 0,
        };
        let hex = id.len() == digits && id.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'));
        let uuid = || Uuid::parse_str(id).ok().filter(|uuid| uuid.to_string() == id.to_ascii_lowercase());
        if hex { Some(format!("{}:{id}", self.kind)) } else { uuid().map(|id| format!("{}:{id}", self.kind)) }
    }
}
