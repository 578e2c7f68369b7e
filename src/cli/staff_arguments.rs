//! What may be written after `engawa admin` and `engawa staff`.

use clap::{Subcommand, ValueEnum};

use crate::model::hub_user::HubUser;
use crate::people::{Name, Role, User};

#[derive(Debug, Subcommand)]
pub(super) enum AdminOrder {
    /// 最初の管理者を作る（一回限りのパスワードが一度だけ表示されます） / make the first administrator; the one-time password is shown once
    Init {
        /// 利用者名（英小文字・数字） / the user, as typed at log-in
        #[arg(long, default_value = "admin", value_parser = user)]
        user: String,
        /// 氏名 / the person's name
        #[arg(long, default_value = "管理者", value_parser = person_name)]
        name: String,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum StaffOrder {
    /// 作る（一回限りのパスワードが一度だけ表示されます） / make one; the one-time password is shown once
    Add {
        /// 利用者名（英小文字・数字） / the user, as typed at log-in
        #[arg(value_parser = user)]
        user: String,
        /// 氏名 / the person's name
        #[arg(long, value_parser = person_name)]
        name: String,
        /// 職種 / what the person is
        #[arg(long, value_enum)]
        role: RoleArgument,
        /// 退職日（この日まで使えます） / the last day
        #[arg(long, value_name = "YYYY-MM-DD")]
        leaves_on: Option<jiff::civil::Date>,
        /// 基盤の利用者ID / the person's own user id at the hub
        #[arg(long, value_name = "ID", value_parser = hub_user)]
        hub_user: Option<String>,
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
    /// 基盤の利用者IDを登録する / name the person's own user id at the hub
    Hub {
        /// 利用者名 / the user
        #[arg(value_parser = user)]
        user: String,
        /// 基盤の利用者ID / the user id at the hub
        #[arg(value_parser = hub_user, required_unless_present = "none")]
        id: Option<String>,
        /// なくす / take it away
        #[arg(long, conflicts_with = "id")]
        none: bool,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// すぐに止める / shut one at once
    Suspend {
        /// 利用者名 / the user
        #[arg(value_parser = user)]
        user: String,
        /// 再び使えるようにする / open it again
        #[arg(long)]
        undo: bool,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 基盤が拒んだパスワードの後、もう一つだけ試せるようにする（ロックを避けて待っているとき） / let one more password be sent to the hub, where engawa waits after wrong ones
    HubTry {
        /// 利用者名 / the user
        #[arg(value_parser = user)]
        user: String,
        /// 本人が、その後に介護WEBサービスにログインできた（基盤の誤り回数が消えている） / the person has logged in at the hub's browser service since, so that the hub counts wrong passwords from nothing
        #[arg(long, required = true)]
        logged_in_at_hub: bool,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
    /// 新しい一回限りのパスワード / a new one-time password
    Password {
        /// 利用者名 / the user
        #[arg(value_parser = user)]
        user: String,
        /// JSONで出力 / print JSON
        #[arg(long)]
        json: bool,
    },
}

fn user(text: &str) -> Result<String, &'static str> {
    let user = User::parse(text);
    user.map(|user| user.to_string())
        .ok_or("英小文字で始まる英数字 . _ - の2〜32字 / 2 to 32 of a-z 0-9 . _ -, a letter first")
}

fn hub_user(text: &str) -> Result<String, &'static str> {
    HubUser::parse(text).map(|_| text.to_owned()).ok_or("1行100字まで / one line of 100 signs at most")
}

fn person_name(text: &str) -> Result<String, &'static str> {
    Name::parse(text).map(|_| text.to_owned()).ok_or("1〜64字 / 1 to 64 signs")
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum RoleArgument {
    Administrator,
    CareManager,
    Clerk,
    Doctor,
    Vendor,
}

impl From<RoleArgument> for Role {
    fn from(argument: RoleArgument) -> Self {
        match argument {
            RoleArgument::Administrator => Self::Administrator,
            RoleArgument::CareManager => Self::CareManager,
            RoleArgument::Clerk => Self::Clerk,
            RoleArgument::Doctor => Self::Doctor,
            RoleArgument::Vendor => Self::Vendor,
        }
    }
}
