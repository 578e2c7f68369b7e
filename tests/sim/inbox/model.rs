//! Random sequences of everything that may happen, against a small model: what was announced is kept exactly once, nothing is
//! acknowledged before it is kept, and whoever opens is told of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use engawa::hub::Acknowledgement::{Downloaded, Opened};
use engawa::hub::{AcknowledgeStep, Scope};
use engawa::inbox::Standing;

use super::house::{Ground, Room, SENDER, trouble, unit};
use crate::careplan_generator::Draw;

const SEQUENCES: u64 = 2000;
const STEPS: usize = 14;
const SCOPES: [Scope; 4] = [Scope::Item, Scope::Try, Scope::Hub, Scope::Operator];

/// What has to be true, told apart from the room.
#[derive(Default)]
struct Model {
    /// The hub's name, and what the hub gives; in the hub's order.
    sent: Vec<(String, Vec<u8>)>,
    lost: BTreeSet<String>,
    opened: BTreeSet<String>,
}

impl Model {
    fn receipt(n: usize) -> String {
        format!("A{:08}", n + 1)
    }

    fn name(receipt: &str) -> String {
        format!("u-{}", receipt[1..].parse::<usize>().unwrap() - 1)
    }
}

#[tokio::test]
async fn whatever_happens_each_unit_is_kept_once_and_told_after_it_was_kept() {
    let ground = Ground::new().await;
    let units: Vec<Vec<u8>> =
        ["H2", "H4"].iter().map(|id| unit(id, "20261120101500")).chain([b"no unit".to_vec()]).collect();
    let mut crashes = 0;
    for seed in 0..SEQUENCES {
        let mut draw = Draw(seed);
        let mut room = Room::over(&ground, &format!("9{seed:09}"));
        room.hub.page_arrivals(1 + draw.below(3));
        let mut model = Model::default();
        for _ in 0..STEPS {
            happen(&mut draw, &mut room, &mut model, &units, &mut crashes).await;
            check(&room, seed).await;
        }
        calm(&mut room, &model).await;
        settled(&room, &model, seed).await;
    }
    assert!(crashes > 500, "too quiet: {crashes}");
}

async fn happen(draw: &mut Draw, room: &mut Room, model: &mut Model, units: &[Vec<u8>], crashes: &mut u32) {
    let any = |draw: &mut Draw, model: &Model| {
        (!model.sent.is_empty()).then(|| model.sent[draw.below(model.sent.len())].0.clone())
    };
    match draw.below(16) {
        0..=2 => {
            let id = format!("u-{}", model.sent.len());
            let bytes = units[draw.below(units.len())].clone();
            room.hub.arrive(&id, SENDER, bytes.clone());
            model.sent.push((id, bytes));
        }
        3 => any(draw, model).iter().for_each(|id| room.hub.arrive_again(id)),
        4 => room.hub.expire_arrival_cursors(),
        5 => room.hub.then_list([trouble(draw.pick(&SCOPES))]),
        6 => {
            let trouble = trouble(draw.pick(&SCOPES));
            any(draw, model).iter().for_each(|id| room.hub.then_fetch(id, [trouble.clone(), trouble.clone()]));
        }
        7 => {
            let trouble = draw.one_in(2).then(|| trouble(draw.pick(&SCOPES)));
            any(draw, model).iter().for_each(|id| room.hub.poison(id, trouble.clone()));
        }
        8 => {
            let trouble = trouble(draw.pick(&SCOPES));
            let step =
                if draw.one_in(2) { AcknowledgeStep::LoseBefore(trouble) } else { AcknowledgeStep::LoseAfter(trouble) };
            any(draw, model).iter().for_each(|id| room.hub.then_acknowledge(id, [step.clone()]));
        }
        9 if draw.one_in(4) => {
            if let Some(id) = any(draw, model) {
                room.hub.lose_arrival(&id);
                model.lost.insert(id);
            }
        }
        10 => {
            let list = room.list(true).await;
            if let Some(one) = list.get(draw.below(list.len().max(1))).filter(|one| one.standing != Standing::Announced)
            {
                room.inbox.opened(&room.facility, one.id, "key").await.unwrap().unwrap();
                model.opened.insert(Model::name(&one.receipt_number));
            }
        }
        11 => {
            let free = if draw.one_in(2) { 0 } else { 1 << 30 };
            room.free.store(free, Ordering::SeqCst);
        }
        12 | 13 => {
            room.clock.advance(Duration::from_secs(draw.below(1200) as u64));
            crash(room, draw.below(60)).await;
            *crashes += 1;
        }
        _ => room.pass(Duration::from_secs(draw.below(900) as u64)).await,
    }
}

/// Cuts a turn off after a while, wherever it is, and starts anew over what is on storage.
async fn crash(room: &mut Room, patience: usize) {
    tokio::select! {
        biased;
        _ = room.poller.turn() => {}
        () = async { for _ in 0..patience { tokio::task::yield_now().await } } => {}
    }
    room.reopen();
}

/// What holds at every moment.
async fn check(room: &Room, seed: u64) {
    let list = room.list(false).await;
    let standing: BTreeMap<_, _> = list.iter().map(|one| (Model::name(&one.receipt_number), one)).collect();
    assert_eq!(standing.len(), list.len(), "sequence {seed}: a unit is there twice");
    for (id, what) in room.told() {
        let one = standing.get(&id).unwrap_or_else(|| panic!("sequence {seed}: told of {id}, which is not here"));
        assert_eq!(one.standing, Standing::Kept, "sequence {seed}: {id} is told and not kept");
        assert!(what == Downloaded || one.opened_at.is_some(), "sequence {seed}: nobody opened {id}");
        assert!(room.store.piece(one.id.as_bytes(), 0).await.unwrap().is_some());
    }
}

/// Everything is put right, and time passes.
async fn calm(room: &mut Room, model: &Model) {
    model.sent.iter().for_each(|(id, _)| room.hub.poison(id, None));
    room.free.store(1 << 30, Ordering::SeqCst);
    for _ in 0..40 {
        room.clock.advance(Duration::from_secs(3700));
        room.pass(Duration::from_secs(4)).await;
        let rest = room.store.received_wake(&room.facility, true).await.unwrap();
        if rest.is_none() && room.list(false).await.len() == model.sent.len() {
            return;
        }
    }
}

async fn settled(room: &Room, model: &Model, seed: u64) {
    let list = room.list(false).await;
    assert_eq!(list.len(), model.sent.len(), "sequence {seed}");
    let told = room.told();
    let events = room.events().await;
    let count =
        |kind: &str, id: &str| events.iter().filter(|event| event.kind == kind && event.data.contains(id)).count();
    for (n, ((name, bytes), one)) in model.sent.iter().zip(&list).enumerate() {
        assert_eq!(one.receipt_number, Model::receipt(n), "sequence {seed}: not in the hub's order");
        let kept = one.standing == Standing::Kept;
        assert!(kept || one.standing == Standing::Gone && model.lost.contains(name), "sequence {seed}: {name} {one:?}");
        let unit = room.inbox.unit(&room.facility, one.id).await.unwrap();
        assert_eq!(unit.map(|unit| unit.to_vec()), kept.then(|| bytes.clone()), "sequence {seed}: {name}");
        let id = one.id.to_string();
        assert_eq!(count("careplan.received", &id), usize::from(kept), "sequence {seed}: {name}");
        let opened = model.opened.contains(name);
        if model.lost.contains(name) {
            // Listed again it is waited for again, and a person has to look again.
            assert!(kept || count("careplan.gone", &id) > 0, "sequence {seed}: {name}");
            assert!(opened || one.opened_at.is_none(), "sequence {seed}: {name}");
        } else {
            assert_eq!(count("careplan.gone", &id), 0, "sequence {seed}: {name}");
            assert_eq!((one.opened_at.is_some(), count("careplan.opened", &id)), (opened, usize::from(opened)));
        }
        let heard = |what| told.iter().filter(|told| **told == (name.clone(), what)).count();
        if model.lost.contains(name) {
            assert!(heard(Downloaded) <= 1 && heard(Opened) <= 1);
        } else {
            assert_eq!((heard(Downloaded), heard(Opened)), (1, usize::from(opened)), "sequence {seed}: {name}");
        }
    }
}
