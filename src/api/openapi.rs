//! The OpenAPI 3.1 document, made from the table of routes.
//!
//! It is made by a test, which keeps docs/openapi.json current; the program holds that page as build.rs has packed it. The code that makes it
//! would be a hundred times as much, on every box, for an answer that never changes.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::LazyLock;

use axum::body::Bytes;
use flate2::read::GzDecoder;
use serde::Deserialize;
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, PathItem, PathsBuilder};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Content, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
};

use super::caller::Door;
use super::person::COOKIE_NAME;
use super::routes::{Route, Schemas, method_name, operations, table};

/// The page that is served at `/openapi.json`, as gzip.
pub(super) static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));

const DESCRIPTION: &str = "The local endpoint of engawa. Every answer outside 2xx is application/problem+json \
(RFC 9457); docs/errors.md lists the codes. Every answer carries X-Correlation-Id. A request may name the facility that it is for in the header \
Engawa-Facility (docs/facilities.md): another one than the credential's is refused with AUTH_FORBIDDEN.";

const CERTIFICATE: &str = "The client certificate of a paired terminal, on the LAN: `POST /v1/pair`.";

/// Of the page, what the endpoint itself goes by.
#[derive(Deserialize)]
struct Page {
    paths: BTreeMap<String, BTreeMap<String, Described>>,
}

#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    #[serde(rename = "in")]
    place: String,
}

/// For all who do not take it packed: whoever reads slowly must not have one of their own.
pub(super) static PAGE: LazyLock<Bytes> = LazyLock::new(|| page().into());

/// The page itself.
fn page() -> Vec<u8> {
    let mut page = Vec::new();
    // It is compiled in, and a test unpacks it.
    let _ = GzDecoder::new(PACKED).read_to_end(&mut page);
    page
}

/// The query parameters that the page names, by path and method. A route that is not there takes none.
pub(super) fn queries() -> BTreeMap<(String, &'static str), Vec<String>> {
    // The page is compiled in, and a test reads it.
    let page = serde_json::from_slice(&page()).unwrap_or(Page { paths: BTreeMap::new() });
    let mut queries = BTreeMap::new();
    for route in table() {
        let method = method_name(&route.method);
        let described = page.paths.get(&route.path).and_then(|path| path.get(&method.to_ascii_lowercase()));
        let parameters = described.into_iter().flat_map(|described| &described.parameters);
        let names = parameters.filter(|parameter| parameter.place == "query").map(|parameter| parameter.name.clone());
        queries.insert((route.path, method), names.collect());
    }
    queries
}

/// The endpoint's description, as served at `/openapi.json` and committed in docs/.
#[must_use]
pub fn document() -> OpenApi {
    let mut components = Schemas::openapi().components.unwrap_or_default();
    components.add_security_scheme("key", key_scheme());
    components.add_security_scheme("session", session_scheme());
    let certificate =
        SecurityScheme::MutualTls { description: Some(CERTIFICATE.to_owned()), deprecated: None, extensions: None };
    components.add_security_scheme("certificate", certificate);
    components.responses.insert("Problem".to_owned(), RefOr::T(problem()));
    let info = InfoBuilder::new()
        .title("engawa")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()));
    OpenApiBuilder::new().info(info.build()).paths(paths()).components(Some(components)).build()
}

fn paths() -> utoipa::openapi::Paths {
    let mut paths = PathsBuilder::new();
    for (route, mut operation) in table().into_iter().zip(operations()) {
        let refusals = refusals(&route, &operation);
        for status in refusals {
            let refusal = RefOr::Ref(Ref::new("#/components/responses/Problem"));
            operation.responses.responses.entry(status.to_owned()).or_insert(refusal);
        }
        // Handlers of different resources share names; an operation's id has to be its own.
        let resource = route.path.trim_start_matches("/v1").trim_start_matches('/');
        let resource =
            resource.strip_prefix("careplans/").filter(|rest| rest.starts_with("received")).unwrap_or(resource);
        let resource = resource.split('/').next().unwrap_or_default().trim_end_matches(".json");
        let handler = operation.operation_id.take().unwrap_or_default();
        let tag = match resource {
            "opinions" | "careplans" | "submissions" | "events" | "keys" | "staff" | "session" | "trail" => resource,
            "received" => "careplans",
            "pair" if route.path == "/pair" => "pages",
            "pair" | "pairing" | "terminal" | "terminals" => "terminals",
            "" | "login" | "engawa.css" | "engawa.js" => "pages",
            "readers" | "card-sessions" | "identifications" => "cards",
            _ => "gateway",
        };
        operation.tags = Some(vec![tag.to_owned()]);
        let own = if handler == resource || tag == "pages" { handler } else { format!("{resource}_{handler}") };
        operation.operation_id = Some(own.replace('-', "_"));
        paths = paths.path(route.path, PathItem::new(route.method, operation));
    }
    paths.build()
}

/// What a route is answered before and beside its handler; the handler names its own. `default` stands for what a later version may add.
fn refusals(route: &Route, operation: &Operation) -> Vec<&'static str> {
    // Header and parameters, origin, host, rate; a panic and a full house.
    let mut statuses = vec!["400", "403", "421", "429", "500", "503", "default"];
    if route.door != Door::Open {
        statuses.push("401");
    }
    if route.path.contains('{') {
        statuses.push("404");
    }
    // What is written, and what is written down of it, needs room.
    if route.method != HttpMethod::Get || !route.act.is_empty() {
        statuses.push("507");
    }
    if operation.request_body.is_some() {
        statuses.extend(["408", "413", "415"]);
    }
    statuses
}

fn key_scheme() -> SecurityScheme {
    SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("engawa_<id>_<secret>")
            .description(Some(
                "An API key, made by `engawa key add`. On the Unix socket root and the daemon's own user need none.",
            ))
            .build(),
    )
}

fn session_scheme() -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
        COOKIE_NAME,
        "Given by `POST /v1/session` to a paired browser; taken only together with that browser's own cookie.",
    )))
}

fn problem() -> utoipa::openapi::Response {
    let body = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description("Any failure").content("application/problem+json", body).build()
}
