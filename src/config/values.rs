//! The forms a value may take, each parsed once.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use http::Uri;
use ipnet::IpNet;

use super::problem::Said;
use crate::model::careplan::lint::{KanaReading, LengthReading};
use crate::model::careplan::value;
use crate::model::hub_user::StaffLogin;
use crate::model::token_uri::{BadTokenUri, TokenUri};

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what somebody has to act on.
    Error,
    /// What is probably not as meant.
    Warn,
    /// What happens, one line a step.
    #[default]
    Info,
    /// For the vendor.
    Debug,
    /// For the vendor, in full.
    Trace,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// The journal under systemd, otherwise text.
    #[default]
    Auto,
    /// Readable lines.
    Text,
    /// One JSON object a line.
    Json,
    /// Fields in the systemd journal.
    Journal,
}

pub(super) const LEVELS: [(&str, LogLevel); 5] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

pub(super) const FORMATS: [(&str, LogFormat); 4] =
    [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json), ("journal", LogFormat::Journal)];

pub(super) const STAFF_LOGINS: [(&str, StaffLogin); 3] = [
    (StaffLogin::Off.name(), StaffLogin::Off),
    (StaffLogin::Asked.name(), StaffLogin::Asked),
    (StaffLogin::Kept.name(), StaffLogin::Kept),
];

pub(super) const LENGTHS: [(&str, LengthReading); 3] =
    [("either", LengthReading::Either), ("bytes", LengthReading::Bytes), ("characters", LengthReading::Characters)];

pub(super) const HALF_KANA: [(&str, KanaReading); 2] = [("warn", KanaReading::Warn), ("allow", KanaReading::Allow)];

/// Longest name of a reader, in characters; PC/SC's own limit is 128 bytes.
const MAX_READER_NAME: usize = 127;

/// Longest path of a Unix socket that every kernel call takes, in bytes.
const MAX_SOCKET_PATH: usize = 100;

/// The public part of an API key: 12 hexadecimal digits, as `engawa key list` shows it.
pub(super) fn key_id(text: &str) -> Result<String, Said> {
    let digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    if text.len() == 12 && text.bytes().all(digit) {
        return Ok(text.to_owned());
    }
    if text.len() > 24 {
        return Err(Said::new(
            "キーの番号だけを書きます（engawa key list の12文字）。キー全体を設定に書いてはいけません。書いたキーは取り消して作り直してください。",
            "Only the key's id belongs here (12 characters, see `engawa key list`). A whole key must not stand in the settings: revoke it and make a new one.",
        ));
    }
    Err(Said::new(
        "左にはAPIキーの番号を書きます（engawa key list の12文字、0-9 と a-f）。",
        "On the left stands the id of an API key: 12 characters, 0-9 and a-f, see `engawa key list`.",
    ))
}

/// Names of readers, the nearest first.
pub(super) fn reader_names(names: &[&str]) -> Result<Vec<String>, Said> {
    if names.is_empty() {
        return Err(Said::new(
            "リーダーの名前を一つ以上書いてください。どれでもよい端末の行は要りません。",
            "Name at least one reader. A terminal that may use any needs no line.",
        ));
    }
    let mut sound = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let said = match *name {
            "" => Some(Said::new("リーダーの名前が空です。", "The reader's name is empty.")),
            name if sound.iter().any(|other| other == name) => {
                Some(Said::new("同じリーダーが二度あります。", "The same reader is listed twice."))
            }
            name => one_line(name, MAX_READER_NAME).map(|name| sound.push(name)).err(),
        };
        if let Some(said) = said {
            return Err(said.of_entry(index + 1));
        }
    }
    Ok(sound)
}

/// A size such as `256 MiB`, in bytes.
pub(super) fn size(text: &str) -> Result<u64, Said> {
    const UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
    let wrong = || Said::new("大きさは \"256 MiB\" のように書いてください。", "Write a size like \"256 MiB\".");
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
    let (number, bytes) = unit.ok_or_else(wrong)?;
    let number: u64 = number.trim_end_matches(' ').parse().map_err(|_| wrong())?;
    number.checked_mul(*bytes).ok_or_else(wrong)
}

/// Bytes as a person writes them in the settings.
pub(super) fn readable_size(bytes: u64) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 40) => format!("{} TiB", bytes >> 40),
        _ if bytes.is_multiple_of(1 << 30) => format!("{} GiB", bytes >> 30),
        _ => format!("{} MiB", bytes >> 20),
    }
}

pub(super) fn absolute(text: &str) -> Result<PathBuf, Said> {
    match Path::new(text) {
        path if path.is_absolute() => Ok(path.to_owned()),
        _ => Err(Said::new("/ で始まる場所を書いてください。", "Write an absolute path, beginning with /.")),
    }
}

/// The URI of a key on a token.
pub(super) fn token_uri(text: &str) -> Result<TokenUri, Said> {
    TokenUri::parse(text).map_err(|bad| match bad {
        BadTokenUri::Form => Said::new(
            "pkcs11: で始まるURI（RFC 7512）を書きます。例: pkcs11:token=engawa;object=engawa?module-path=/usr/lib/…/module.so",
            "Write a URI (RFC 7512), such as pkcs11:token=engawa;object=engawa?module-path=/usr/lib/…/module.so.",
        ),
        BadTokenUri::Attribute => Said::new(
            "使えるのは token、serial、object、id、type=private、module-path を一度ずつだけです。",
            "Only token, serial, object, id, type=private and module-path are known here, each once.",
        ),
        BadTokenUri::Pin => Said::new(
            "PINは設定に書かず、state.master_key_pin_file のファイルに置いてください。",
            "A PIN does not belong into the settings: put it into the file of state.master_key_pin_file.",
        ),
        BadTokenUri::Module => Said::new(
            "?module-path= にモジュールの絶対パスを書いてください。",
            "Name the module's absolute path in ?module-path=.",
        ),
        BadTokenUri::Unnamed => Said::new(
            "token か serial と、object か id を書いてください。",
            "Name the token (token or serial) and the key (object or id).",
        ),
    })
}

/// A CSVバージョン: a month, `YYYYMM`.
pub(super) fn csv_version(text: &str) -> Result<String, Said> {
    value::month(text.as_bytes()).map(|_| text.to_owned()).ok_or_else(|| {
        Said::new(
            "CSVバージョンは \"202407\" のように年月6桁です。",
            "A CSV version is a month in six digits, like \"202407\".",
        )
    })
}

pub(super) fn socket_path(text: &str) -> Result<PathBuf, Said> {
    if text.len() > MAX_SOCKET_PATH {
        return Err(Said::new(
            "Unixソケットの場所は100バイトまでです。",
            "The path of a Unix socket has at most 100 bytes.",
        ));
    }
    absolute(text)
}

/// 10 characters: digits and capital letters, as 事業所番号 and 医療機関コード are made.
pub(super) fn facility_number(text: &str) -> Result<String, Said> {
    let fits = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    fits.then(|| text.to_owned()).ok_or_else(|| {
        Said::new(
            "番号は半角の数字と英大文字で10文字です。",
            "The number is 10 characters: ASCII digits and capital letters.",
        )
    })
}

/// `https://host` or `https://host:port`, nothing more.
pub(super) fn hub_url(text: &str) -> Result<Uri, Said> {
    let wrong = |ja: &str, en: &str| Err(Said::new(ja, en));
    let Ok(uri) = text.parse::<Uri>() else {
        return wrong("接続先は https://ホスト名 の形です。", "Write the address as https://host.");
    };
    match (uri.scheme_str(), uri.authority()) {
        (Some("https"), Some(authority)) if authority.as_str().contains('@') => wrong(
            "URLに利用者名やパスワードを入れてはいけません。user_id と password_file を使ってください。",
            "No user name or password belongs in the URL. Use user_id and password_file.",
        ),
        (Some("https"), Some(_)) if !matches!(uri.path(), "" | "/") || uri.query().is_some() => {
            wrong("ホスト名の後ろには何も付けないでください。", "Nothing may follow the host.")
        }
        (Some("https"), Some(_)) => Ok(uri),
        _ => wrong(
            "https:// で始めてください。基盤へは暗号化した通信だけを使います。",
            "It has to begin with https://. The hub is only spoken to over TLS.",
        ),
    }
}

/// A loopback address with port.
pub(super) fn loopback(text: &str) -> Result<SocketAddr, Said> {
    let address = address(text)?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(Said::new(
        "ここは暗号化しない口なので、127.0.0.1 か [::1] だけです。ほかの機器からは [lan] の listen で受けます。",
        "This port is not encrypted, so it is 127.0.0.1 or [::1] only. Other machines come in by `listen` of [lan].",
    ))
}

/// An address with port.
pub(super) fn address(text: &str) -> Result<SocketAddr, Said> {
    text.parse().map_err(|_| {
        Said::new(
            "\"127.0.0.1:8470\" のようにアドレスとポートを書いてください（名前は使えません）。",
            "Write address and port like \"127.0.0.1:8470\"; names are not looked up.",
        )
    })
}

/// A network such as `192.168.10.0/24`, or one address.
pub(super) fn network(text: &str) -> Result<IpNet, Said> {
    let network: Option<IpNet> = text.parse().ok().or_else(|| text.parse().ok().map(|address: IpAddr| address.into()));
    let wrong = || {
        Said::new(
            "\"192.168.10.0/24\" のようにネットワークを書いてください。",
            "Write a network like \"192.168.10.0/24\".",
        )
    };
    let network = network.ok_or_else(wrong)?;
    match network.trunc() {
        whole if whole == network => Ok(network),
        whole => Err(Said::new(
            format!("ネットワークの範囲と合いません。{whole} のことですか。"),
            format!("The address is not the network's own. Did you mean {whole}?"),
        )),
    }
}

/// A host name as DNS knows it, in lower case; no wildcard, no address.
pub(super) fn dns_name(text: &str) -> Result<String, Said> {
    let sound = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    let numeric = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if text.len() <= 253 && text.split('.').all(sound) && !numeric {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Said::new(
        "\"engawa.example.jp\" のような名前を書いてください（半角英数字とハイフン。アドレスはそのまま証明書に入るので要りません）。",
        "Write a name like \"engawa.example.jp\": ASCII letters, digits and hyphens. Addresses are in the certificate anyway.",
    ))
}

/// A web origin, `https://host` or `https://host:port`, in lower case as browsers send it.
pub(super) fn origin(text: &str) -> Result<String, Said> {
    let wrong = || {
        Said::new(
            "\"https://karte.example.jp\" のように、ホスト名（とポート）まで書いてください。* は使えません。",
            "Write \"https://host\" or \"https://host:port\", with nothing after it. No wildcard.",
        )
    };
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong()) };
    let authority = authority.as_str().to_ascii_lowercase();
    let bare = format!("{scheme}://{authority}");
    let plain = matches!(scheme, "https" | "http") && !authority.contains(['@', '*']);
    if !plain || !text.eq_ignore_ascii_case(&bare) {
        return Err(wrong());
    }
    // Browsers leave the scheme's own port out.
    let usual = if scheme == "https" { ":443" } else { ":80" };
    Ok(bare.strip_suffix(usual).unwrap_or(&bare).to_owned())
}

/// One line of text that people read.
pub(super) fn one_line(text: &str, max: usize) -> Result<String, Said> {
    if text.chars().any(char::is_control) {
        return Err(Said::new("改行や制御文字は使えません。", "Line breaks and control characters are not allowed."));
    }
    if text.chars().count() > max {
        return Err(Said::new(format!("{max}文字までです。"), format!("At most {max} characters.")));
    }
    Ok(text.to_owned())
}
