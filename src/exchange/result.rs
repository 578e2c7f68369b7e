//! What is written beside a file: `NAME.result.json` for programs, `NAME.txt` for people. Neither holds person data.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};
use uuid::Uuid;

use super::remark::Remark;
use super::status::in_japan;
use crate::fault::Code;
use crate::model::careplan::cover::Cover;
use crate::model::careplan::send_units;
use crate::outbox::{Batch, StateName, Submission};

/// What is told of files that were taken.
pub(super) struct Report<'a> {
    /// Their names in `out`.
    pub(super) files: Vec<&'a str>,
    /// What they became; `None`: they are refused.
    pub(super) batch: Option<&'a Batch>,
    /// What is said of them.
    pub(super) remarks: &'a [Remark],
    /// The cover pages beside them, by delivery.
    pub(super) covers: &'a [(Uuid, String)],
}

impl Report<'_> {
    /// Everything that is told but the time of writing: it changes when there is something new to tell.
    pub(super) fn value(&self) -> Value {
        let deliveries: Vec<Value> =
            self.batch.iter().flat_map(|batch| &batch.deliveries).map(|one| self.delivery(one)).collect();
        json!({
            "version": 1,
            "status": if self.batch.is_some() { "sent" } else { "refused" },
            "final": self.batch.is_none_or(|batch| batch.deliveries.iter().all(is_final)),
            "files": self.files,
            "batch": self.batch.map(|batch| batch.id),
            "accepted_at": self.batch.map(|batch| batch.accepted_at.to_string()),
            "deliveries": deliveries,
            "warnings": self.batch.map_or(&[][..], |batch| batch.warnings.as_slice()),
            "findings": self.remarks,
        })
    }

    fn delivery(&self, one: &Submission) -> Value {
        let about = one.care_plan.as_ref();
        let cover = self.covers.iter().find(|(id, _)| *id == one.id).map(|(_, name)| name);
        json!({
            "id": one.id,
            "to_facility": about.map(|about| &about.to_facility),
            "to_service_kind": about.map(|about| &about.to_service_kind),
            "unit": about.map(|about| &about.unit),
            "month": about.and_then(|about| about.month.as_ref()),
            "stamp": about.map(|about| &about.stamp),
            "files": about.map(|about| &about.files),
            "due": one.due.to_string(),
            "state": one.state.as_str(),
            "reason": one.reason.map(|code| json!({ "code": code.name(), "ja": code.ja(), "en": code.en() })),
            "attempts": one.attempts,
            "receipt": one.receipt.as_ref().map(|receipt| json!({
                "number": receipt.number, "accepted_at": receipt.accepted_at.to_string(),
            })),
            "recipient": one.recipient.map(|recipient| json!({
                "state": recipient.state.as_str(), "at": recipient.at.to_string(),
            })),
            "hub_errors": one.hub_errors.iter().map(|error| json!({ "code": error.code, "field": error.field })).collect::<Vec<_>>(),
            "cover_page": cover,
        })
    }

    /// The file for programs.
    pub(super) fn json(&self, value: &Value, now: Timestamp) -> Vec<u8> {
        let mut value = value.clone();
        value["written_at"] = now.to_string().into();
        let mut bytes = serde_json::to_vec_pretty(&value).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The file for people: Japanese, then English; as Notepad wants it.
    pub(super) fn text(&self, now: Timestamp) -> Vec<u8> {
        let mut text = String::new();
        for ja in [true, false] {
            self.language(&mut text, ja, now);
            text.push('\n');
        }
        format!("\u{FEFF}{}", text.replace('\n', "\r\n")).into_bytes()
    }

    fn language(&self, text: &mut String, ja: bool, now: Timestamp) {
        let title = match (self.batch.is_some(), ja) {
            (true, true) => "受け付けました",
            (true, false) => "Taken",
            (false, true) => "受け付けていません。下の箇所を直して、もう一度 out に入れてください",
            (false, false) => "Not taken. Correct what is named below and put it into `out` again",
        };
        let (files, at) = (self.files.join(" "), in_japan(now));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{title}\n{files}\n{}{at}\n", if ja { "記録: " } else { "Written: " });
        for one in self.batch.iter().flat_map(|batch| &batch.deliveries) {
            self.lines(text, one, ja);
        }
        for remark in self.remarks {
            let place = [
                remark.file.clone(),
                remark.line.map(|line| if ja { format!("{line}行目") } else { format!("line {line}") }),
                remark.item_label.clone(),
            ];
            let place: Vec<String> = place.into_iter().flatten().collect();
            let said = if ja { &remark.ja } else { &remark.en };
            let _ = writeln!(text, "{} {} {said}", if ja { "・" } else { "-" }, place.join(" "));
            let _ = writeln!(text, "  [{}]", remark.code);
        }
    }

    fn lines(&self, text: &mut String, one: &Submission, ja: bool) {
        let [state_ja, state_en] = words(one.state);
        let about = one.care_plan.as_ref();
        let to = about.map_or("", |about| about.to_facility.as_str());
        let unit = about.and_then(|about| send_units().iter().find(|unit| unit.id == about.unit));
        let what = unit.map_or("", |unit| if ja { unit.label } else { unit.english });
        let _ = match ja {
            true => writeln!(text, "送信先 {to} {what}: {state_ja}"),
            false => writeln!(text, "To {to}, {what}: {state_en}"),
        };
        if let Some(receipt) = &one.receipt {
            let at = in_japan(receipt.accepted_at);
            let _ = writeln!(text, "  {} {} ({at})", if ja { "受付番号" } else { "Receipt" }, receipt.number);
        }
        if let Some(recipient) = one.recipient {
            let [recipient_ja, recipient_en] = match recipient.state.as_str() {
                "opened" => ["相手の職員が開きました", "A person there has opened it"],
                "downloaded" => ["相手のシステムに届きました", "Their system has it"],
                _ => ["基盤が預かっています", "The hub holds it for them"],
            };
            let _ = writeln!(text, "  {} ({})", if ja { recipient_ja } else { recipient_en }, in_japan(recipient.at));
        }
        if let Some(code) = one.reason {
            let _ = writeln!(text, "  {} {}", code.name(), if ja { code.ja() } else { code.en() });
        }
        for error in &one.hub_errors {
            let _ = writeln!(text, "  {} {}", error.code, error.field.as_deref().unwrap_or_default());
        }
        if one.reason == Some(Code::HubRecipientAbsent)
            && let Some(name) = about.and_then(|about| about.files.first())
        {
            let _ = match ja {
                true => writeln!(
                    text,
                    "  紙で送るときは、空のファイル {name}.paper を out に入れてください。送付状ができます。"
                ),
                false => writeln!(
                    text,
                    "  To send it on paper, put an empty file {name}.paper into `out`: a cover page appears."
                ),
            };
        }
        if let Some((_, cover)) = self.covers.iter().find(|(id, _)| *id == one.id) {
            let _ = writeln!(text, "  {} {cover}", if ja { "送付状:" } else { "Cover page:" });
        }
        let _ = writeln!(text, "  {} {}\n", if ja { "管理番号" } else { "Reference" }, one.id);
    }
}

/// True when the state never changes.
pub(super) fn is_final(one: &Submission) -> bool {
    matches!(one.state, StateName::Delivered | StateName::Returned | StateName::Cancelled | StateName::OnPaper)
}

/// True when nothing will be news of it.
pub(super) fn is_told(one: &Submission) -> bool {
    let opened = one.recipient.is_some_and(|recipient| recipient.state.as_str() == "opened");
    is_final(one) && (one.state != StateName::Delivered || opened)
}

const fn words(state: StateName) -> [&'static str; 2] {
    match state {
        StateName::Queued => ["送信を待っています", "waiting to be sent"],
        StateName::Sending => ["送信しています", "on its way"],
        StateName::Unknown => ["届いたかどうかを基盤に確かめています", "the hub is being asked whether it has it"],
        StateName::Held => ["止まっています。下の理由を見てください", "held; see the reason below"],
        StateName::Delivered => ["送信しました", "delivered"],
        StateName::Returned => ["基盤に受け付けられませんでした", "refused by the hub"],
        StateName::Cancelled => ["取り消しました", "withdrawn"],
        StateName::OnPaper => ["紙で送ります。データでは送りません", "goes on paper, and not electronically"],
    }
}

/// The page that goes with a delivery on paper. `one` is with its history, which says what it was held for.
pub(super) fn cover(one: &Submission, today: Option<Date>) -> Option<Cover> {
    let about = one.care_plan.clone()?;
    let before = one.history.iter().rev().find(|event| event.kind != StateName::OnPaper.event_kind());
    let held = before.filter(|event| event.kind == StateName::Held.event_kind());
    let reason = held.and_then(|event| Code::parse(event.data.get("reason")?.as_str()?));
    Some(Cover {
        id: one.id.to_string(),
        date: today,
        to: (about.to_facility, about.to_service_kind),
        from: (about.from_facility, about.from_service_kind),
        unit: about.unit,
        month: about.month,
        stamp: about.stamp,
        files: about.files,
        reason: reason.map(|code| [code.ja(), code.en()].map(str::to_owned)),
    })
}
