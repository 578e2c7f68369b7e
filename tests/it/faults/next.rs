//! What a sender can be told to do, word for word.

/// A next step in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) ja: &'static str,
    pub(super) en: &'static str,
}

pub(super) const NOTHING: Next = Next {
    ja: "自動で送ります。することはありません。",
    en: "It is sent by itself. Nothing needs doing.",
};

pub(super) const LINE: Next = Next {
    ja: "つながれば自動で送ります。長く続くときは回線とルーターを確かめてください。",
    en: "It is sent by itself once the hub can be reached. If this lasts, check line and router.",
};

pub(super) const ADMINISTRATOR: Next = Next {
    ja: "管理者に理由を伝えてください。直れば自動で送ります。",
    en: "Tell the administrator the reason. It is sent by itself once that is put right.",
};

pub(super) const NOT_OFFERED: Next = Next {
    ja: "基盤が対応すれば自動で送ります。ほかの方法で出すときは、先にここで取り消して（cancel）ください。",
    en: "It is sent by itself once the hub offers it. Before you file it by other means, cancel it here.",
};

pub(super) const SENDING: Next =
    Next { ja: "送信中です。お待ちください。", en: "It is being sent. Wait." };

pub(super) const ASKED: Next = Next {
    ja: "基盤に結果を確かめています。別に送り直さないでください。",
    en: "The hub is being asked what became of it. Do not file it again by other means.",
};

pub(super) const NOT_LIVE: Next = Next {
    ja: "etaの日時に自動で送ります。紙で出すときは、先にここで取り消して（cancel）ください。",
    en: "It is sent by itself at the time in eta. Before you file it on paper, cancel it here.",
};

pub(super) const CHOOSE: Next = Next {
    ja: "理由の文に従って直してから、再送（retry）か取消（cancel）を選んでください。",
    en: "Follow the sentence of the reason, then choose retry or cancel.",
};

pub(super) const CORRECT: Next = Next {
    ja: "hub_errorsの項目を直し、新しい Idempotency-Key で送ってください。",
    en: "Correct what hub_errors names and send it under a new Idempotency-Key.",
};

pub(super) const JOB_KIND: Next = Next {
    ja: "管理者に利用者IDの職種を確かめてもらい、直してから新しい Idempotency-Key で送ってください。",
    en: "Have the administrator check the job kind of the user id, then send it under a new Idempotency-Key.",
};

pub(super) const CONSENT: Next = Next {
    ja: "本人の同意を得てから、新しい Idempotency-Key で送ってください。",
    en: "Obtain the person's consent, then send it under a new Idempotency-Key.",
};

pub(super) const PAPER: Next = Next { ja: "紙で出してください。", en: "File it on paper." };

pub(super) const DELIVERED: Next = Next {
    ja: "基盤が受け付けました。市町村の受理を待ちます。することはありません。",
    en: "The hub has it. The municipality's acceptance is awaited; nothing needs doing.",
};

pub(super) const PLAN_ADMINISTRATOR: Next = Next {
    ja: "管理者に理由を伝えてください。直れば自動で送ります。待てないときは紙（paper）を選んでください。",
    en: "Tell the administrator the reason. It is sent by itself once that is put right. If it cannot wait, choose paper.",
};

pub(super) const PLAN_NOT_OFFERED: Next = Next {
    ja: "基盤が対応すれば自動で送ります。待てないときは紙（paper）を選んでください。",
    en: "It is sent by itself once the hub offers it. If it cannot wait, choose paper.",
};

pub(super) const PLAN_ASKED: Next = Next {
    ja: "基盤に結果を確かめています。紙で送ったり、別に送り直したりしないでください。",
    en: "The hub is being asked what became of it. Do not send it on paper or again by other means.",
};

pub(super) const PLAN_ABSENT: Next = Next {
    ja: "送信先は基盤に参加していません。紙（paper）を選ぶか、参加を確かめてから再送（retry）を選んでください。",
    en: "The other office does not take part in the hub. Choose paper, or retry once it takes part.",
};

pub(super) const PLAN_NOT_LIVE: Next = Next {
    ja: "etaの日時に自動で送ります。待てないときは紙（paper）を選んでください。",
    en: "It is sent by itself at the time in eta. If it cannot wait, choose paper.",
};

pub(super) const PLAN_MAY_BE_THERE: Next = Next {
    ja: "まず介護WEBサービスの画面で、基盤に届いているか確かめてください。なければ再送（retry）、あれば取消（cancel）を選んでください。",
    en: "First look in the hub's browser service whether it is there. Then retry if it is not, or cancel if it is.",
};

pub(super) const PLAN_CORRECT: Next = Next {
    ja: "hub_errorsの項目を直し、新しいファイル連番と新しい Idempotency-Key で送ってください。",
    en: "Correct what hub_errors names and send it with a new stamp and under a new Idempotency-Key.",
};

pub(super) const PLAN_DELIVERED: Next = Next {
    ja: "基盤が受け付けました。送信先が受け取るのを待ちます。することはありません。",
    en: "The hub has it. The other office is to fetch it; nothing needs doing.",
};

/// All of them, for the page.
pub(super) const ALL: [Next; 21] = [
    NOTHING,
    LINE,
    ADMINISTRATOR,
    NOT_OFFERED,
    SENDING,
    ASKED,
    NOT_LIVE,
    CHOOSE,
    CORRECT,
    JOB_KIND,
    CONSENT,
    PAPER,
    DELIVERED,
    PLAN_ADMINISTRATOR,
    PLAN_NOT_OFFERED,
    PLAN_ASKED,
    PLAN_ABSENT,
    PLAN_NOT_LIVE,
    PLAN_MAY_BE_THERE,
    PLAN_CORRECT,
    PLAN_DELIVERED,
];
