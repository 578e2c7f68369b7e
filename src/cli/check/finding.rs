//! What a check can find: one table, from which the answer, the six digits and `docs/check.md` are made.
//!
//! Invariants: a number is never changed or used again once released, as it is read out over telephones; a sentence holds no
//! person data and no secret, and what was met on this box goes beside it, into [`Check::detail`](super::Check).

use crate::fault::Code;

/// Who has to act, as an office would look them up in its telephone list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The office itself: its passwords, its account, its certificate file.
    Office,
    /// Whoever looks after box and LAN: settings, clock, disk, cables, router, firewall.
    LanVendor,
    /// Whoever supplies the card reader.
    Reader,
    /// The carrier of the line.
    Line,
    /// The issuer of the facility's certificate.
    Issuer,
    /// The operator of the national hub.
    Hub,
}

impl Who {
    /// All, in the order of the type.
    pub const ALL: &'static [Self] =
        &[Self::Office, Self::LanVendor, Self::Reader, Self::Line, Self::Issuer, Self::Hub];

    /// In Japanese.
    #[must_use]
    pub const fn ja(self) -> &'static str {
        match self {
            Self::Office => "事業所",
            Self::LanVendor => "LAN・機器の業者",
            Self::Reader => "カードリーダーの業者",
            Self::Line => "回線の会社",
            Self::Issuer => "証明書の発行機関",
            Self::Hub => "基盤",
        }
    }

    /// In English.
    #[must_use]
    pub const fn en(self) -> &'static str {
        match self {
            Self::Office => "office",
            Self::LanVendor => "LAN vendor",
            Self::Reader => "reader",
            Self::Line => "line",
            Self::Issuer => "certificate issuer",
            Self::Hub => "hub",
        }
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    #[default]
    Ok,
    /// Works, but somebody should look.
    Warn,
    /// engawa cannot do its work like this.
    Fail,
}

macro_rules! findings {
    ($( $number:literal $variant:ident $verdict:ident $who:ident $code:ident $ja:literal $en:literal $next_ja:literal $next_en:literal; )+) => {
        /// What a check can find.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each variant is documented by its sentence in the table")]
        pub enum Finding { $( $variant, )+ }

        impl Finding {
            /// Every finding, in the order of the table.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The number that stands for it on the telephone: 1 to 299.
            #[must_use]
            pub const fn number(self) -> u16 { match self { $( Self::$variant => $number, )+ } }

            /// How grave it is.
            #[must_use]
            pub const fn verdict(self) -> Verdict { match self { $( Self::$variant => Verdict::$verdict, )+ } }

            /// Who has to act.
            #[must_use]
            pub const fn who(self) -> Who { match self { $( Self::$variant => Who::$who, )+ } }

            /// The catalogue's code under which the rest of engawa speaks of it.
            #[must_use]
            pub const fn code(self) -> Code { match self { $( Self::$variant => Code::$code, )+ } }

            /// What was found, in Japanese.
            #[must_use]
            pub const fn ja(self) -> &'static str { match self { $( Self::$variant => $ja, )+ } }

            /// What was found, in English.
            #[must_use]
            pub const fn en(self) -> &'static str { match self { $( Self::$variant => $en, )+ } }

            /// What to do next, in Japanese.
            #[must_use]
            pub const fn next_ja(self) -> &'static str { match self { $( Self::$variant => $next_ja, )+ } }

            /// What to do next, in English.
            #[must_use]
            pub const fn next_en(self) -> &'static str { match self { $( Self::$variant => $next_en, )+ } }
        }
    };
}

findings! {
    // settings
    1 SettingsWrong Fail LanVendor ConfigInvalid
        "設定に誤りがあります。" "The settings have a mistake."
        "示した行を直してください。" "Correct the line that is named.";
    2 SettingsDoubtful Warn LanVendor ConfigInvalid
        "設定に確かめたい点があります。" "The settings have something doubtful."
        "示した行を確かめてください。" "Look at the line that is named.";
    3 CodeTables Fail LanVendor CodeTablesInvalid
        "ケアプランのコード表を読めません。" "The code tables of care plans cannot be read."
        "careplans.code_tables のファイルを入れ直してください。" "Install the file of careplans.code_tables again.";
    4 NotAllowed Warn LanVendor StateOwner
        "この利用者では、全部を確かめることができません。" "This user may not look at everything."
        "sudo engawa check のように、rootで実行してください。" "Run it as root, for example sudo engawa check.";
    // clock
    20 ClockNeverSet Fail LanVendor ClockWrong
        "この機器の時計が一度も合わせられていません。" "The clock of the box has never been set."
        "時刻合わせ（timedatectl、ルーターのNTP）を直し、電池を確かめてください。" "Put time synchronisation right (timedatectl, NTP of the router), and look at the clock's battery.";
    21 ClockBehind Fail LanVendor ClockWrong
        "時計が、前に書きとめた時刻より遅れています。" "The clock is behind a time that was noted before."
        "時刻合わせ（timedatectl、ルーターのNTP）を直してください。" "Put time synchronisation right (timedatectl, NTP of the router).";
    22 ClockApart Fail LanVendor ClockWrong
        "時計が基盤の時計と1時間以上違います。" "The clock and the hub's are more than an hour apart."
        "時刻合わせ（timedatectl、ルーターのNTP）を直してください。" "Put time synchronisation right (timedatectl, NTP of the router).";
    23 ClockDrifts Warn LanVendor ClockWrong
        "時計が基盤の時計と1分以上違います。" "The clock and the hub's are more than a minute apart."
        "時刻合わせ（timedatectl、ルーターのNTP）を確かめてください。" "Look at time synchronisation (timedatectl, NTP of the router).";
    // disk
    30 DiskFull Fail LanVendor StorageFull
        "保存場所の空きが足りません。" "The state directory has too little room."
        "不要なファイルを消すか、ディスクを大きくしてください。保存場所の中は消さないでください。" "Delete what is not needed or enlarge the disk. Delete nothing inside the state directory.";
    31 DiskReadOnly Fail LanVendor StorageReadOnly
        "保存場所に書き込めません（読み取り専用）。" "The state directory cannot be written (read-only)."
        "ディスクの故障が疑われます。カーネルの記録（journalctl -k）を見て、ディスクを替えてください。" "The disk is probably failing. Read the kernel's log (journalctl -k) and replace the disk.";
    32 DiskBroken Fail LanVendor StorageBroken
        "保存場所に読み書きの異常があります。" "The state directory has an input/output error."
        "ディスクの故障が疑われます。ディスクを替え、バックアップから戻してください。" "The disk is probably failing. Replace it and restore the backup.";
    33 DiskMode Fail LanVendor ConfigInvalid
        "保存場所がフォルダーでないか、ほかの利用者にも開いています。" "The state directory is no directory, or is open to other users."
        "engawaだけのフォルダーにしてください（chmod 700）。" "Make it a directory of engawa alone (chmod 700).";
    34 DiskOwner Fail LanVendor StateOwner
        "保存場所は別の利用者のものです。" "The state directory belongs to another user."
        "engawaのサービスの利用者のものにしてください（chown -R engawa:engawa）。" "Give it to the service's user (chown -R engawa:engawa).";
    35 DiskNearlyFull Warn LanVendor StorageFull
        "保存場所の空きが少なくなっています。" "The state directory is running out of room."
        "不要なファイルを消すか、ディスクを大きくしてください。" "Delete what is not needed or enlarge the disk.";
    36 DatabaseUnreadable Fail LanVendor StorageBroken
        "保存場所のデータベースを読めません。" "The database in the state directory cannot be read."
        "消さないでください。engawaを止め、導入業者が見るまで保存場所をそのまま残してください。" "Do not delete it. Stop engawa and leave the state directory as it is until the vendor has looked.";
    // key
    40 MasterKeyMissing Fail LanVendor MasterKeyMissing
        "保存済みの文書を開く鍵がありません。" "The key that opens what is stored is missing."
        "控えの鍵を元の場所に戻してください。新しい鍵では開けません。" "Put the copy of the key back to its place. A new key opens nothing.";
    41 MasterKeyUnusable Fail LanVendor MasterKeyMissing
        "保存済みの文書を開く鍵を使えません。" "The key that opens what is stored cannot be used."
        "控えの鍵を元の場所に戻してください。" "Put the copy of the key back to its place.";
    42 MasterKeyToken Fail LanVendor MasterKeyTokenAbsent
        "マスターキーのトークンを使えません。" "The token of the master keys cannot be used."
        "トークンとPINのファイル、モジュールの場所を確かめてください。" "Look at the token, the PIN's file and the module's place.";
    43 SecretMissing Fail LanVendor SecretMissing
        "パスワードまたは鍵のファイルを読めません。" "A password's or key's file cannot be read."
        "示した場所に置き、engawaから読めるようにしてください。" "Put it where it is named, readable to engawa.";
    44 SecretHidden Warn LanVendor SecretMissing
        "systemdが渡すものは、ここからは確かめられません。" "What systemd hands over cannot be judged from here."
        "rootで実行するか、systemctl start engawa-check で確かめてください。" "Run it as root, or by systemctl start engawa-check.";
    45 HubCaUnreadable Fail LanVendor HubCaUnreadable
        "基盤のCA証明書のファイルを読めません。" "The hub's CA certificates cannot be read."
        "配布されたファイルを hub.ca_file に置いてください。" "Put the file that was handed out at hub.ca_file.";
    // certificate
    60 CertificateMissing Fail Office CertificateMissing
        "事業所の証明書のファイルがありません。" "The facility's certificate file is not there."
        "ダウンロードした証明書を hub.certificate_file に置いてください。" "Put the downloaded certificate at hub.certificate_file.";
    61 CertificateUnreadable Fail Office CertificateUnreadable
        "事業所の証明書を開けません（パスワード違いか、壊れたファイル）。" "The facility's certificate cannot be opened (wrong passphrase, or a damaged file)."
        "証明書のパスワードを確かめ、だめならダウンロードし直してください。" "Check the certificate's passphrase; download it again if that does not help.";
    62 CertificateExpired Fail Issuer CertificateExpired
        "事業所の証明書の期限が切れています。" "The facility's certificate has expired."
        "発行機関に更新を申し込み、新しい証明書を入れてください。" "Apply to the issuer for a renewal and install the new certificate.";
    63 CertificateNotYetValid Fail Issuer CertificateNotYetValid
        "事業所の証明書はまだ有効期間前です。" "The facility's certificate is not valid yet."
        "時計が合っていれば、発行機関に有効期間を確かめてください。" "If the clock is right, ask the issuer about its dates.";
    64 CertificateWrongKind Fail Issuer CertificateWrongKind
        "この証明書の種類では基盤につながりません（オンライン請求の証明書など）。" "A certificate of this kind does not open the hub (one for online claims, for example)."
        "発行機関に介護用の証明書を申し込み、入れ替えてください。" "Apply to the issuer for a certificate of the care kind, and install that.";
    65 CertificateWrongFacility Fail LanVendor CertificateWrongFacility
        "証明書の事業所番号が設定と違います。" "The certificate is of another facility than the settings say."
        "facility.number と、入れた証明書を確かめてください。" "Compare facility.number with the certificate that was installed.";
    66 CertificateExpiring Warn Issuer CertificateExpiring
        "事業所の証明書の期限が近づいています。" "The facility's certificate ends soon."
        "発行機関に更新を申し込んでください。" "Apply to the issuer for a renewal.";
    67 CertificateRefused Fail Issuer HubCertificateWrongKind
        "基盤がこの証明書を受け付けません（失効か、種類違い）。" "The hub does not take this certificate (revoked, or of another kind)."
        "発行機関に証明書の状態を確かめてください。" "Ask the issuer about the certificate's state.";
    // hub.dns
    80 DnsSilent Fail LanVendor HubUnreachable
        "名前を引くサーバー（DNS）が答えません。" "The name server (DNS) does not answer."
        "ルーターのDNSと、この機器のDNSの設定を確かめてください。" "Look at the router's DNS and at the DNS settings of the box.";
    81 DnsUnknown Fail LanVendor HubUnreachable
        "基盤の名前が見つかりません。" "The hub's name is not known."
        "hub.url の綴りと、LANのDNSが基盤の名前を引けるかを確かめてください。" "Check the spelling of hub.url, and whether the LAN's DNS knows the hub's name.";
    82 DnsBeyond Fail Line HubUnreachable
        "名前を引くサーバー（DNS）まで、またはその先へ、回線が届いていません。" "The line does not reach the name server (DNS), or what lies behind it."
        "回線の装置（ONU）のランプを確かめ、回線の会社に連絡してください。文書は預かっています。" "Look at the lights of the line's terminal (ONU) and call the carrier. Documents are kept.";
    // hub.tcp
    90 NoNetwork Fail LanVendor HubUnreachable
        "この機器がLANにつながっていません。" "The box is not connected to the LAN."
        "LANケーブルとハブ（スイッチ）のランプを確かめてください。" "Look at the LAN cable and at the switch's lights.";
    91 NoRoute Fail LanVendor HubUnreachable
        "LANの外への道（ルーター）が設定されていません。" "There is no way out of the LAN (no router is set)."
        "ルーターの電源と、アドレスの配布（DHCP）を確かめてください。" "Look at the router's power and at how addresses are given out (DHCP).";
    92 RouterSilent Fail LanVendor HubUnreachable
        "ルーターが答えません。" "The router does not answer."
        "ルーターの電源を入れ直してください。" "Switch the router off and on again.";
    93 LineDown Fail Line HubUnreachable
        "ルーターの先、回線が基盤まで届きません。" "Beyond the router the line does not reach the hub."
        "基盤のお知らせと、ファイアウォールが通すかを確かめ、回線の装置（ONU）のランプを見て、回線の会社に連絡してください。文書は預かっています。" "Read the hub's notices, see that the firewall lets it through, look at the lights of the line's terminal (ONU), and call the carrier. Documents are kept.";
    94 PortClosed Fail LanVendor HubUnreachable
        "基盤への接続が断られました（ポートが閉じています）。" "The connection to the hub was refused (the port is closed)."
        "ファイアウォールが基盤のアドレスとポートを通すか、hub.url のポートが正しいかを確かめてください。" "Check that the firewall lets the hub's address and port through, and that the port in hub.url is right.";
    95 NeighbourSilent Fail LanVendor HubUnreachable
        "LANの中にある、基盤への入口（プロキシーなど）が答えません。" "The way in to the hub that stands in the LAN (a proxy, for example) does not answer."
        "hub.url のアドレスと、その機器の電源とケーブルを確かめてください。" "Check the address in hub.url, and that machine's power and cable.";
    96 PortSilent Fail LanVendor HubUnreachable
        "回線は通じていますが（ルーターの先のDNSは答えます）、基盤のポートから何も返りません。" "The line carries (a name server beyond the router answers), and nothing comes back from the hub's port."
        "ファイアウォールが基盤のアドレスとポートを黙って捨てていないかを見て、基盤のお知らせも確かめてください。どちらでもなければ回線の会社に尋ねてください。文書は預かっています。" "See whether a firewall silently drops the hub's address and port, and read the hub's notices. If it is neither, ask the carrier. Documents are kept.";
    // hub.tls
    110 TlsIntercepted Fail LanVendor HubServerUntrusted
        "途中の機器が通信を開いています（基盤のものでない証明書が示されました）。" "A device on the way opens the connection (the certificate shown is not the hub's)."
        "ファイアウォールやウイルス対策の「SSL検査」から基盤を外してください。" "Exempt the hub from the SSL inspection of firewall or virus scanner.";
    111 TlsHubExpired Fail Hub HubServerUntrusted
        "基盤の側の証明書の期限が切れています。" "The hub's own certificate has expired."
        "時計が合っていれば、基盤のお知らせを見て待ってください。文書は預かっています。" "If the clock is right, read the hub's notices and wait. Documents are kept.";
    112 TlsNotYetValid Fail LanVendor ClockWrong
        "基盤の証明書が、この機器の時計ではまだ有効期間前です。" "By the clock of the box the hub's certificate is not valid yet."
        "時計を合わせてください。" "Set the clock.";
    113 TlsOtherName Fail LanVendor HubServerUntrusted
        "つながった先の証明書は別の名前のものです。" "The certificate at the other end is of another name."
        "hub.url の綴りと、LANのDNSが正しいアドレスを返すかを確かめてください。" "Check the spelling of hub.url, and whether the LAN's DNS gives the right address.";
    114 TlsOld Fail LanVendor HubServerUntrusted
        "途中の機器がTLS 1.3を通しません。" "A device on the way does not let TLS 1.3 through."
        "ファイアウォールを更新するか、基盤を検査から外してください。" "Update the firewall, or exempt the hub from its inspection.";
    115 TlsSilent Fail Line HubTimeout
        "つながりますが、暗号化のやり取りの途中で止まります。" "It connects, but stops in the middle of the handshake."
        "回線のパケットの大きさ（MTU、PPPoE）を回線の会社とルーターの設定で確かめてください。" "Check the line's packet size (MTU, PPPoE) with the carrier and in the router.";
    116 TlsNotSpoken Fail LanVendor HubNonsense
        "つながった先はTLSを話しません（プロキシーや認証画面）。" "The other end does not speak TLS (a proxy, or a portal that asks for a log-in)."
        "hub.url のポートと、途中のプロキシーを確かめてください。" "Check the port in hub.url, and any proxy on the way.";
    117 LineCut Fail Line HubUnreachable
        "やり取りの途中で接続が切れました。" "The connection broke in the middle of an exchange."
        "続くときは回線の会社に連絡してください。文書は預かっています。" "If it goes on, call the carrier. Documents are kept.";
    118 TlsHubEarly Fail Hub HubServerUntrusted
        "基盤の側の証明書がまだ有効期間前です（この機器の時計は基盤と合っています）。" "The hub's own certificate is not valid yet (the clocks of box and hub agree)."
        "基盤のお知らせを見て待ってください。文書は預かっています。" "Read the hub's notices and wait. Documents are kept.";
    // hub.login
    130 LoginRefused Fail Office HubLoginRefused
        "基盤が利用者IDかパスワードを拒みました。" "The hub refused the user id or the password."
        "介護WEBサービスで正しいパスワードを確かめ、入れ直してください。同じものはもう送りません。" "Find the right password in the hub's web service and enter it. The same one is not sent again.";
    131 AccountLocked Fail Office HubAccountLocked
        "基盤の利用者IDがロックされています。" "The account at the hub is locked."
        "解除の時刻まで待ってください。ほかの人や機器が同じIDを使っていないか確かめてください。" "Wait until it is unlocked. See that nobody else uses the same id.";
    132 LoginCautious Warn Hub HubLoginCautious
        "前のログインの結果が分からないため、ロックを避けて待っています。" "The outcome of earlier log-ins is not known; waiting so that the account is not locked."
        "待ってください。自動で続けます。" "Wait. It goes on by itself.";
    133 WrongKindAtHub Fail Issuer HubCertificateWrongKind
        "基盤が証明書の種類を拒みました。" "The hub refused the kind of the certificate."
        "発行機関に介護用の証明書を申し込み、入れ替えてください。" "Apply to the issuer for a certificate of the care kind, and install that.";
    134 HubBusy Warn Hub HubBusy
        "基盤が混み合っています。" "The hub is busy."
        "待ってください。自動で続けます。文書は預かっています。" "Wait. It goes on by itself. Documents are kept.";
    135 HubTrouble Fail Hub HubTrouble
        "基盤に障害があります。" "The hub is in trouble."
        "基盤のお知らせを見て待ってください。自動で続けます。文書は預かっています。" "Read the hub's notices and wait. It goes on by itself. Documents are kept.";
    136 HubNonsense Fail LanVendor HubNonsense
        "基盤のものでない答えが返りました（途中の機器の画面など）。" "The answer is not the hub's (a page of a device on the way, for example)."
        "プロキシーや認証画面が間に入っていないか確かめてください。" "See whether a proxy or a portal stands in between.";
    137 HubSlow Warn Hub HubTimeout
        "基盤の答えが遅くなっています。" "The hub answers slowly."
        "待ってください。続くときは基盤のお知らせを見てください。" "Wait. If it goes on, read the hub's notices.";
    138 HubTimeout Fail Hub HubTimeout
        "基盤につながりますが、時間内に答えません。" "The hub can be reached and does not answer in time."
        "基盤のお知らせを見て待ってください。自動で続けます。文書は預かっています。" "Read the hub's notices and wait. It goes on by itself. Documents are kept.";
    139 NotPermitted Fail Office HubNotPermitted
        "この利用者IDの職種では、基盤が許しません。" "The hub does not permit it to this user id's job."
        "介護WEBサービスで利用者IDの職種を確かめてください。" "Look at the user id's job in the hub's web service.";
    140 LoginUntried Warn LanVendor SecretMissing
        "基盤へのログインは試していません。" "The log-in at the hub was not tried."
        "engawaを起動してから、rootでもう一度確かめてください。" "Start engawa, then check again as root.";
    141 ServiceLine Fail LanVendor HubUnreachable
        "動いているengawaは、ここからは届く基盤に届いていません。" "The running engawa does not reach the hub, which can be reached from here."
        "数分おいて確かめ直し、続くときはengawaのサービスだけの制限（IPAddressDenyなど）とDNSを見て、systemctl restart engawa で再起動してください。" "Check again after some minutes; if it goes on, look for what binds the service alone (IPAddressDeny, for example) and at its DNS, and restart it: systemctl restart engawa.";
    142 ServiceHindered Fail LanVendor GatewayInternal
        "動いているengawaは、今のままでは基盤とやり取りできません。" "The running engawa cannot exchange anything with the hub as it is."
        "前の項目に問題があれば先に直し、systemctl restart engawa で再起動してください。起動した後に置いたファイルは使われていません。" "Put right what is named before this, if anything is; then restart it: systemctl restart engawa. It does not use files that were put there after its start.";
    143 FacilityUnserved Fail LanVendor FacilityUnknown
        "動いているengawaは、この事業所をまだ受け持っていません。" "The running engawa does not serve this facility yet."
        "systemctl restart engawa で再起動してください。" "Restart it: systemctl restart engawa.";
    144 LoginUnproven Warn LanVendor GatewayBusy
        "動いているengawaは、まだ基盤とやり取りしていません。" "The running engawa has not exchanged anything with the hub yet."
        "起動した直後なら1分ほど待ち、もう一度確かめてください。続くときは engawa status を見てください。" "If it has only just started, wait a minute and check again. If it goes on, see engawa status.";
    // pcscd
    160 PcscdDown Warn LanVendor PcscDown
        "カードリーダーのサービス（pcscd）につながりません。" "The card reader service (pcscd) cannot be reached."
        "systemctl start pcscd.socket で動かしてください。リーダーを使わない事業所では cards.enabled = false に。" "Start it: systemctl start pcscd.socket. An office without card readers sets cards.enabled = false.";
    161 PcscdHung Warn LanVendor PcscDown
        "カードリーダーのサービス（pcscd）が答えません。" "The card reader service (pcscd) does not answer."
        "systemctl restart pcscd で再起動してください。" "Restart it: systemctl restart pcscd.";
    162 PcscdRefused Warn LanVendor PcscDown
        "カードリーダーのサービス（pcscd）がこの利用者を通しません。" "The card reader service (pcscd) does not let this user in."
        "polkitの規則 engawa.rules を置いてください。" "Install the polkit rule engawa.rules.";
    // reader
    170 ReaderMissing Warn Reader ReaderAbsent
        "カードリーダーが足りません。" "Card readers are missing."
        "USBを差し直し、だめなら別の差込口かケーブルで試し、リーダーを替えてください。" "Plug it in again, try another port or cable, then replace the reader.";
    171 ReaderUnknown Warn Reader ReaderAbsent
        "設定にある名前のリーダーが見つかりません。" "A reader that the settings name was not found."
        "USBを差し直すか、cards.nearest の名前を直してください。" "Plug it in again, or correct its name in cards.nearest.";
    172 ReaderMute Warn Reader CardMute
        "リーダーに置かれたカードが答えません。" "The card on the reader does not answer."
        "カードを置き直し、別のカードでも同じならリーダーを替えてください。" "Put the card on again; if another card does the same, replace the reader.";
    173 ReaderDegraded Warn Reader ReaderDegraded
        "リーダーが止まっています。" "The reader has stopped."
        "カードを取り出し、USBを差し直してください。続くときはリーダーを替えてください。" "Take the card out and plug the reader in again. If it goes on, replace the reader.";
    // lan
    190 LanPort Fail LanVendor LanPort
        "LANのポート（lan.listen）を開けません。" "The LAN port (lan.listen) cannot be opened."
        "ほかのプログラムが使っていないか、アドレスがこの機器のものかを確かめてください。" "See whether another program has it, and whether the address is this machine's.";
    191 LanCertificate Fail LanVendor LanCertificate
        "LAN用の証明書を使えないか、期限が切れています。" "The certificate for the LAN cannot be used, or has expired."
        "lan.certificate_file を入れ替えてください。" "Replace lan.certificate_file.";
    192 LanAuthority Fail LanVendor AuthorityUnusable
        "この機器の認証局のファイルを使えません。" "The files of the box's authority cannot be used."
        "バックアップから戻してください。" "Restore them from the backup.";
    193 LanName Warn LanVendor LanCertificate
        "LANの名前（lan.names）が、この機器を指していません。" "A name of lan.names does not lead to this machine."
        "LANのDNSかルーターの登録を直すか、lan.names から外してください。" "Correct it in the LAN's DNS or router, or take it out of lan.names.";
    194 LanNetworks Warn LanVendor LanPort
        "この機器のアドレスが、許したネットワーク（lan.networks）の中にありません。" "No address of this machine is within lan.networks."
        "lan.networks を、この事業所のネットワークに直してください。" "Set lan.networks to the office's networks.";
    195 LanSilent Fail LanVendor LanPort
        "LANのポートが答えません。" "The LAN port does not answer."
        "この機器のファイアウォールと systemctl status engawa を見てください。" "Look at this machine's firewall and at systemctl status engawa.";
    196 LanAddress Warn LanVendor LanPort
        "lan.listen のアドレスは、いまこの機器にありません。" "An address of lan.listen is not this machine's at the moment."
        "書き間違いでなければ、LANにつながるとそのまま使えます。" "Unless it is a misprint, it works once the LAN is connected.";
    // service
    210 ServiceDown Fail LanVendor GatewayStopping
        "engawaが動いていません。" "engawa is not running."
        "systemctl start engawa で動かし、止まるときは systemctl status engawa を見てください。" "Start it: systemctl start engawa. If it stops again, see systemctl status engawa.";
    211 ServiceDeaf Fail LanVendor GatewayInternal
        "engawaは動いていますが、答えません。" "engawa runs and does not answer."
        "systemctl restart engawa で再起動し、続くときはサポート情報を送ってください。" "Restart it: systemctl restart engawa. If it goes on, send a support bundle.";
    212 ServiceNew Warn LanVendor GatewayStopping
        "engawaはまだ一度も動いていません。" "engawa has never run yet."
        "systemctl start engawa で動かしてください。" "Start it: systemctl start engawa.";
    213 ServiceFailed Fail LanVendor GatewayInternal
        "engawaは動いていますが、仕事ができないと言っています。" "engawa runs, and says that it cannot do its work."
        "前の項目と engawa status を見て直し、systemctl restart engawa で再起動してください。" "See what is named before this and engawa status, put it right, and restart it: systemctl restart engawa.";
    214 ServiceBroken Fail LanVendor GatewayInternal
        "engawaは起動できないか、異常終了しました。" "engawa could not start, or ended with a failure."
        "前の項目と journalctl -u engawa -n 30 を見て直し、systemctl start engawa で動かしてください。" "See what is named before this and journalctl -u engawa -n 30, put it right, and start it: systemctl start engawa.";
    // queue
    220 QueueOld Warn Hub HubTrouble
        "基盤の都合で、送信待ちの文書が長く待っています。" "Documents have been waiting for the hub for long."
        "基盤のお知らせを見て待ってください。自動で続けます。文書は預かっています。" "Read the hub's notices and wait. It goes on by itself. Documents are kept.";
    221 QueueHeld Warn Office SubmissionState
        "人の判断を待っている文書があります。" "Documents wait for somebody to decide."
        "engawa queue list --state held を見て、担当者が決めてください。" "See engawa queue list --state held; whoever is in charge decides.";
    222 QueueOldLine Warn LanVendor HubUnreachable
        "基盤に届かず、送信待ちの文書が長く待っています。" "Documents have been waiting for long, as the hub cannot be reached."
        "engawa check を --offline なしで行い、先に出た項目から直してください。文書は預かっています。" "Run engawa check without --offline and put right what it names first. Documents are kept.";
    223 QueueOldOffice Warn Office HubLoginRefused
        "利用者ID・パスワードか証明書のために、送信待ちの文書が長く待っています。" "Documents have been waiting for long because of a user id, a password or the certificate file."
        "engawa status の示すパスワードや証明書を入れ直してください。文書は預かっています。" "Enter the password or certificate that engawa status names. Documents are kept.";
    224 QueueOldIssuer Warn Issuer CertificateExpired
        "証明書の期限や種類のために、送信待ちの文書が長く待っています。" "Documents have been waiting for long because of the certificate's dates or kind."
        "発行機関に証明書の更新か種類の変更を申し込んでください。文書は預かっています。" "Apply to the issuer for another certificate. Documents are kept.";
    225 QueueOldBox Warn LanVendor GatewayInternal
        "この機器の都合で、送信待ちの文書が長く待っています。" "Documents have been waiting for long because of this box."
        "engawa status を見て直し、分からないときはサポート情報を送ってください。文書は預かっています。" "See engawa status and put it right; if that does not help, send a support bundle. Documents are kept.";
    // the rest
    240 FacilityGone Warn LanVendor FacilityGone
        "設定にない事業所の、終わっていない文書があります。" "There are unfinished documents of a facility that the settings do not name."
        "ファイルを facilities.d に戻して再起動すれば、続きから送ります。" "Put its file back into facilities.d and start engawa anew; it goes on from there.";
    241 TerminalCopied Fail LanVendor TerminalCopied
        "証明書を複製された端末があります。" "The certificate of a terminal was copied."
        "engawa terminal list で確かめ、取り消してペアリングし直してください。" "See engawa terminal list; revoke it and pair again.";
    242 ExchangeFolder Warn LanVendor ExchangeFolder
        "ファイル交換のフォルダーを使えません。" "The folder for file exchange cannot be used."
        "共有フォルダーの接続と権限を確かめてください。" "Look at the share's mount and its permissions.";
    243 EpochOld Fail LanVendor EpochOld
        "別の機器がこの機器の仕事を引き継いでいます。" "Another box has taken over this one's work."
        "この機器の電源を切ってください。" "Switch this box off.";
    244 RestoredUnconfirmed Warn LanVendor RestoredUnconfirmed
        "バックアップから戻した機器で、まだ確認されていません。" "This box was restored from a backup and is not confirmed yet."
        "元の機器が止まっていることを確かめ、engawa restore confirm を行ってください。" "See that the old box is off, then run engawa restore confirm.";
    245 BackupOld Warn LanVendor BackupOld
        "バックアップが2週間以上ありません。" "There has been no backup for two weeks or more."
        "engawa backup でとり、この機器とは別の場所にしまってください。" "Make one with engawa backup, and keep it away from this box.";
    246 RestoreUnfinished Fail LanVendor RestoreUnfinished
        "バックアップを戻す途中で止まっています。" "The restoring of a backup was cut short."
        "engawa restore をもう一度行ってください。" "Run engawa restore again.";
}

/// The table for `docs/check.md`.
#[must_use]
pub fn markdown() -> String {
    let mut table = String::from(
        "| no. | | who has to act | code | 日本語 | English | 次に | next |\n|---|---|---|---|---|---|---|---|\n",
    );
    for finding in Finding::ALL {
        let verdict = match finding.verdict() {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        table.push_str(&format!(
            "| {} | {verdict} | {} / {} | `{}` | {} | {} | {} | {} |\n",
            finding.number(),
            finding.who().ja(),
            finding.who().en(),
            finding.code(),
            finding.ja(),
            finding.en(),
            finding.next_ja(),
            finding.next_en()
        ));
    }
    table
}
