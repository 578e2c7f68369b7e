//! `engawa lan`: what other machines have to trust.

use serde_json::json;

use super::Exit;
use super::arguments::LanOrder;
use super::output::{chain, complain, say, say_json};
use crate::config::Config;
use crate::credential::{Authority, AuthorityError};
use crate::fault::Code;

pub(super) fn run(config: &Config, order: &LanOrder) -> Exit {
    let LanOrder::Ca { json } = *order;
    match Authority::certificate_in(&config.state.directory) {
        Ok(Some((pem, fingerprint))) => {
            if json {
                say_json(&json!({ "certificate": pem, "fingerprint": fingerprint }));
                return Exit::Ok;
            }
            say(&pem);
            // Beside the answer, which is to be a file that every program reads: `engawa lan ca > engawa-ca.pem`.
            complain(&format!("SHA-256 {fingerprint}"));
            Exit::Ok
        }
        Ok(None) => {
            complain(
                "認証局はまだありません。[lan] の listen を設定して engawa を起動すると作られます。\n\
                 There is no authority yet. It is made when engawa starts with `listen` set in [lan].",
            );
            Exit::Failed
        }
        Err(error) => unreadable(&error),
    }
}

fn unreadable(error: &AuthorityError) -> Exit {
    let code = error.code();
    complain(&format!("{code}\n{}\n{}\n  ({})", code.ja(), code.en(), chain(error)));
    if code == Code::AuthorityUnusable {
        complain("rootかengawaの利用者で実行してください。 / Run this as root or as the user of the service.");
    }
    Exit::Failed
}
