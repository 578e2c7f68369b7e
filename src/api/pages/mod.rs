//! Pages for people without a program: pair this browser, log in, see who one is.
//!
//! Each is a file that never changes, with one style sheet and one script beside it; what they show they ask of `/v1` like any other
//! program, and may no more than that. Nothing is taken from elsewhere, nothing stands in the page that a browser would run by itself, and
//! nothing that somebody types gets into an address: a form without its script is posted, and refused.

use axum::http::HeaderName;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;

/// A page takes style and script of this box alone, asks this box alone, and is in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

type Page = ([(HeaderName, &'static str); 2], &'static str);

fn page(html: &'static str) -> Page {
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)], html)
}

/// The first page
///
/// Who is logged in at this browser, and what may be done. The other headers of every answer (no referrer, nothing kept, no guessing of
/// types) hold for the pages as well.
#[utoipa::path(
    get, path = "/", security(()),
    responses((status = 200, description = "HTML", body = String, content_type = "text/html"))
)]
pub(in crate::api) async fn home() -> impl IntoResponse {
    page(include_str!("home.html"))
}

/// The page that pairs a browser
///
/// The code is typed, or stands behind the `#` of the address, which browsers do not send.
#[utoipa::path(
    get, path = "/pair", security(()),
    responses((status = 200, description = "HTML", body = String, content_type = "text/html"))
)]
pub(in crate::api) async fn pairing_page() -> impl IntoResponse {
    page(include_str!("pair.html"))
}

/// The page to log in
///
/// A one-time password is changed there at once.
#[utoipa::path(
    get, path = "/login", security(()),
    responses((status = 200, description = "HTML", body = String, content_type = "text/html"))
)]
pub(in crate::api) async fn login_page() -> impl IntoResponse {
    page(include_str!("login.html"))
}

/// The style of the pages
#[utoipa::path(
    get, path = "/engawa.css", security(()),
    responses((status = 200, description = "CSS", body = String, content_type = "text/css"))
)]
pub(in crate::api) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("engawa.css"))
}

/// The script of the pages
#[utoipa::path(
    get, path = "/engawa.js", security(()),
    responses((status = 200, description = "JavaScript", body = String, content_type = "text/javascript"))
)]
pub(in crate::api) async fn script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("engawa.js"))
}
