//! curl as a client that shares nothing with the gateway or the sandbox.

use std::process::Command;

use serde_json::{Value, json};

use super::sandbox::Sandbox;

/// A client with one certificate.
pub(crate) struct Curl<'a> {
    sandbox: &'a Sandbox,
    facility: String,
    extra: Vec<String>,
    pub(crate) token: Option<String>,
}

/// What came back; `status` 0 is no answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) exit: i32,
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
    pub(crate) errors: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// `data` of an ok envelope.
    pub(crate) fn data(&self) -> Value {
        let json = self.json();
        assert_eq!(json["result"], "ok", "{json}");
        json["data"].clone()
    }

    /// The first error's code of an error envelope.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        assert_eq!(json["result"], "error", "{json}");
        assert!(json["trace_id"].is_string(), "{json}");
        json["errors"][0]["code"].as_str().unwrap().to_owned()
    }
}

impl<'a> Curl<'a> {
    /// Without a token.
    pub(crate) fn new(sandbox: &'a Sandbox, facility: &str) -> Self {
        Self { sandbox, facility: facility.to_owned(), extra: Vec::new(), token: None }
    }

    /// Logged in.
    pub(crate) fn logged_in(sandbox: &'a Sandbox, facility: &str, user_id: &str) -> Self {
        let mut curl = Self::new(sandbox, facility);
        let data = curl.login(user_id, &sandbox.password(user_id)).data();
        curl.token = Some(data["access_token"].as_str().unwrap().to_owned());
        curl
    }

    /// Adds arguments of curl's own.
    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.extra.extend(arguments.iter().map(|&a| a.to_owned()));
        self
    }

    pub(crate) fn login(&self, user_id: &str, password: &str) -> Reply {
        self.post("login", &json!({"user_id": user_id, "password": password}))
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.run(path, &[])
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.run(path, &["--data-binary", &body.to_string()])
    }

    /// `POST /api/v1/opinions` under a key.
    pub(crate) fn file(&self, key: &str, body: &Value) -> Reply {
        self.run("opinions", &["-H", &format!("Idempotency-Key: {key}"), "--data-binary", &body.to_string()])
    }

    pub(crate) fn lookup(&self, key: &str) -> Reply {
        self.post("submissions/lookup", &json!({"idempotency_key": key}))
    }

    pub(crate) fn run(&self, path: &str, arguments: &[&str]) -> Reply {
        let facility = self.sandbox.facility(&self.facility);
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-i", "--max-time", "20", "-H", "Content-Type: application/json", "-H", "Expect:"]);
        curl.arg("--cacert").arg(self.sandbox.ca());
        curl.arg("--cert").arg(facility.certificate).arg("--key").arg(facility.key);
        if let Some(token) = &self.token {
            curl.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        curl.args(&self.extra).args(arguments).arg(format!("{}/api/v1/{path}", self.sandbox.url()));
        let output = curl.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (headers, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Reply {
            exit: output.status.code().unwrap_or(-1),
            status: headers.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0),
            headers: headers.to_ascii_lowercase(),
            body: body.to_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
