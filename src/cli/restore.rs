//! `engawa restore`: another box begins with a backup, and a person says that it may send.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use http::Method;
use serde_json::json;
use zeroize::Zeroizing;

use super::backup::failed;
use super::output::{complain, say, text_of};
use super::{Exit, Site, client, on_this_thread};
use crate::clock::Clock;
use crate::fault::Code;
use crate::gateway::{self, Restored};
use crate::host;

/// No sheet is larger.
const MOST: u64 = 16 << 10;

pub(super) fn run(
    file: Option<PathBuf>,
    key: Option<PathBuf>,
    signed_by: Option<String>,
    state: Option<PathBuf>,
) -> Exit {
    let (Some(file), Some(key), Some(state)) = (file, key, state) else { return Exit::Usage };
    // The recovery key and the master keys pass through this process.
    if let Err(error) = host::core_dumps_off() {
        complain(&format!("core dump: {error}"));
    }
    let sheet = match sheet(&key) {
        Ok(sheet) => sheet,
        Err(error) => {
            let key = key.display();
            complain(&format!("{key} を読めません。 / {key} cannot be read. ({error})"));
            return Exit::Failed;
        }
    };
    let signed_by = match signed_by.map(|text| text.parse()).transpose() {
        Ok(signed_by) => signed_by,
        Err(_) => {
            complain(
                "--signed-by の値が正しくありません。紙の文字を確かめてください。 / --signed-by is mistyped. Compare it with the sheet.",
            );
            return Exit::Usage;
        }
    };
    let order = gateway::RestoreOrder { file, sheet, signed_by, state };
    on_this_thread(async move {
        match gateway::restore(&order, Clock::system().now()).await {
            Ok(restored) => {
                say(&told(&restored));
                Exit::Ok
            }
            Err(error) => failed(&error),
        }
    })
}

fn sheet(key: &Path) -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MOST).unwrap_or(0)));
    if key == Path::new("-") {
        std::io::stdin().take(MOST).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(key)?.take(MOST).read_to_string(&mut text)?;
    }
    Ok(text)
}

fn told(Restored { manifest, epoch, asked }: &Restored) -> String {
    let (facility, made_at) = (&manifest.facility, manifest.made_at);
    format!(
        "戻しました: 事業所 {facility}、{made_at} のバックアップ、世代 {epoch}。基盤に尋ねる文書 {asked}件。\n\
         証明書とパスワードを入れて起動し、元の機器が止まっていること、{made_at} より後に取り消した文書・紙で出した文書がないことを確かめてから engawa restore confirm を行ってください。それまで何も送りません。\n\
         Restored: facility {facility}, the backup of {made_at}, epoch {epoch}; {asked} documents are asked about at the hub.\n\
         Install certificate and password and start engawa. Make sure that the old box is off and that nothing was withdrawn or filed on paper since {made_at}; then run `engawa restore confirm`. Until then nothing is sent."
    )
}

pub(super) fn confirm(site: &Site, old_box: bool) -> Exit {
    let reason = if old_box { Code::EpochOld } else { Code::RestoredUnconfirmed };
    on_this_thread(async {
        let order = json!({ "reason": reason.name() });
        match client::ask(site, Method::POST, "/v1/restore/confirmation", Some(&order)).await {
            Ok(answer) if answer.status.is_success() => {
                let epoch = text_of(&answer.body, "epoch");
                say(&format!("この機器から送ります。世代 {epoch} / This box sends. Epoch {epoch}"));
                Exit::Ok
            }
            Ok(answer) => client::refused(&answer, false),
            Err(error) => error.report(),
        }
    })
}
