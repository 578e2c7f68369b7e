//! What may be written after `engawa`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use jiff::Timestamp;

use super::staff_arguments::{AdminOrder, StaffOrder};
use crate::audit::{Anchor, Month};
use crate::config::{Careplans, DEFAULT_PATH};
use crate::model::careplan::lint::{KanaReading, LengthReading};
use crate::model::careplan::value;
use crate::terminal::{Kind, Right};

/// engawa 縁側: 介護情報基盤へのゲートウェイ / the gateway to the national care hub
#[derive(Debug, Parser)]
#[command(name = "engawa", version, max_term_width = 100)]
pub(super) struct Arguments {
    /// 設定ファイル（隣の conf.d も読みます） / settings file; conf.d beside it is read too
    #[arg(long, global = true, value_name = "PATH", default_value = DEFAULT_PATH)]
    pub(super) config: PathBuf,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// ゲートウェイを動かす / run the gateway
    Serve,
    /// 設定・証明書・保存場所を確かめる / check settings, certificate, secrets, state directory, clock
    Check {
        #[command(flatten)]
        order: CheckOrder,
    },
    /// 機器を使えるようにする（導入業者） / set this box up, for the vendor who installs it
    Setup {
        #[command(flatten)]
        order: SetupOrder,
    },
    /// 業者に送る情報（個人情報なし） / everything a vendor needs to help, nothing personal
    SupportBundle {
        #[command(flatten)]
        order: SupportBundleOrder,
    },
    /// 動いているゲートウェイの様子 / how the running gateway is
    Status {
        #[command(flatten)]
        of: Of,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 送信待ちの文書 / documents on their way
    Queue {
        #[command(flatten)]
        of: Of,
        #[command(subcommand)]
        order: QueueOrder,
    },
    /// 事業所のソフトに渡すAPIキー / API keys for the facility's software
    Key {
        #[command(flatten)]
        of: Of,
        #[command(subcommand)]
        order: KeyOrder,
    },
    /// 最初の管理者 / the first administrator
    Admin {
        #[command(flatten)]
        of: Of,
        #[command(subcommand)]
        order: AdminOrder,
    },
    /// 職員の利用者とパスワード / accounts of the staff
    Staff {
        #[command(flatten)]
        of: Of,
        #[command(subcommand)]
        order: StaffOrder,
    },
    /// ペアリングした端末 / paired terminals
    Terminal {
        #[command(flatten)]
        of: Of,
        #[command(subcommand)]
        order: TerminalOrder,
    },
    /// 機器の全部を一つのファイルに（復旧キーで暗号化） / the whole box as one file, encrypted to the recovery key
    #[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
    Backup {
        #[command(subcommand)]
        order: Option<BackupOrder>,
        /// 保存先のフォルダーまたはファイル / the folder to put it into, or the file
        #[arg(long, value_name = "DIR|FILE")]
        out: Option<PathBuf>,
    },
    /// マスターキー（保存するものすべての鍵） / the master keys, under which everything is kept
    MasterKey {
        #[command(subcommand)]
        order: MasterKeyOrder,
    },
    /// バックアップから別の機器を始める / begin another box from a backup
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Restore {
        #[command(subcommand)]
        order: Option<RestoreOrder>,
        /// バックアップ / the backup
        #[arg(required = true)]
        file: Option<PathBuf>,
        /// 復旧キーのファイル（「-」は標準入力） / the file with the recovery key; `-` reads it from standard input
        #[arg(long, required = true, value_name = "KEY")]
        recovery_key_file: Option<PathBuf>,
        /// 紙の「signed by」の値（キーのファイルにあれば不要） / the sheet's `signed by`, where the key's file does not hold it
        #[arg(long, value_name = "engawabox1…")]
        signed_by: Option<String>,
        /// 空の保存場所 / the state directory, empty
        #[arg(long, required = true, value_name = "DIR")]
        state: Option<PathBuf>,
    },
    /// 事業所のほかの機器からの接続 / the way in for other machines of the office
    Lan {
        #[command(subcommand)]
        order: LanOrder,
    },
    /// 操作の記録 / the trail: who did what
    Audit {
        #[command(subcommand)]
        order: AuditOrder,
    },
    /// ケアプランのCSVファイル（標準仕様4.1） / care plan files (standard 4.1)
    Careplan {
        #[command(subcommand)]
        order: CareplanOrder,
    },
    /// 版 / print the version
    Version,
}

/// What `check` is to look at.
#[derive(Debug, clap::Args)]
pub(super) struct CheckOrder {
    /// この機器だけを見る（回線も基盤も使わない） / look at this machine only; nothing goes over the network
    #[arg(long)]
    pub(super) offline: bool,
    /// 電話で聞いた6桁の意味 / what six digits, read out over the telephone, stand for
    #[arg(long, value_name = "DIGITS", conflicts_with = "offline")]
    pub(super) explain: Option<String>,
    /// 自分ではログインしない / no log-in of its own
    #[arg(long, hide = true, conflicts_with = "explain")]
    pub(super) no_login: bool,
    /// JSONで出力 / print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// How `setup` gets its answers.
#[derive(Debug, clap::Args)]
pub(super) struct SetupOrder {
    /// 答えのファイル（TOML、「-」は標準入力）。対話しません / the answers as TOML, `-` for standard input; asks nothing
    #[arg(long, value_name = "FILE")]
    pub(super) answers: Option<PathBuf>,
    /// 引き渡しの紙（A4、HTML）の保存先 / where the handover sheet (A4, HTML) goes
    #[arg(long, value_name = "FILE")]
    pub(super) sheet: Option<PathBuf>,
    /// JSONで出力 / print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// How a support bundle is made.
#[derive(Debug, clap::Args)]
pub(super) struct SupportBundleOrder {
    /// 保存先 / the folder to put it into, or the file
    #[arg(long, value_name = "DIR|FILE")]
    pub(super) out: Option<PathBuf>,
    /// 見せるだけで保存しない / show what would be in it, write nothing
    #[arg(long, conflicts_with = "yes")]
    pub(super) show: bool,
    /// 尋ねずに保存する（中身は見せます） / write without asking; it is still shown
    #[arg(long)]
    pub(super) yes: bool,
}

/// For which facility a command is.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// 事業所番号（この機器に事業所が二つ以上あるとき） / the facility's number, where the box serves several
    #[arg(long, global = true, value_name = "NUMBER")]
    pub(super) facility: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum CareplanOrder {
    /// 送る前に確かめる（設定や起動中のengawaは要りません） / look for mistakes; needs neither settings nor a gateway
    ///
    /// 終了コード: 0 問題なし・助言のみ、1 受け付けられない（おそれのある）誤りあり、2 読めない /
    /// exit code: 0 nothing or advice only, 1 something is refused or likely so, 2 unreadable
    Lint {
        /// CSVファイル、フォルダー、ZIP。並べたファイルは一組として調べます /
        /// CSV files, folders, ZIPs; files named side by side belong together
        #[arg(required = true, value_name = "FILE|DIR|ZIP")]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        reading: Reading,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
}

/// How files are read where the standard leaves it open; the settings under `[careplans]` are the same.
#[derive(Debug, clap::Args)]
pub(super) struct Reading {
    /// 受け付けるCSVバージョン（先頭が正式な値） / the CSV versions that are taken, the right one first
    #[arg(long, value_name = "YYYYMM,…", value_delimiter = ',', value_parser = csv_version)]
    csv_version: Vec<String>,
    /// 単位の定めのない長さの数え方 / how a length of an open unit is counted
    #[arg(long, value_enum, default_value_t)]
    lengths: LengthsArgument,
    /// 半角カナ / half-width katakana
    #[arg(long, value_enum, default_value_t)]
    half_kana: HalfKanaArgument,
    /// 内蔵のコード表に代える表 / code tables in place of the built-in ones
    #[arg(long, value_name = "FILE")]
    code_tables: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LengthsArgument {
    #[default]
    Either,
    Bytes,
    Characters,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum HalfKanaArgument {
    #[default]
    Warn,
    Allow,
}

fn csv_version(text: &str) -> Result<String, &'static str> {
    let month = value::month(text.as_bytes());
    month.map(|_| text.to_owned()).ok_or("年月6桁（例: 202407）で書きます / write a month, like 202407")
}

impl From<Reading> for Careplans {
    fn from(reading: Reading) -> Self {
        Self {
            csv_versions: reading.csv_version,
            lengths: match reading.lengths {
                LengthsArgument::Either => LengthReading::Either,
                LengthsArgument::Bytes => LengthReading::Bytes,
                LengthsArgument::Characters => LengthReading::Characters,
            },
            half_kana: match reading.half_kana {
                HalfKanaArgument::Warn => KanaReading::Warn,
                HalfKanaArgument::Allow => KanaReading::Allow,
            },
            code_tables: reading.code_tables,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum MasterKeyOrder {
    /// どの鍵に何件あるか / which keys there are, and what lies under each
    Status {
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 新しい鍵に替える（動かしたまま） / begin another key, while engawa runs
    Rotate {
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 要らなくなった古い鍵を外す / take out old keys that nothing needs
    Retire {
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 設定のトークンに鍵を作り、鍵のファイルを包む（停止中に） / make the key on the token of the settings and wrap the key file; while engawa is stopped
    InitToken,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditOrder {
    /// 記録がつながっているか確かめ、合わない最初の記録を示す / verify the chain and name the first record that does not fit
    ///
    /// 終了コード: 0 つながっている、1 合わない記録がある、2 読めない / exit code: 0 it fits, 1 a record does not fit, 2 unreadable
    Verify {
        /// 書き出したファイル、証拠一式のフォルダー。なければこの機械のデータベース /
        /// an exported file or a pack's folder; without it this machine's database
        #[arg(value_name = "FILE|DIR")]
        path: Option<PathBuf>,
        /// 別に保管した控え（何度でも） / an anchor kept elsewhere; may be repeated
        #[arg(long = "anchor", value_name = "SEQ:HASH")]
        anchors: Vec<Anchor>,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 最後の記録の番号とハッシュ（紙などに控えます） / number and hash of the newest record, to be kept elsewhere
    Anchor {
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 新しいほうの記録 / the newest records
    List {
        #[command(flatten)]
        of: Of,
        /// 件数 / how many
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        last: u16,
        /// 記録そのもの（一行一件） / the records themselves, one a line
        #[arg(long)]
        json: bool,
    },
    /// 運営指導のための証拠一式 / the evidence pack of a month, for an inspection
    Export {
        #[command(flatten)]
        of: Of,
        /// 年月 / which month
        #[arg(long, value_name = "YYYY-MM")]
        month: Month,
        /// この人の操作だけを一覧に載せる / list only what this person did
        #[arg(long)]
        user: Option<String>,
        /// 書き出すフォルダー / the folder to write it into
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum QueueOrder {
    /// 一覧 / list them
    List {
        /// この状態のものだけ / of this state only
        #[arg(long)]
        state: Option<StateArgument>,
        /// 最大件数 / at most this many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 一件の詳細 / one in detail
    Show(OneSubmission),
    /// 送信を取り消す / cancel one
    Cancel(OneSubmission),
    /// もう一度送る / send one again
    Retry(OneSubmission),
    /// 本人の代わりに事業所として送る（職員がパスワードを入れられないとき） / send it as the facility, not as the person who handed it in
    AsFacility(OneSubmission),
    /// 紙で送ることにする（ケアプラン） / it goes on paper instead; care plans only
    Paper(OneSubmission),
}

#[derive(Debug, clap::Args)]
pub(super) struct OneSubmission {
    /// 受付番号 / its id
    pub(super) id: uuid::Uuid,
    /// JSONで出力 / print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum BackupOrder {
    /// 復旧キーを作る（一度だけ表示されます。紙に書いて金庫へ） / make the recovery key; it is shown once, for the safe
    Init {
        /// 先のキーに代える / in place of the earlier one
        #[arg(long)]
        replace: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum RestoreOrder {
    /// この機器から送ってよいと確かめた / this box may send
    Confirm {
        /// 別の機器に引き継がれたと分かった機器から、それでも送る / although another box was found to have taken over
        #[arg(long)]
        old_box: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum LanOrder {
    /// この機器の認証局の証明書（端末に信頼させるもの）とその指紋 / the box's authority, which terminals have to trust
    Ca {
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyOrder {
    /// 作る（キーは一度だけ表示されます） / make one; it is shown once
    Add {
        /// ソフトの名前など / what to call it, for example the program's name
        name: String,
        /// 権限 / what it may do
        #[arg(long, value_delimiter = ',', default_value = "submit,read,manage")]
        rights: Vec<RightArgument>,
        /// 使えるネットワーク（CIDR。なければこの機器の中だけ） / networks (CIDR) from which alone it is taken; none: the box itself
        #[arg(long, value_delimiter = ',', value_name = "CIDR", value_parser = network)]
        networks: Vec<IpNet>,
        /// 職員のID（退職日に使えなくなります） / the account it is bound to; it ends with the person's last day
        #[arg(long, value_name = "USER")]
        person: Option<String>,
        /// 期限（例 2027-03-31T15:00:00Z） / from when on it is refused
        #[arg(long, value_name = "TIME")]
        expires_at: Option<Timestamp>,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 一覧 / list them
    List {
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 取り消す / revoke one for good
    Revoke {
        /// キーの番号（公開部分） / its public part
        id: String,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TerminalOrder {
    /// 窓口を開ける（10分・1台。コードは一度だけ表示されます） / open a window for one terminal and ten minutes; its code is shown once
    Pair {
        /// 端末の名前 / what to call the terminal
        name: String,
        /// 権限 / what it may do
        #[arg(long, value_delimiter = ',', default_value = "submit,read,manage")]
        rights: Vec<RightArgument>,
        /// 種類 / how it proves itself
        #[arg(long, value_enum, default_value_t)]
        kind: KindArgument,
        /// キーを使えるネットワーク（CIDR。kind が key のときだけ） / networks (CIDR) of a key
        #[arg(long, value_delimiter = ',', value_name = "CIDR", value_parser = network)]
        networks: Vec<IpNet>,
        /// 職員のID（退職日に使えなくなります） / the account it is bound to; it ends with the person's last day
        #[arg(long, value_name = "USER")]
        person: Option<String>,
        /// QRコードをSVGで書き出す / write the QR code as SVG into this file
        #[arg(long, value_name = "FILE")]
        qr: Option<PathBuf>,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 一覧 / list them
    List {
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 取り消す（5秒以内に切れます） / revoke one for good, within five seconds
    Revoke(OneTerminal),
    /// 30日使われずに閉じた端末を開ける / open one again that was not used for 30 days
    Reopen(OneTerminal),
}

#[derive(Debug, clap::Args)]
pub(super) struct OneTerminal {
    /// 端末の番号 / its id
    pub(super) id: String,
    /// JSONで出力 / print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum KindArgument {
    #[default]
    Software,
    Browser,
    Key,
}

impl From<KindArgument> for Kind {
    fn from(argument: KindArgument) -> Self {
        match argument {
            KindArgument::Software => Self::Software,
            KindArgument::Browser => Self::Browser,
            KindArgument::Key => Self::Key,
        }
    }
}

/// A network, or a single address.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| "192.168.10.0/24 のように書きます / write a network, like 192.168.10.0/24")
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum StateArgument {
    Queued,
    Sending,
    Unknown,
    Held,
    Delivered,
    Returned,
    Cancelled,
    #[value(name = "on_paper", alias = "on-paper")]
    OnPaper,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum RightArgument {
    Submit,
    Read,
    Manage,
    Receive,
    Card,
    CardApdu,
    Admin,
}

impl From<RightArgument> for Right {
    fn from(argument: RightArgument) -> Self {
        match argument {
            RightArgument::Submit => Self::Submit,
            RightArgument::Read => Self::Read,
            RightArgument::Manage => Self::Manage,
            RightArgument::Receive => Self::Receive,
            RightArgument::Card => Self::Card,
            RightArgument::CardApdu => Self::CardApdu,
            RightArgument::Admin => Self::Admin,
        }
    }
}

impl AuditOrder {
    /// The facility that is asked for.
    pub(super) fn facility(&self) -> Option<&str> {
        match self {
            Self::List { of, .. } | Self::Export { of, .. } => of.facility.as_deref(),
            Self::Verify { .. } | Self::Anchor { .. } => None,
        }
    }
}

impl StateArgument {
    /// Its name in the API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Held => "held",
            Self::Delivered => "delivered",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
            Self::OnPaper => "on_paper",
        }
    }
}
