//! Settings that are right one by one and wrong together.

use std::net::SocketAddr;
use std::path::Path;

use ipnet::IpNet;

use super::problem::Said;
use super::reader::Reader;
use super::settings::Config;
use super::values::LogLevel;

/// Notes every contradiction between settings that are sound by themselves.
pub(super) fn contradictions(config: &Config, reader: &mut Reader) {
    endpoint(config, reader);
    certificate(config, reader);
    lan(config, reader);
    careplans(config, reader);
    token(config, reader);
    in_order(
        &[
            (["outbox.backoff_min_s", "outbox.backoff_max_s"], config.outbox.backoff_min <= config.outbox.backoff_max),
            (
                ["hub.connect_timeout_s", "hub.request_timeout_s"],
                config.hub.connect_timeout <= config.hub.request_timeout,
            ),
            (
                ["endpoint.body_idle_timeout_s", "endpoint.request_timeout_s"],
                config.endpoint.body_idle_timeout <= config.endpoint.request_timeout,
            ),
            (
                ["lan.connections_per_address", "lan.max_connections"],
                config.lan.connections_per_address <= config.lan.max_connections,
            ),
            (["cards.idle_s", "cards.lifetime_s"], config.cards.idle <= config.cards.lifetime),
            (["cards.heartbeat_s", "cards.lifetime_s"], config.cards.heartbeat <= config.cards.lifetime),
        ],
        reader,
    );
}

/// Pairs of which the first may not be larger, and whether that is so.
fn in_order(pairs: &[([&'static str; 2], bool)], reader: &mut Reader) {
    for (keys, holds) in pairs {
        if reader.sound(keys) && !holds {
            let [less, more] = *keys;
            let said = Said::new(
                format!("{less} が {more} より大きくなっています。"),
                format!("{less} is larger than {more}."),
            );
            reader.refuse(reader.culprit(*keys), said);
        }
    }
}

fn token(config: &Config, reader: &mut Reader) {
    let keys = ["state.master_key_token", "state.master_key_pin_file"];
    let (token, pin) = (config.state.master_key_token.is_some(), config.state.master_key_pin_file.is_some());
    if reader.sound(&keys) && token != pin {
        let said = Said::new(
            "master_key_token と master_key_pin_file は、両方書くか両方空にします。",
            "master_key_token and master_key_pin_file go together: write both, or none.",
        );
        reader.refuse(reader.culprit(keys), said);
    }
}

/// The same for a facility's own file.
pub(super) fn facility(config: &Config, reader: &mut Reader) {
    certificate(config, reader);
    let keys = ["hub.connect_timeout_s", "hub.request_timeout_s"];
    in_order(&[(keys, config.hub.connect_timeout <= config.hub.request_timeout)], reader);
}

fn endpoint(config: &Config, reader: &mut Reader) {
    let keys = ["endpoint.listen", "endpoint.unix_socket"];
    if reader.sound(&keys) && config.endpoint.listen.is_empty() && config.endpoint.unix_socket.is_none() {
        let said = Said::new(
            "listen も unix_socket も空で、どこからも受け付けられません。",
            "Both listen and unix_socket are empty: nobody could reach engawa.",
        );
        reader.refuse(reader.culprit(keys), said);
    }
    let addresses = &config.endpoint.listen;
    let twice = |(index, address)| addresses[..index].contains(address) && address.port() != 0;
    if reader.sound(&["endpoint.listen"]) && addresses.iter().enumerate().any(twice) {
        reader
            .refuse("endpoint.listen", Said::new("同じアドレスが二度あります。", "The same address is listed twice."));
    }
}

fn lan(config: &Config, reader: &mut Reader) {
    let lan = &config.lan;
    if reader.sound(&["lan.networks"]) && lan.networks.is_empty() {
        let said = Said::new(
            "空にすると誰も接続できません。事業所のネットワークを書くか、行を消して初期値を使ってください。",
            "With none, nobody could connect. Name the office's networks, or remove the line for the default.",
        );
        reader.refuse("lan.networks", said);
    }
    let twice = |(index, address)| lan.listen[..index].contains(address) && address.port() != 0;
    if reader.sound(&["lan.listen"]) && lan.listen.iter().enumerate().any(twice) {
        reader.refuse("lan.listen", Said::new("同じアドレスが二度あります。", "The same address is listed twice."));
    }
    let shared = |address: &SocketAddr| address.port() != 0 && config.endpoint.listen.contains(address);
    if reader.sound(&["lan.listen", "endpoint.listen"]) && lan.listen.iter().any(shared) {
        let said = Said::new(
            "endpoint.listen と同じアドレスとポートです。[lan] には別のポート（8471など）を書いてください。",
            "The same address and port as in endpoint.listen. Give [lan] a port of its own, such as 8471.",
        );
        reader.refuse("lan.listen", said);
    }
    let keys = ["lan.certificate_file", "lan.certificate_key_file"];
    if reader.sound(&keys) && lan.certificate_file.is_some() != lan.certificate_key_file.is_some() {
        let said = Said::new(
            "certificate_file（PEMの証明書）と certificate_key_file（秘密鍵）は両方書くか、両方空にしてください。",
            "certificate_file (a PEM chain) and certificate_key_file (its key) go together: both, or neither.",
        );
        reader.refuse(reader.culprit(keys), said);
    }
}

fn careplans(config: &Config, reader: &mut Reader) {
    const KEY: &str = "careplans.csv_versions";
    let versions = &config.careplans.csv_versions;
    let twice = |(index, version)| versions[..index].contains(version);
    if reader.sound(&[KEY]) && versions.iter().enumerate().any(twice) {
        reader.refuse(KEY, Said::new("同じ値が二度あります。", "The same value is listed twice."));
    }
}

fn certificate(config: &Config, reader: &mut Reader) {
    let keys = ["hub.certificate_file", "hub.certificate_key_file"];
    if !reader.sound(&keys) {
        return;
    }
    let said = match (kind(&config.hub.certificate_file), &config.hub.certificate_key_file) {
        (Some(Kind::Pem), None) => Said::new(
            "PEMの証明書には certificate_key_file（秘密鍵のファイル）が要ります。",
            "A PEM certificate needs certificate_key_file, the file of its private key.",
        ),
        (Some(Kind::Pkcs12), Some(_)) => Said::new(
            ".p12 には秘密鍵が入っています。certificate_key_file を空にするか、PEMの証明書を指定してください。",
            "A .p12 holds its private key. Leave certificate_key_file empty, or name a PEM certificate.",
        ),
        (None, _) => {
            let said = Said::new(
                "証明書のファイル名は .p12 .pfx .pem .crt のどれかで終わります。",
                "The certificate's file name ends in .p12, .pfx, .pem or .crt.",
            );
            return reader.refuse("hub.certificate_file", said);
        }
        _ => return,
    };
    reader.refuse(reader.culprit(keys), said);
}

enum Kind {
    Pkcs12,
    Pem,
}

fn kind(path: &Path) -> Option<Kind> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "p12" | "pfx" => Some(Kind::Pkcs12),
        "pem" | "crt" => Some(Kind::Pem),
        _ => None,
    }
}

/// Notes what is allowed but probably not meant.
pub(super) fn doubtful(config: &Config, reader: &mut Reader) {
    let host = config.hub.url.host().unwrap_or_default();
    if reader.sound(&["hub.url"]) && matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        let said = Said::new(
            "接続先がこの機器の中です。試験用の基盤（engawa-sandbox）ならそのままで構いません。",
            "The hub is this machine. That is right only for a trial hub such as engawa-sandbox.",
        );
        reader.doubt("hub.url", said);
    }
    let everybody = |network: &IpNet| network.prefix_len() == 0;
    if reader.sound(&["lan.networks"]) && config.lan.networks.iter().any(everybody) {
        let said = Said::new(
            "どのアドレスからの接続も受けます。事業所のネットワークだけを書いてください。",
            "Every address of the internet may connect. Name the office's networks only.",
        );
        reader.doubt("lan.networks", said);
    }
    if reader.sound(&["cards.pin_floor"]) && config.cards.pin_floor == 0 {
        let said = Said::new(
            "暗証番号の最後の1回まで使われ、ロックすることがあります（解除は市区町村の窓口）。ふだんは 1 にしてください。",
            "A person's last try can be spent, and the PIN blocked until the municipality unblocks it. 1 is meant for daily use.",
        );
        reader.doubt("cards.pin_floor", said);
    }
    if matches!(config.log.level, LogLevel::Debug | LogLevel::Trace) {
        let said = Said::new(
            "記録が多くなります。調べ終わったら info に戻してください。",
            "The log becomes large. Go back to info when the search is over.",
        );
        reader.doubt("log.level", said);
    }
}
