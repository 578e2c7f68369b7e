//! The table itself. Keep it sorted by room, then by name.

use super::{Blame, Retry};

macro_rules! catalogue {
    ($( $variant:ident $name:literal $status:literal $blame:ident $retry:ident $ja:literal $en:literal; )+) => {
        /// A failure's stable name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each variant is documented by its sentence in the table")]
        pub enum Code { $( $variant, )+ }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The name that travels on the wire and in logs, for example `HUB_UNREACHABLE`.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $( Self::$variant => $name, )+ } }

            /// The HTTP status under which the local endpoint reports it.
            #[must_use]
            pub const fn status(self) -> u16 { match self { $( Self::$variant => $status, )+ } }

            /// Who has to act.
            #[must_use]
            pub const fn blame(self) -> Blame { match self { $( Self::$variant => Blame::$blame, )+ } }

            /// Whether trying again helps.
            #[must_use]
            pub const fn retry(self) -> Retry { match self { $( Self::$variant => Retry::$retry, )+ } }

            /// What happened and what to do, in Japanese.
            #[must_use]
            pub const fn ja(self) -> &'static str { match self { $( Self::$variant => $ja, )+ } }

            /// What happened and what to do, in English.
            #[must_use]
            pub const fn en(self) -> &'static str { match self { $( Self::$variant => $en, )+ } }

            /// The code of that name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.name() == name)
            }
        }
    };
}

catalogue! {
    // The local endpoint: what a caller can get wrong.
    AuthMissing "AUTH_MISSING" 401 Caller AfterRemedy
        "APIキーがありません。Authorization: Bearer にキーを付けるか、ペアリングした端末から送ってください。"
        "No API key. Send it as Authorization: Bearer, or come from a paired terminal.";
    AuthInvalid "AUTH_INVALID" 401 Caller AfterRemedy
        "APIキーまたは端末の証明書・Cookieが正しくないか、取り消されています。管理者に新しいキーを求めるか、ペアリングをやり直してください。"
        "The API key, or the terminal's certificate or cookie, is wrong or revoked. Ask the administrator for a new key, or pair again.";
    AuthForbidden "AUTH_FORBIDDEN" 403 Caller AfterRemedy
        "このキーにはこの操作の権限がありません。権限のあるキーを使ってください。"
        "This key may not do that. Use a key with the right.";
    FacilityGone "FACILITY_GONE" 401 Operator AfterRemedy
        "この事業所は、この機器の設定にありません。キーと端末は使えず、待っている文書は送られません。管理者が facilities.d に設定を戻して再起動すれば、続きから動きます。"
        "This facility is not in the box's settings: its keys and terminals are refused, and what waits is not sent. Once its file is back in facilities.d and engawa has started anew, everything goes on.";
    FacilityUnknown "FACILITY_UNKNOWN" 400 Caller Never
        "その番号の事業所は、この機器にありません。番号（Engawa-Facility、--facility）を確かめてください。追加したばかりなら engawa を再起動します。"
        "This box serves no facility of that number. Check the number (Engawa-Facility, --facility); if it was just added, start engawa anew.";
    LoginRequired "LOGIN_REQUIRED" 401 Caller AfterRemedy
        "ログインが要ります。職員の利用者名とパスワードでログインしてください。"
        "Nobody is logged in here. Log in with a user and password of the staff.";
    LoginRefused "LOGIN_REFUSED" 401 Caller AfterRemedy
        "利用者名かパスワードが違うか、使えない利用者です。確かめるか、管理者に相談してください。"
        "User and password do not fit, or the account is shut. Check them, or ask the administrator.";
    LoginLocked "LOGIN_LOCKED" 429 Caller Later
        "間違いが続いたため、この端末ではしばらくログインできません。時間をおくか、別の端末を使ってください。"
        "After several wrong passwords, log-in is closed at this terminal for a while. Wait, or use another terminal.";
    PasswordOneTime "PASSWORD_ONE_TIME" 403 Caller AfterRemedy
        "一回限りのパスワードです。先に自分のパスワードに変えてください。"
        "This is a one-time password. Change it to one of your own first.";
    PasswordWeak "PASSWORD_WEAK" 422 Caller AfterRemedy
        "このパスワードは使えません。12字以上で、利用者名やよくある言葉でないものにしてください。"
        "This password is not taken. Use 12 signs or more, and neither the user's name nor a common word.";
    StaffExists "STAFF_EXISTS" 409 Caller AfterRemedy
        "その利用者名はもう使われています。別の名にしてください。"
        "That user exists already. Choose another one.";
    SessionNeedsBrowser "SESSION_NEEDS_BROWSER" 403 Caller Never
        "ログインは、登録されたブラウザー端末からだけできます。"
        "People log in from a paired browser only.";
    AuthAmbiguous "AUTH_AMBIGUOUS" 401 Caller AfterRemedy
        "証明書・Cookie・APIキーが別々の端末のものです。一つだけを使ってください。"
        "Certificate, cookie and API key are of different terminals. Use one of them alone.";
    KeyElsewhere "KEY_ELSEWHERE" 401 Caller AfterRemedy
        "許されていない場所からキーが使われました（記録だけに残り、相手には AUTH_INVALID と答えます）。心当たりがなければキーを取り消してください。"
        "A key was used from where it is not allowed. Stands in the trail only; whoever used it is told AUTH_INVALID. Revoke the key if nobody knows why.";
    TerminalDormant "TERMINAL_DORMANT" 403 Operator AfterRemedy
        "この端末は30日使われなかったため閉じています。管理者が engawa terminal reopen で開けてください。"
        "This terminal was not used for 30 days and is shut. The administrator opens it again: engawa terminal reopen.";
    TerminalCopied "TERMINAL_COPIED" 403 Operator AfterRemedy
        "この端末の証明書が複製されています（同じ証明書が二か所で更新されました）。端末を閉じました。端末を調べ、engawa terminal revoke で取り消してから、ペアリングをやり直してください。"
        "This terminal's certificate was copied: it was renewed in two places. The terminal is shut. Look into it, revoke it with `engawa terminal revoke`, and pair it anew.";
    TerminalCertificateExpired "TERMINAL_CERTIFICATE_EXPIRED" 401 Caller AfterRemedy
        "端末の証明書の期限が切れています。POST /v1/terminal/certificate で更新してください（7日以内）。過ぎたらペアリングをやり直します。"
        "The terminal's certificate has run out. Renew it with POST /v1/terminal/certificate within seven days; after that pair it again.";
    PairingRefused "PAIRING_REFUSED" 403 Caller AfterRemedy
        "コードが正しくないか、使われたか、時間が過ぎています。確かめて、だめなら管理者に新しいコードを求めてください。"
        "The code is wrong, used or late. Look at it again; otherwise ask the administrator for a new one.";
    PairingLocked "PAIRING_LOCKED" 429 Caller Later
        "間違ったコードが続いたため、この端末からのペアリングをしばらく止めています。Retry-After の秒数を待つか、別の端末で行ってください。"
        "Too many wrong codes came from this address. Wait for the seconds of Retry-After; other addresses are not locked.";
    PairingKind "PAIRING_KIND" 409 Caller Never
        "コードは合っていますが、端末の種類が窓口と違います。software には csr が要り、browser はこの機器の画面からHTTPSで、key は csr なしで求めます。コードはまだ使えます。"
        "The code is right, the kind of terminal is not that of the window: software needs a csr, a browser comes from the box's own page over HTTPS, a key comes without csr. The code is still good.";
    LanOff "LAN_OFF" 409 Operator AfterRemedy
        "LANで受け付けていないため、software と browser の端末はペアリングできません。設定 lan.listen と GET /v1/health の lan を確かめてください。"
        "The LAN is not listened to, so terminals of the kinds software and browser cannot be paired. See the setting lan.listen and lan in GET /v1/health.";
    PairingWindows "PAIRING_WINDOWS" 409 Caller Later
        "開いているペアリングの窓口が多すぎます。不要なものを閉じるか、10分待ってください。"
        "Too many pairing windows are open. Close some, or wait for ten minutes.";
    HostUnknown "HOST_UNKNOWN" 421 Caller Never
        "この機器の名前でもアドレスでもない宛先（Host）で届きました。証明書にある名前かアドレスで接続してください。別の名前を使うときは管理者が lan.names に加えます。"
        "The request names a Host that is not this box. Use a name or address of its certificate; the administrator can add names in lan.names.";
    OriginForeign "ORIGIN_FOREIGN" 403 Caller Never
        "別のサイトの画面（Origin）からの要求は受けません。この機器の画面から行ってください。許すサイトは管理者が lan.origins に書きます。"
        "Requests that another web site's page (Origin) sends are not taken. Use the box's own pages; the administrator lists other sites in lan.origins.";
    TooManyRequests "TOO_MANY_REQUESTS" 429 Caller Later
        "この端末からの要求が多すぎます。Retry-After の秒数を待ってから送ってください。"
        "Too many requests from this address. Wait for the seconds of Retry-After.";
    RequestNotFound "REQUEST_NOT_FOUND" 404 Caller Never
        "その番号または場所はありません。URLを確かめてください。"
        "There is nothing under that address. Check the URL.";
    RequestCsr "REQUEST_CSR" 422 Caller Never
        "証明書の発行要求（csr）を使えません。PKCS#10のPEMで、鍵はECDSA P-256・P-384、Ed25519、RSA 2048〜4096ビットのどれかにしてください。"
        "The request for a certificate (csr) cannot be used. Send PKCS#10 in PEM, with a key of ECDSA P-256 or P-384, Ed25519, or RSA of 2048 to 4096 bits.";
    RequestMethod "REQUEST_METHOD" 405 Caller Never
        "この場所ではそのメソッドは使えません。Allow ヘッダーを見てください。"
        "That method is not used here. See the Allow header.";
    RequestTooLarge "REQUEST_TOO_LARGE" 413 Caller Never
        "送られた内容が大きすぎます。添付を小さくしてください（基盤へ送る形で20 MiBまで）。"
        "The request is too large. Make the attachments smaller (20 MiB in the form sent to the hub).";
    RequestMediaType "REQUEST_MEDIA_TYPE" 415 Caller Never
        "この形式は受け付けません。application/json または multipart/form-data で送ってください。"
        "That media type is not accepted. Send application/json or multipart/form-data.";
    RequestMalformed "REQUEST_MALFORMED" 400 Caller Never
        "送られた内容を読み取れません。示した箇所を直してください。"
        "The request cannot be read. Correct the place named.";
    RequestTimeout "REQUEST_TIMEOUT" 408 Caller Later
        "送信が途中で止まりました。もう一度、同じ Idempotency-Key で送ってください。"
        "The request stalled. Send it again with the same Idempotency-Key.";
    CallerLeft "CALLER_LEFT" 408 Caller Never
        "答えを待たずに接続が切れました。始めた操作は終わっているかもしれません。続く記録を見てください。"
        "Whoever asked went away before the answer. What was begun may have been finished; see the records that follow.";
    IdempotencyKeyMissing "IDEMPOTENCY_KEY_MISSING" 400 Caller Never
        "Idempotency-Key ヘッダーが要ります。文書ごとに新しいUUIDなどを付けてください。"
        "An Idempotency-Key header is required. Give each document a new UUID or the like.";
    IdempotencyKeyInvalid "IDEMPOTENCY_KEY_INVALID" 400 Caller Never
        "Idempotency-Key は印字できるASCII文字で1〜128字です。"
        "An Idempotency-Key is 1 to 128 printable ASCII characters.";
    IdempotencyConflict "IDEMPOTENCY_CONFLICT" 409 Caller Never
        "同じ Idempotency-Key で別の内容がすでに受け付けられています。別の文書なら新しいキーで送ってください。"
        "Another document was accepted under the same Idempotency-Key. Use a new key for a new document.";
    CursorInvalid "CURSOR_INVALID" 400 Caller Never
        "続きの位置（cursor）が正しくありません。最初から取得してください。"
        "The cursor is not valid. Start again from the beginning.";
    OpinionInvalid "OPINION_INVALID" 422 Caller Never
        "主治医意見書に直すところがあります。errors の各箇所を直して送ってください。"
        "The opinion has errors. Correct each place in `errors` and send it again.";
    AttachmentInvalid "ATTACHMENT_INVALID" 422 Caller Never
        "添付はPDF・PNG・JPEGだけです。中身がそのどれでもありません。"
        "Attachments are PDF, PNG or JPEG. The content is none of them.";
    CareplanRefused "CAREPLAN_REFUSED" 422 Caller Never
        "ケアプランに直すところがあります。何も受け付けていません。errors の各箇所を直し、全部をもう一度送ってください。"
        "The care plans have errors, and none of them was taken. Correct each place in `errors` and send all of it again.";
    CareplanTwice "CAREPLAN_TWICE" 409 Caller Never
        "この事業所あての同じファイル連番のケアプランは、すでに受け付けています。何も受け付けていません。先の送信を確かめてください。内容を直したものなら、ソフトで新しいファイル連番を付けて出し直してください。"
        "A care plan with this stamp (ファイル連番) for this office has been taken before, and nothing was taken again. See the earlier submission. If it was corrected, write it again with a new stamp.";
    CareplanPending "CAREPLAN_PENDING" 409 Gateway Later
        "このケアプランは基盤から届く途中です。届いてから開いてください。"
        "This care plan is still on its way from the hub. Open it once it is here.";
    SubmissionState "SUBMISSION_STATE" 409 Caller Never
        "いまの状態ではその操作はできません。状態を見てください。"
        "That cannot be done in the present state. Look at the state.";
    SubmissionInFlight "SUBMISSION_IN_FLIGHT" 409 Caller Later
        "送信中、または結果を基盤に確かめているところです。結果が分かるまで、取消も再送もできません。"
        "It is being sent, or its outcome is being asked at the hub. Until that is known it can be neither cancelled nor sent again.";
    PaperTooLate "PAPER_TOO_LATE" 409 Caller Never
        "基盤がすでに受け付けているかもしれないため、紙にはできません。介護WEBサービスで送信済みかを確かめ、なければ再送（retry）、あれば取消（cancel）を選んでください。"
        "The hub may have it, so it cannot go on paper. Look in the hub's browser service; then retry if it is not there, or cancel if it is.";

    // Why a submission waits, or how it ended.
    WaitTurn "WAIT_TURN" 200 Gateway Automatic
        "送信の順番を待っています。何もする必要はありません。"
        "Waiting for its turn. Nothing needs doing.";
    WaitEarlier "WAIT_EARLIER" 200 Gateway Automatic
        "同じ事業所への先の送信が終わるのを待っています。先のものが取り置きなら、その案内に従ってください。"
        "Waiting for an earlier sending to the same office to be finished. If that one is held, follow what it says.";
    CancelledByCaller "CANCELLED_BY_CALLER" 200 Caller Never
        "送信元の求めで取り消しました。"
        "Cancelled at the sender's request.";
    RetriedByCaller "RETRIED_BY_CALLER" 200 Caller Automatic
        "送信元の求めで、もう一度送ります。"
        "Sent again at the sender's request.";
    OutcomeUnknown "OUTCOME_UNKNOWN" 502 Hub Automatic
        "送信の答えが届きませんでした。二重に出さないよう、基盤に結果を確かめています。"
        "The answer was lost. The hub is being asked what became of it, so that nothing is filed twice.";
    OutcomeUnaskable "OUTCOME_UNASKABLE" 502 Hub AfterRemedy
        "送信の結果が不明で、基盤に確かめる手段がありません。介護WEBサービスの画面か市町村で受理を確かめ、未受理なら再送、受理済みなら取消を選んでください。"
        "The outcome is unknown and this hub cannot be asked. Check in the browser or with the municipality; then retry if it is not there, or cancel if it is.";
    SubmissionDamaged "SUBMISSION_DAMAGED" 500 Gateway AfterRemedy
        "保存された文書が壊れていて送れません。原本を新しいキーで送り直し、導入業者に知らせてください。"
        "The stored document is damaged and cannot be sent. Send the original again under a new key and tell the vendor.";
    AttemptsExhausted "ATTEMPTS_EXHAUSTED" 502 Hub AfterRemedy
        "何度も失敗したため、ほかの文書を止めないよう取り置きました。理由を確かめ、直ったら再送を選んでください。"
        "It failed many times and was set aside so that others go on. See the reason; retry once it is put right.";

    // Cards, readers and sessions.
    ApduRefused "APDU_REFUSED" 403 Caller Never
        "このカード命令は許されていません（暗証番号・マイナンバー・別の応用へのアクセスなど）。命令を見直してください。"
        "This card command is not permitted (PINs, the My Number, a card application that is kept shut). Change the command.";
    CardAbsent "CARD_ABSENT" 409 Card AfterRemedy
        "カードがありません。カードをリーダーに置いてください。"
        "There is no card. Put the card on the reader.";
    CardAnswerInvalid "CARD_ANSWER_INVALID" 502 Card AfterRemedy
        "カードの答えが正しくありません。カードを入れ直してください。"
        "The card's answer is not sound. Take the card out and put it in again.";
    CardBusy "CARD_BUSY" 409 Caller Later
        "リーダーはほかの端末が使っています。待つ（wait_s）か、別のリーダーを選んでください。"
        "Another terminal uses the reader. Wait (`wait_s`) or choose another reader.";
    CardCertificateExpired "CARD_CERTIFICATE_EXPIRED" 422 Card AfterRemedy
        "カードの電子証明書の期限が切れています。市区町村の窓口で更新してもらい、今回は書類で確認してください。"
        "The card's certificate has expired. It is renewed at the municipality; identify by documents this time.";
    CardCertificateRefused "CARD_CERTIFICATE_REFUSED" 422 Card AfterRemedy
        "基盤がカードの電子証明書を認めません（失効など）。市区町村の窓口で確かめてもらい、今回は書類で確認してください。"
        "The hub does not accept the card's certificate (revoked, for example). The municipality can tell; identify by documents this time.";
    CardHeldElsewhere "CARD_HELD_ELSEWHERE" 503 Operator Later
        "同じ機器のほかのソフトがリーダーを離しません。そのソフトを閉じてください。"
        "Another program on this box holds the reader. Close that program.";
    CardLeft "CARD_LEFT" 409 Card AfterRemedy
        "前の方のカードが残っています。カードを取り出し、ご本人のカードを置いてください。"
        "The card of whoever was here before is still there. Take it out and put the person's own card on the reader.";
    CardMute "CARD_MUTE" 504 Card AfterRemedy
        "カードが答えません。カードを入れ直してください。"
        "The card does not answer. Take the card out and put it in again.";
    CardOutcomeUnknown "CARD_OUTCOME_UNKNOWN" 502 Card AfterRemedy
        "暗証番号を確かめている間にカードが離れました。1回分減った可能性があります。カードを入れ直し、残り回数を確かめてください。"
        "The card was lost while the PIN was being checked; one try may be spent. Put the card in again and look at the tries left.";
    CardPinBlocked "CARD_PIN_BLOCKED" 409 Card AfterRemedy
        "暗証番号がロックされています。市区町村の窓口で解除してもらい、今回は目視か書類で確認してください。"
        "The PIN is blocked. The municipality unblocks it; identify visually or by documents this time.";
    CardPinFloor "CARD_PIN_FLOOR" 409 Caller AfterRemedy
        "暗証番号の残り回数がわずかです。カードには送っていません。本人に確かめ、承知のうえで続けるか、目視に替えてください。"
        "Few PIN tries are left, so nothing was sent to the card. Ask the person; go on knowingly, or identify visually.";
    CardPinFormat "CARD_PIN_FORMAT" 422 Caller Never
        "暗証番号は数字4桁です。カードには送っていません。入れ直してください。"
        "The PIN is four digits. Nothing was sent to the card. Enter it again.";
    CardPinWrong "CARD_PIN_WRONG" 422 Caller AfterRemedy
        "暗証番号が違います。残り回数を見て、本人に確かめてから入れ直してください。"
        "The PIN is wrong. See the tries left and ask the person before entering it again.";
    CardRemoved "CARD_REMOVED" 409 Card AfterRemedy
        "カードが離れました。カードを入れ直し、はじめからやり直してください。"
        "The card was taken away. Put it in again and start anew.";
    CardReset "CARD_RESET" 409 Card Later
        "ほかのソフトがカードを初期化しました。もう一度行ってください。"
        "Another program reset the card. Do it once more.";
    CardSignatureInvalid "CARD_SIGNATURE_INVALID" 502 Card AfterRemedy
        "カードの署名が証明書と合いません。カードを入れ直し、続くときは目視か書類で確認してください。"
        "The card's signature does not match its certificate. Put the card in again; if it stays so, identify visually or by documents.";
    CardUnsupported "CARD_UNSUPPORTED" 422 Card AfterRemedy
        "このカードはマイナンバーカードとして使えません。カードの種類を確かめてください。"
        "This card cannot be used as a My Number card. Check what kind of card it is.";
    CardWithoutPin "CARD_WITHOUT_PIN" 409 Card AfterRemedy
        "暗証番号のないカード（顔認証マイナンバーカード）です。目視で確認してください。"
        "This card has no PIN (顔認証マイナンバーカード). Identify the person visually.";
    CardsDisabled "CARDS_DISABLED" 503 Operator AfterRemedy
        "この機器ではカードリーダーを使わない設定です（cards.enabled）。使うときは設定を true にして再起動してください。"
        "Card readers are switched off on this box (`cards.enabled`). To use them, set it to true and restart engawa.";
    ChallengeSpent "CHALLENGE_SPENT" 409 Hub Later
        "基盤の確認の期限が切れました。もう一度はじめから行ってください。正しい暗証番号は回数を減らしません。"
        "The hub's challenge has run out. Do it once more from the beginning; a right PIN costs no try.";
    PcscDown "PCSC_DOWN" 503 Operator Later
        "カードリーダーのサービス（pcscd）が動いていません。自動で戻るのを待つか、pcscdを再起動してください。"
        "The card reader service (pcscd) is not running. Wait for it to come back, or restart pcscd.";
    PersonUnknown "PERSON_UNKNOWN" 422 Caller AfterRemedy
        "その番号の被保険者は基盤に見つかりません。保険者番号と被保険者番号を書類で確かめてください。"
        "The hub knows nobody insured under these numbers. Check both numbers on the document.";
    ReaderAbsent "READER_ABSENT" 404 Operator AfterRemedy
        "そのリーダーはありません。リーダーのUSBを差し直し、名前を確かめてください。"
        "There is no such reader. Plug the reader in again and check its name.";
    ReaderDegraded "READER_DEGRADED" 503 Operator Later
        "リーダーが止まっています。カードを取り出し、だめならリーダーのUSBを差し直してください。"
        "The reader is stuck. Take the card out; if that does not help, plug the reader in again.";
    SessionBusy "SESSION_BUSY" 409 Caller Later
        "このセッションは前の操作の途中です。終わってから送ってください。"
        "An operation of this session is under way. Wait until it has ended.";
    SessionEnded "SESSION_ENDED" 410 Caller AfterRemedy
        "カードのセッションは終わっています。新しいセッションを始めてください。"
        "The card session has ended. Start a new one.";
    SessionQueueFull "SESSION_QUEUE_FULL" 429 Caller Later
        "カードの順番待ちがいっぱいです。少し待ってから求めてください。"
        "Too many are waiting for a card reader. Wait a moment and ask again.";
    SessionTooMany "SESSION_TOO_MANY" 429 Caller AfterRemedy
        "この端末のカードのセッションが多すぎます。使っていないセッションを先に閉じてください。"
        "This terminal has too many card sessions. Close those it no longer uses first.";
    SessionUnknown "SESSION_UNKNOWN" 404 Caller AfterRemedy
        "そのカードのセッションはありません（ずっと前に終わったか、ゲートウェイが再起動しました）。新しいセッションを始めてください。"
        "There is no such card session: it ended long ago, or the gateway was restarted. Start a new one.";
    SessionWaiting "SESSION_WAITING" 409 Caller Later
        "まだ順番を待っています。順番が来てから操作してください。"
        "The session is still waiting for its turn. Act once it has been granted.";

    WitnessesRefused "WITNESSES_REFUSED" 422 Caller AfterRemedy
        "確認した職員2名を基盤が認めません。この事業所の別々の職員の利用者IDを2つ示してください。"
        "The hub does not accept the two witnesses. Name two different members of this facility's staff by their user ids.";

    // The hub and the line.
    HubUnreachable "HUB_UNREACHABLE" 502 Hub Automatic
        "基盤につながりません。回線かルーターを確かめてください。つながれば自動で送ります。"
        "The hub cannot be reached. Check the line or router. It is sent by itself once the line is back.";
    HubTimeout "HUB_TIMEOUT" 504 Hub Automatic
        "基盤から時間内に答えがありません。自動で続けます。"
        "The hub did not answer in time. It goes on by itself.";
    HubBusy "HUB_BUSY" 503 Hub Automatic
        "基盤が混み合っています。基盤の指定した時刻に自動で送ります。"
        "The hub is busy. It is sent by itself at the time the hub named.";
    HubTrouble "HUB_TROUBLE" 502 Hub Automatic
        "基盤に一時的な障害があります。自動で送り直します。"
        "The hub has temporary trouble. It is sent again by itself.";
    HubNonsense "HUB_NONSENSE" 502 Hub Automatic
        "基盤の約束と違う答えが返りました（途中の機器の画面など）。受理とはみなさず、基盤に確かめます。"
        "The answer was not the hub's agreed form (a proxy's page, for example). It is not taken as success; the hub is asked.";
    HubRefused "HUB_REFUSED" 422 Caller Never
        "基盤が内容を受け付けませんでした。示された項目を直し、新しいキーで送ってください。"
        "The hub refused the content. Correct the item named and send it under a new key.";
    HubNotPermitted "HUB_NOT_PERMITTED" 403 Operator Never
        "この職種またはサービス種類では送れません。利用者IDの職種を確かめてください。"
        "This job or service kind may not send it. Check the job kind of the user id.";
    HubNoConsent "HUB_NO_CONSENT" 403 Caller Never
        "本人の同意の記録がありません。介護WEBサービスで同意を得てから、新しいキーで送ってください。"
        "There is no consent of this person for the facility. Obtain it in the hub's browser service, then send under a new key.";
    HubInsurerNotLive "HUB_INSURER_NOT_LIVE" 409 Hub Automatic
        "この保険者（市町村）はまだ基盤を使っていません。開始日に自動で送ります。急ぐとき、ケアプランは「紙（paper）」を選び、ほかの文書は取り消してから紙で出してください。"
        "This insurer is not on the hub yet. It is sent by itself from the day it starts. If it is urgent: choose paper for a care plan; cancel any other document here, then file it on paper.";
    HubRecipientAbsent "HUB_RECIPIENT_ABSENT" 409 Hub Never
        "送付先は基盤に参加していません。ケアプランを紙で送ると決めたら「紙（paper）」を選んでください。ほかの文書は紙で出してください。"
        "The recipient does not take part in the hub. If a care plan is to go on paper, choose paper for it here; file any other document on paper.";
    HubArrivalGone "HUB_ARRIVAL_GONE" 410 Hub Never
        "基盤が知らせた受信ケアプランが、基盤にもうありません。送信元の事業所に送り直しを頼んでください。"
        "The hub announced a care plan that it no longer has. Ask the office that sent it to send it again.";
    CareplanUnreadable "CAREPLAN_UNREADABLE" 422 Hub Never
        "受信したケアプランは標準仕様の形でなく、CSVにできません。届いた内容はそのまま保存してあります。送信元の事業所に確かめてください。"
        "The care plan received is not in the standard's form and cannot become CSV. It is kept as it came. Ask the office that sent it.";
    HubNotOffered "HUB_NOT_OFFERED" 501 Hub AfterRemedy
        "いまの基盤にはこの機能がありません。介護WEBサービスの画面か紙で行ってください。"
        "This hub does not offer that. Do it in the hub's browser service or on paper.";
    HubLoginRefused "HUB_LOGIN_REFUSED" 502 Operator AfterRemedy
        "基盤が利用者IDかパスワードを拒みました。ロックを避けるため再試行しません。パスワードファイルを直して再読込（systemdのクレデンシャルなら再起動）してください。"
        "The hub refused the user id or password. It is not tried again, to avoid a lock. Correct the password file and reload engawa; restart it if the password is a systemd credential.";
    HubAccountLocked "HUB_ACCOUNT_LOCKED" 502 Operator Automatic
        "基盤の利用者IDがロックされています。解除の時刻まで待ちます。急ぐときは事業所の管理者が解除してください。"
        "The hub account is locked. engawa waits until the time named; the facility's administrator can unlock it sooner.";
    HubLoginCautious "HUB_LOGIN_CAUTIOUS" 502 Gateway Automatic
        "前回のログインの結果が分からないか、違うパスワードが続いたため、ロックを避けて間を置いています。職員のパスワードが24時間に2回拒まれたときだけは、本人が介護WEBサービスにログインできた後、管理者が一日一回 engawa staff hub-try で早められます。"
        "The outcome of the last logins is not known, or wrong passwords were given; engawa waits before the next one to avoid a lock. Only where the hub refused two passwords of a member of staff within a day can an administrator cut it short, once a day, with engawa staff hub-try when the person has logged in at the hub's browser service.";
    HubPasswordNeeded "HUB_PASSWORD_NEEDED" 409 Caller AfterRemedy
        "この文書は職員本人として送りますが、本人の基盤のパスワードがありません。本人がブラウザーでログインしてパスワードを入れる（PUT /v1/session/hub）と送ります。本人が退職したなら、管理者が事業所として送る（as-facility）か、取り消してください。"
        "This goes out as the person who handed it in, whose password for the hub is not there. It goes once that person logs in at a browser and gives it (PUT /v1/session/hub). If the person has left, an administrator sends it as the facility (as-facility), or it is cancelled.";
    HubPasswordRefused "HUB_PASSWORD_REFUSED" 409 Caller AfterRemedy
        "基盤がこの職員の利用者IDかパスワードを拒みました。ロックを避けるため同じものは二度と送りません。本人が正しいものを入れてください（PUT /v1/session/hub）。ほかの人の文書は送り続けます。"
        "The hub refused this person's user id or password. The same is never sent again, to avoid a lock. The person gives the right ones (PUT /v1/session/hub). Other people's documents go on.";
    HubTrySpent "HUB_TRY_SPENT" 409 Operator AfterRemedy
        "この職員には、基盤のパスワードをもう一度試す許しを、この24時間のうちに出してあります。基盤のロックを避けるため、次は1日待ってください。急ぐ文書は、管理者が事業所として送れます（as-facility）。"
        "This person was given another try at the hub within the last 24 hours. So that the hub locks nobody out, the next has to wait for a day. What is urgent an administrator can send as the facility (as-facility).";
    HubRoleDiffers "HUB_ROLE_DIFFERS" 200 Operator AfterRemedy
        "基盤での職種が、この職員の役割と違います。送れますが、職種で断られることがあります。基盤の利用者IDか、engawa の役割を確かめてください。"
        "The hub knows this person under another job kind than the role here. Documents go out, though the hub may refuse some for it. Check the user id at the hub, or the role.";
    HubStaffLoginOff "HUB_STAFF_LOGIN_OFF" 409 Operator AfterRemedy
        "この事業所では、すべて事業所の利用者として送る設定です（hub.staff_login）。職員のパスワードは要りません。"
        "Here everything goes out as the facility's user (hub.staff_login). No password of a person is wanted.";
    HubUserTaken "HUB_USER_TAKEN" 409 Caller AfterRemedy
        "その基盤の利用者IDは、ほかの職員か事業所が使っています。自分のIDを確かめ、違うなら管理者に直してもらってください。"
        "That user id at the hub is another account's, or the facility's own. Check it; if it is yours, ask the administrator to correct the other one.";
    HubCertificateWrongKind "HUB_CERTIFICATE_WRONG_KIND" 502 Operator AfterRemedy
        "基盤が証明書の種類を拒みました（オンライン請求用ではありませんか）。意見書を送る医療機関は基盤用の医療機関証明書（iryo）、介護の事業所は介護用の証明書を入れてください。"
        "The hub refused the kind of certificate (an online-claim one?). A clinic needs its clinic certificate for the hub (iryo) to send opinions, a care office its care certificate. Install that one.";
    HubCaUnreadable "HUB_CA_UNREADABLE" 503 Operator AfterRemedy
        "基盤のCA証明書のファイルを読めません。配布された証明書（PEM）を設定の場所に置いてください。"
        "The hub's CA file cannot be read. Put the certificate handed out (PEM) where the settings say.";
    HubServerUntrusted "HUB_SERVER_UNTRUSTED" 502 Operator AfterRemedy
        "接続先が基盤と確かめられません。途中の機器が通信をのぞいていないか、接続先とCAの設定を確かめてください。"
        "The server is not provably the hub. Check for a device that intercepts TLS, and the address and CA settings.";

    // The facility's certificate, key and secrets.
    CertificateMissing "CERTIFICATE_MISSING" 503 Operator AfterRemedy
        "事業所の証明書がありません。ダウンロードした証明書を設定の場所に置いてください。"
        "The facility's certificate is missing. Put the downloaded file where the settings say.";
    CertificateUnreadable "CERTIFICATE_UNREADABLE" 503 Operator AfterRemedy
        "事業所の証明書を開けません。証明書のパスワードとファイルを確かめてください。"
        "The facility's certificate cannot be opened. Check its passphrase and file.";
    CertificateExpired "CERTIFICATE_EXPIRED" 503 Operator AfterRemedy
        "事業所の証明書の期限が切れています。電子請求受付システムで新しい証明書を申請してください。"
        "The facility's certificate has expired. Apply for a new one in the claim reception system.";
    CertificateNotYetValid "CERTIFICATE_NOT_YET_VALID" 503 Operator AfterRemedy
        "事業所の証明書はまだ有効期間前です。この機器の日付を確かめてください。"
        "The facility's certificate is not valid yet. Check this box's date.";
    CertificateWrongKind "CERTIFICATE_WRONG_KIND" 503 Operator AfterRemedy
        "この証明書の種類では基盤につながりません。意見書を送る医療機関は医療機関証明書（iryo）、介護の事業所は介護保険証明書または介護DX証明書を入れてください。"
        "This kind of certificate does not open the hub. A clinic needs its clinic certificate (iryo) to send opinions, a care office its care-insurance or 介護DX certificate. Install that one.";
    CertificateWrongFacility "CERTIFICATE_WRONG_FACILITY" 503 Operator AfterRemedy
        "証明書の事業所番号が設定と違います。この事業所の証明書を入れてください。"
        "The certificate belongs to another facility. Install this facility's own.";
    CertificateExpiring "CERTIFICATE_EXPIRING" 200 Operator Automatic
        "事業所の証明書の期限が近づいています。早めに更新を申請してください。"
        "The facility's certificate expires soon. Apply for renewal early.";
    AuthorityUnusable "AUTHORITY_UNUSABLE" 503 Operator AfterRemedy
        "この機器の認証局（保存場所の authority.pem と authority.key）を使えません。二つをバックアップから戻してください。作り直すと全端末のペアリングをやり直すことになるため、自動では作りません。"
        "The box's own certificate authority (authority.pem and authority.key in the state directory) cannot be used. Put both back from the backup. It is not made anew by itself, because every terminal would have to be paired again.";
    LanPort "LAN_PORT" 503 Operator Automatic
        "LANのポート（lan.listen）を開けません。ほかのプログラムが使っていないか、番号が正しいかを確かめてください。開けるまで試し続けます。この機器の中からは使えます。"
        "A port for the LAN (lan.listen) cannot be opened. See whether another program has it, and whether its number is right. It is tried again until it opens; on the box itself everything goes on.";
    LanCertificate "LAN_CERTIFICATE" 503 Operator AfterRemedy
        "LAN用の証明書（lan.certificate_file）を使えないか、期限が切れる30日前を過ぎています。新しい証明書と秘密鍵を置いて再読込してください。"
        "The certificate for the LAN (lan.certificate_file) cannot be used, or has less than 30 days left. Put a new one in place with its key, and reload.";
    SecretMissing "SECRET_MISSING" 503 Operator AfterRemedy
        "パスワードまたは鍵のファイルを読めません。設定のファイルと権限を確かめてください。"
        "A password or key file cannot be read. Check the file named in the settings and its permissions.";
    MasterKeyMissing "MASTER_KEY_MISSING" 503 Operator AfterRemedy
        "保存済みの文書を開く鍵がありません。鍵ファイルを元に戻してください。新しい鍵は作りません。"
        "The key that opens the stored documents is missing. Put it back; no new one is made.";
    MasterKeyReadOnly "MASTER_KEY_READ_ONLY" 409 Operator AfterRemedy
        "マスターキーのファイルにはengawaから書けません（systemdのクレデンシャルなど）。キーは変わっていません。docs/backup.md の「書けない場所の鍵」のコマンドを行い、engawaを再起動してください。"
        "engawa may not write where the master key comes from (a systemd credential, say), and nothing was changed. Run the commands under \"A key that engawa may not write\" in docs/backup.md, and restart engawa.";
    MasterKeyNeeded "MASTER_KEY_NEEDED" 409 Operator Later
        "古いマスターキーで保存したものがまだあるため、外せません。engawa master-key status が件数と期限を示します。"
        "What lies in the store still needs the old master keys, so none was taken out. `engawa master-key status` tells how much, and until when.";
    MasterKeyTokenAbsent "MASTER_KEY_TOKEN_ABSENT" 503 Operator AfterRemedy
        "マスターキーを開くトークンがありません。トークンを差し、設定 state.master_key_token のモジュールと名前を確かめてください。差せば自動で起動します。"
        "The token that opens the master keys is not there. Plug it in, and check module and names in state.master_key_token. engawa starts by itself once it is there.";
    MasterKeyTokenPin "MASTER_KEY_TOKEN_PIN" 503 Operator AfterRemedy
        "トークンがPINを拒んだか、あと1回でロックされます。ロックを避けるため再試行しません。state.master_key_pin_file を直し、要ればトークンの道具でPINを解除してから起動してください。"
        "The token refused the PIN, or one more wrong one would lock it. It is not tried again. Correct state.master_key_pin_file, reset the PIN with the token's own tool if need be, then start engawa.";
    MasterKeyTokenKey "MASTER_KEY_TOKEN_KEY" 503 Operator AfterRemedy
        "トークンとマスターキーのファイルが合いません（別のトークン、鍵の名前違い、ファイルがまだ包まれていない、または設定 state.master_key_token がない）。新しく使い始めるときは engawa master-key init-token を行ってください。"
        "Token and master key file do not belong together: another token, another key's name, a file that is not wrapped yet, or no state.master_key_token in the settings. To begin with a token, run `engawa master-key init-token`.";

    // Backup, and another box.
    BackupKeyMissing "BACKUP_KEY_MISSING" 409 Operator AfterRemedy
        "復旧キーがまだありません。engawa backup init で作り、表示された紙を金庫などにしまってください。"
        "There is no recovery key yet. Make one with `engawa backup init`, and put the sheet that it prints into the safe.";
    BackupKeyPresent "BACKUP_KEY_PRESENT" 409 Operator Never
        "復旧キーはもうあります。失くしたときは engawa backup init --replace で作り直してください（先のバックアップは先のキーで開きます）。"
        "There is a recovery key already. If it is lost, make another with `engawa backup init --replace`; earlier backups open with the earlier key.";
    BackupKeyWrong "BACKUP_KEY_WRONG" 422 Operator AfterRemedy
        "復旧キーが正しくないか、このバックアップのものではありません。紙の文字を一字ずつ確かめてください。"
        "The recovery key is mistyped, or it is not the one of this backup. Compare it with the sheet, letter by letter.";
    BackupOld "BACKUP_OLD" 503 Operator AfterRemedy
        "バックアップが2週間以上ありません。engawa backup でとり、別の場所にしまってください。"
        "There has been no backup for two weeks or more. Make one with `engawa backup`, and keep it elsewhere.";
    BackupUnusable "BACKUP_UNUSABLE" 422 Operator AfterRemedy
        "このファイルは最後まで揃ったengawaのバックアップではありません。何も戻していません。別のバックアップを使ってください。"
        "The file is not a whole backup of engawa, and nothing was put in place. Use another backup.";
    BackupSignature "BACKUP_SIGNATURE" 422 Operator AfterRemedy
        "このバックアップは、紙に書かれた機器が署名したものではありません。何も戻していません。出所を確かめ、紙の「signed by」の値を --signed-by に付けてください。"
        "The backup is not signed by the box that the sheet names, and nothing was put in place. Find out where it comes from; give the sheet's `signed by` as --signed-by.";
    RestoreNotEmpty "RESTORE_NOT_EMPTY" 409 Operator AfterRemedy
        "保存場所が空ではありません。空の場所にだけ戻せます。先の内容は消さずに別の場所へ移してください。"
        "The state directory is not empty, and a backup is restored into an empty one only. Move what is there elsewhere; do not delete it.";
    RestoreUnfinished "RESTORE_UNFINISHED" 503 Operator AfterRemedy
        "バックアップを戻す途中で止まっています。engawa restore をもう一度行ってください。"
        "The restoring of a backup was cut short. Run `engawa restore` again.";
    RestoredUnconfirmed "RESTORED_UNCONFIRMED" 503 Operator AfterRemedy
        "バックアップから戻した機器です。文書は受け付けますが、まだ何も送りません。元の機器が止まっていること、バックアップの後に取り消した文書や紙で出した文書がないことを確かめ、engawa restore confirm を行ってください。"
        "This box was restored from a backup. It takes documents and sends none yet. Make sure that the old box is off and that nothing was withdrawn or filed on paper after the backup, then run `engawa restore confirm`.";
    EpochOld "EPOCH_OLD" 503 Operator AfterRemedy
        "別の機器がこの機器の仕事を引き継いでいます。この機器からは何も送りません。新しい機器を使い、この機器は止めてください。引き継いだ機器がないと確かめられたときだけ engawa restore confirm --old-box を行ってください。"
        "Another box has taken this one's work over, so this one sends nothing. Use the new box and switch this one off. Only if you are certain that there is no other, run `engawa restore confirm --old-box`.";
    ConfirmationWrong "CONFIRMATION_WRONG" 409 Caller Never
        "いま確認を待っている事柄ではありません。/v1/health の理由を確かめてください。"
        "That is not what waits for a confirmation. Look at the reason in /v1/health.";

    // The box.
    ExchangeFolder "EXCHANGE_FOLDER" 503 Operator AfterRemedy
        "ファイル交換のフォルダー（exchange.directory）を使えません。共有がつながっているか、読み書きの権限があるかを確かめてください。直るとそのまま続きます。"
        "The exchange folder (exchange.directory) cannot be used. Check that the share is connected and that engawa may read and write there. Work goes on by itself once it can be.";
    ConfigInvalid "CONFIG_INVALID" 503 Operator AfterRemedy
        "設定に誤りがあります。engawa check の示す行を直してください。"
        "The settings have errors. Correct the lines that `engawa check` names.";
    CodeTablesInvalid "CODE_TABLES_INVALID" 503 Operator AfterRemedy
        "ケアプランのコード表（careplans.code_tables）を読めません。示された行を直すか、設定を空にして内蔵の表を使ってください。"
        "The code tables of care plans (careplans.code_tables) cannot be used. Correct the line named, or leave the setting empty for the built-in tables.";
    ClockWrong "CLOCK_WRONG" 503 Operator AfterRemedy
        "この機器の時計が、基盤の時計と1時間以上違うか、前に確かめた時刻より遅れています。期限は前に確かめた時刻で判断しています。時計（NTP）を直してください。"
        "This box's clock differs from the hub's by more than an hour, or is behind a time that the hub had confirmed. Ends are judged by the confirmed time. Correct the clock (NTP).";
    StateLocked "STATE_LOCKED" 503 Operator AfterRemedy
        "別のengawaが同じ保存場所を使っています。片方を止めてください。"
        "Another engawa uses the same state directory. Stop one of them.";
    StateOwner "STATE_OWNER" 503 Operator AfterRemedy
        "保存場所は別の利用者のものです。engawaのサービスを動かす利用者で実行してください（sudo -u engawa …）。"
        "The state directory belongs to another user. Run this as the user of the service (sudo -u engawa …).";
    StorageFull "STORAGE_FULL" 507 Operator Later
        "保存場所の空きが足りません。受付済みの送信は続けます。空きができるまで新しい文書は受け付けません。"
        "Storage is nearly full. Accepted documents still go out; new ones are refused until there is room.";
    StorageReadOnly "STORAGE_READ_ONLY" 503 Operator AfterRemedy
        "保存場所に書き込めません（読み取り専用）。導入業者に連絡してください。受付済みの文書はそのまま残っています。"
        "Storage is read-only. Call the vendor. Accepted documents are still there.";
    StorageBroken "STORAGE_BROKEN" 503 Operator AfterRemedy
        "保存場所またはデータベースに異常があります。電源を切らず導入業者に連絡してください。受け付けは止めています。"
        "Storage or the database is faulty. Do not switch off; call the vendor. Nothing new is accepted.";
    TrailUnavailable "TRAIL_UNAVAILABLE" 503 Operator Later
        "操作の記録が書けないため、結果をお見せできません。保存場所の空きと状態を確かめてください。操作そのものは行われている場合があります。"
        "The answer cannot be given, because the act could not be recorded. See to the storage. The act itself may have been done.";
    GatewayBusy "GATEWAY_BUSY" 503 Gateway Later
        "engawaが混み合っています。少し待って同じ内容で送ってください。"
        "engawa is busy. Wait a moment and send the same again.";
    GatewayStopping "GATEWAY_STOPPING" 503 Gateway Later
        "engawaは停止中です。少し待って同じ内容で送ってください。"
        "engawa is stopping. Wait a moment and send the same again.";
    GatewayInternal "GATEWAY_INTERNAL" 500 Gateway Later
        "engawaの内部で問題が起きました。照会番号を添えて導入業者に知らせてください。"
        "Something went wrong inside engawa. Tell the vendor the correlation id.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| serde::de::Error::custom("not a code of the catalogue"))
    }
}
