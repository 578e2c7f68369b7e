//! A browser on the LAN, played by curl: it keeps its two cookies and says where its page is from.

use serde_json::{Value, json};

use crate::terminals::house::{EventStream, Lan, Reply};

pub(crate) const EVERY_RIGHT: &str = "submit,read,manage,receive,card,card-apdu,admin";
/// A password of one's own.
pub(crate) const GOOD: &str = "tulip bridge oven";

pub(crate) struct Browser<'l> {
    pub(crate) lan: &'l Lan,
    pub(crate) terminal: String,
    pub(crate) session: Option<String>,
}

fn cookie(reply: &Reply) -> String {
    let cookie = reply.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {reply:?}"));
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(attributes.split("; ").any(|own| own == attribute), "{attribute}: {cookie}");
    }
    pair.to_owned()
}

impl<'l> Browser<'l> {
    pub(crate) fn pair(lan: &'l Lan, name: &str, rights: &str) -> Self {
        Self::pair_for(lan, name, rights, &[])
    }

    pub(crate) fn pair_for(lan: &'l Lan, name: &str, rights: &str, further: &[&str]) -> Self {
        let window = lan.window(&[&[name, "--kind", "browser", "--rights", rights], further].concat());
        let origin = format!("Origin: {}", lan.url);
        let paired = lan.post("/v1/pair", &json!({ "code": window["code"] }), &["-H", &origin]);
        assert_eq!(paired.status, 201, "{paired:?}");
        Self { lan, terminal: cookie(&paired), session: None }
    }

    fn headers(&self) -> [String; 2] {
        let session = self.session.as_ref().map_or(String::new(), |session| format!("; {session}"));
        [format!("Origin: {}", self.lan.url), format!("Cookie: {}{session}", self.terminal)]
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let url = format!("{}{path}", self.lan.url);
        let [origin, cookie] = self.headers();
        let body = body.map(Value::to_string);
        // Without an end of its own an event stream is left after its head.
        let mut words = vec!["-X", method, "-H", &origin, "-H", &cookie, &url];
        if let Some(body) = &body {
            words.extend(["-H", "Content-Type: application/json", "--data-binary", body]);
        }
        if path == "/v1/events" {
            words.extend(["--max-time", "1"]);
        }
        self.lan.curl(&words)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.ask("POST", path, Some(body))
    }

    /// Tries to log in; keeps the cookie where one is given.
    pub(crate) fn try_password(&mut self, user: &str, password: &str) -> Reply {
        let reply = self.post("/v1/session", &json!({ "user": user, "password": password }));
        if reply.status == 200 {
            self.session = Some(cookie(&reply));
        }
        reply
    }

    pub(crate) fn log_in(&mut self, user: &str, password: &str) -> Value {
        let reply = self.try_password(user, password);
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        reply.json()
    }

    /// Logs in with a one-time password and changes it.
    pub(crate) fn settle(&mut self, user: &str, one_time: &str) {
        assert_eq!(self.log_in(user, one_time)["one_time"], true);
        self.get("/v1/submissions").refused(403, "PASSWORD_ONE_TIME");
        let change = json!({ "password": one_time, "new_password": GOOD });
        let reply = self.post("/v1/session/password", &change);
        assert_eq!((reply.status, &reply.json()["one_time"]), (200, &json!(false)), "{reply:?}");
        self.session = Some(cookie(&reply));
    }

    pub(crate) fn stream(&self) -> EventStream {
        let [_, cookie] = self.headers();
        self.lan.stream(&["-H", &cookie])
    }
}

/// An account made on the box; its one-time password.
pub(crate) fn staff(lan: &Lan, user: &str, name: &str, role: &str) -> String {
    let made = lan.run(&["staff", "add", user, "--name", name, "--role", role, "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    made["one_time_password"].as_str().unwrap().to_owned()
}
