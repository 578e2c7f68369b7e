//! What the sender of a submission does next, in one sentence.

use crate::fault::{Code, Retry};
use crate::outbox::{Kind, MunicipalState, RecipientState, StateName, Submission};

/// In Japanese and in English.
pub(super) type Sentence = (&'static str, &'static str);

/// What to do about a submission.
pub(super) fn next_step(submission: &Submission) -> Sentence {
    if let (StateName::Queued, Some(Code::HubPasswordNeeded | Code::HubPasswordRefused)) =
        (submission.state, submission.reason)
    {
        return PERSON;
    }
    if let (StateName::Queued, Some(Code::HubLoginCautious), Some(_)) =
        (submission.state, submission.reason, &submission.account)
    {
        return CAUTIOUS;
    }
    match Kind::parse(submission.kind) {
        Some(Kind::Identification) => identification(submission),
        Some(Kind::CarePlan) => care_plan(submission),
        Some(Kind::Opinion) | None => opinion(submission),
    }
}

/// Of what waits for the password of the person who handed it in.
const PERSON: Sentence = (
    "渡した職員がブラウザーでログインし、基盤の利用者IDとパスワードを入れれば、自動で送ります。退職などで入れられないときは、管理者が事業所として送る（as-facility）か、取り消してください。",
    "It goes by itself once the person who handed it in logs in at a browser and gives user id and password for the hub. Where that cannot be, an administrator sends it as the facility (as-facility), or it is cancelled.",
);

/// Of what waits because the hub refused passwords of that person.
const CAUTIOUS: Sentence = (
    "基盤のロックを避けるため、etaの日時まで待って自動で送ります。早められるのは、基盤が本人のパスワードを24時間に2回拒んだときだけで、一日一回です。まず本人が介護WEBサービスにログインできることを確かめ、正しいパスワードを engawa にも入れ、管理者が engawa staff hub-try 利用者名 --logged-in-at-hub を実行してください。管理者が事業所として送る（as-facility）こともできます。",
    "So that the hub does not lock the account, it waits until the time in eta and then goes by itself. Only where the hub refused two passwords of the person within a day can that be cut short, once a day: the person first logs in at the hub's browser service, then gives engawa the same password, and an administrator runs engawa staff hub-try USER --logged-in-at-hub. An administrator may also send it as the facility (as-facility).",
);

fn opinion(submission: &Submission) -> Sentence {
    let municipality = submission.municipality.as_ref().map(|municipality| municipality.state);
    match (submission.state, municipality) {
        (StateName::Delivered, Some(MunicipalState::Returned)) => (
            "市町村から返されました。理由を確かめ、直したものを新しい Idempotency-Key で送ってください。",
            "The municipality returned it. See its reason and send the corrected opinion under a new Idempotency-Key.",
        ),
        (StateName::Delivered, Some(MunicipalState::Accepted)) => {
            ("市町村が受理しました。することはありません。", "The municipality accepted it. Nothing is left to do.")
        }
        (StateName::Delivered, _) => (
            "基盤が受け付けました。市町村の受理を待ちます。することはありません。",
            "The hub has it. The municipality's acceptance is awaited; nothing needs doing.",
        ),
        (StateName::Queued, _) => queued(submission.reason),
        (StateName::Sending, _) => ("送信中です。お待ちください。", "It is being sent. Wait."),
        (StateName::Unknown, _) => (
            "基盤に結果を確かめています。別に送り直さないでください。",
            "The hub is being asked what became of it. Do not file it again by other means.",
        ),
        (StateName::Held, _) => held(submission.reason),
        (StateName::Returned, _) => returned(submission.reason),
        (StateName::Cancelled, _) => (
            "取り消されています。必要なら新しい Idempotency-Key で送ってください。",
            "It is cancelled. If it is needed after all, send it under a new Idempotency-Key.",
        ),
        (StateName::OnPaper, _) => {
            ("紙で送ることになっています。することはありません。", "It goes on paper. Nothing is left to do here.")
        }
    }
}

/// Of a person whom two members of staff have identified.
fn identification(submission: &Submission) -> Sentence {
    match submission.state {
        StateName::Delivered => {
            ("基盤が本人を確認しました。することはありません。", "The hub knows the person. Nothing is left to do.")
        }
        StateName::Queued => identification_queued(submission.reason),
        StateName::Sending | StateName::Unknown => {
            ("基盤に確かめています。お待ちください。", "The hub is being asked. Wait.")
        }
        StateName::Held => (
            "理由の文に従って直し、再送（retry）してください。確認が要らなくなったときは取消（cancel）してください。",
            "Follow the sentence of the reason, then choose retry; cancel it if the person need not be identified any longer.",
        ),
        StateName::Returned => (
            "理由の文に従い、もう一度本人を確認してください。",
            "Follow the sentence of the reason, and identify the person again.",
        ),
        StateName::Cancelled => (
            "取り消されています。必要なら、もう一度本人を確認してください。",
            "It is cancelled. If it is needed after all, identify the person again.",
        ),
        StateName::OnPaper => {
            ("紙で送ることになっています。することはありません。", "It goes on paper. Nothing is left to do here.")
        }
    }
}

fn identification_queued(reason: Option<Code>) -> Sentence {
    match (reason, reason.map(Code::retry)) {
        (Some(Code::HubUnreachable), _) => (
            "つながれば自動で基盤に確かめます。長く続くときは回線とルーターを確かめてください。",
            "The hub is asked by itself once it can be reached. If this lasts, check line and router.",
        ),
        (_, Some(Retry::AfterRemedy)) => (
            "管理者に理由を伝えてください。直れば自動で基盤に確かめます。",
            "Tell the administrator the reason. The hub is asked by itself once that is put right.",
        ),
        _ => ("自動で基盤に確かめます。することはありません。", "The hub is asked by itself. Nothing needs doing."),
    }
}

fn needs_remedy(code: Code) -> bool {
    code.retry() == Retry::AfterRemedy
}

/// One or the other, never both: paper is out of the question until somebody knows.
const MAY_BE_THERE: Sentence = (
    "まず介護WEBサービスの画面で、基盤に届いているか確かめてください。なければ再送（retry）、あれば取消（cancel）を選んでください。",
    "First look in the hub's browser service whether it is there. Then retry if it is not, or cancel if it is.",
);

/// Of a unit of care plans for one office.
fn care_plan(submission: &Submission) -> Sentence {
    match submission.state {
        StateName::Delivered => care_plan_delivered(submission.recipient.map(|recipient| recipient.state)),
        StateName::Held if submission.may_be_there => MAY_BE_THERE,
        StateName::Queued if submission.may_be_there && submission.reason.is_some_and(needs_remedy) => MAY_BE_THERE,
        StateName::Queued => care_plan_queued(submission.reason),
        StateName::Sending => ("送信中です。お待ちください。", "It is being sent. Wait."),
        StateName::Unknown => (
            "基盤に結果を確かめています。紙で送ったり、別に送り直したりしないでください。",
            "The hub is being asked what became of it. Do not send it on paper or again by other means.",
        ),
        StateName::Held => care_plan_held(submission.reason),
        StateName::Returned => match submission.reason {
            reason @ Some(Code::HubNotPermitted | Code::HubNoConsent) => returned(reason),
            _ => (
                "hub_errorsの項目を直し、新しいファイル連番と新しい Idempotency-Key で送ってください。",
                "Correct what hub_errors names and send it with a new stamp and under a new Idempotency-Key.",
            ),
        },
        StateName::Cancelled => (
            "取り消されています。必要なら新しい Idempotency-Key で送ってください。",
            "It is cancelled. If it is needed after all, send it under a new Idempotency-Key.",
        ),
        StateName::OnPaper => (
            "送付状（cover-page）を印刷し、ケアプランに添えて紙で送ってください。基盤へは送りません。",
            "Print the cover page and send it on paper with the care plan. It does not go to the hub.",
        ),
    }
}

fn care_plan_delivered(recipient: Option<RecipientState>) -> Sentence {
    match recipient {
        Some(RecipientState::Opened) => {
            ("送信先が開きました。することはありません。", "The other office has opened it. Nothing is left to do.")
        }
        Some(RecipientState::Downloaded) => (
            "送信先のシステムに届きました。まだ誰も開いていません。急ぐときは電話で知らせてください。",
            "The other office's system has it; nobody has opened it yet. If it is urgent, tell them by telephone.",
        ),
        Some(RecipientState::Delivered) | None => (
            "基盤が受け付けました。送信先が受け取るのを待ちます。することはありません。",
            "The hub has it. The other office is to fetch it; nothing needs doing.",
        ),
    }
}

fn care_plan_queued(reason: Option<Code>) -> Sentence {
    match (reason, reason.map(Code::retry)) {
        (Some(Code::WaitEarlier), _) => (
            "同じ事業所への先の送信が済めば自動で送ります。先のものが取り置きなら、そちらを再送（retry）・紙（paper）・取消（cancel）のどれかにしてください。",
            "It is sent by itself once the earlier one to the same office is finished. If that one is held, choose retry, paper or cancel for it.",
        ),
        (Some(Code::HubUnreachable), _) => (
            "つながれば自動で送ります。長く続くときは回線とルーターを確かめてください。",
            "It is sent by itself once the hub can be reached. If this lasts, check line and router.",
        ),
        (Some(Code::HubNotOffered), _) => (
            "基盤が対応すれば自動で送ります。待てないときは紙（paper）を選んでください。",
            "It is sent by itself once the hub offers it. If it cannot wait, choose paper.",
        ),
        (_, Some(Retry::AfterRemedy)) => (
            "管理者に理由を伝えてください。直れば自動で送ります。待てないときは紙（paper）を選んでください。",
            "Tell the administrator the reason. It is sent by itself once that is put right. If it cannot wait, choose paper.",
        ),
        _ => ("自動で送ります。することはありません。", "It is sent by itself. Nothing needs doing."),
    }
}

fn care_plan_held(reason: Option<Code>) -> Sentence {
    match reason {
        Some(Code::HubRecipientAbsent) => (
            "送信先は基盤に参加していません。紙（paper）を選ぶか、参加を確かめてから再送（retry）を選んでください。",
            "The other office does not take part in the hub. Choose paper, or retry once it takes part.",
        ),
        Some(Code::HubInsurerNotLive) => (
            "etaの日時に自動で送ります。待てないときは紙（paper）を選んでください。",
            "It is sent by itself at the time in eta. If it cannot wait, choose paper.",
        ),
        Some(Code::SubmissionDamaged) => (
            "元のファイルを新しい Idempotency-Key で送り、これは取り消して（cancel）ください。",
            "Send the original files under a new Idempotency-Key and cancel this one.",
        ),
        _ => (
            "理由の文に従って直してから、再送（retry）・紙（paper）・取消（cancel）のどれかを選んでください。",
            "Follow the sentence of the reason, then choose retry, paper or cancel.",
        ),
    }
}

fn queued(reason: Option<Code>) -> Sentence {
    match (reason, reason.map(Code::retry)) {
        (Some(Code::HubUnreachable), _) => (
            "つながれば自動で送ります。長く続くときは回線とルーターを確かめてください。",
            "It is sent by itself once the hub can be reached. If this lasts, check line and router.",
        ),
        (Some(Code::HubNotOffered), _) => (
            "基盤が対応すれば自動で送ります。ほかの方法で出すときは、先にここで取り消して（cancel）ください。",
            "It is sent by itself once the hub offers it. Before you file it by other means, cancel it here.",
        ),
        (_, Some(Retry::AfterRemedy)) => (
            "管理者に理由を伝えてください。直れば自動で送ります。",
            "Tell the administrator the reason. It is sent by itself once that is put right.",
        ),
        _ => ("自動で送ります。することはありません。", "It is sent by itself. Nothing needs doing."),
    }
}

fn held(reason: Option<Code>) -> Sentence {
    match reason {
        Some(Code::HubInsurerNotLive) => (
            "etaの日時に自動で送ります。紙で出すときは、先にここで取り消して（cancel）ください。",
            "It is sent by itself at the time in eta. Before you file it on paper, cancel it here.",
        ),
        Some(Code::SubmissionDamaged) => (
            "原本を新しい Idempotency-Key で送り、これは取り消して（cancel）ください。",
            "Send the original under a new Idempotency-Key and cancel this one.",
        ),
        _ => (
            "理由の文に従って直してから、再送（retry）か取消（cancel）を選んでください。",
            "Follow the sentence of the reason, then choose retry or cancel.",
        ),
    }
}

fn returned(reason: Option<Code>) -> Sentence {
    match reason {
        Some(Code::HubRecipientAbsent) => ("紙で出してください。", "File it on paper."),
        Some(Code::HubNotPermitted) => (
            "管理者に利用者IDの職種を確かめてもらい、直してから新しい Idempotency-Key で送ってください。",
            "Have the administrator check the job kind of the user id, then send it under a new Idempotency-Key.",
        ),
        Some(Code::HubNoConsent) => (
            "本人の同意を得てから、新しい Idempotency-Key で送ってください。",
            "Obtain the person's consent, then send it under a new Idempotency-Key.",
        ),
        _ => (
            "hub_errorsの項目を直し、新しい Idempotency-Key で送ってください。",
            "Correct what hub_errors names and send it under a new Idempotency-Key.",
        ),
    }
}
