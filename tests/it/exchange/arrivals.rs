//! What arrives: whole, in order, once, and over nothing.

use std::fs;

use super::house::{House, OTHER, OWN, slip, unit};
use crate::identification::room::Home;

#[tokio::test]
async fn units_come_in_the_order_of_their_stamps_and_once() {
    let mut house = House::at(Home::new(), OTHER).await;
    house.exchange.look().await;
    let units: Vec<_> = ["20260425101502", "20260425101500", "20260425101501"].into_iter().map(slip).collect();
    for (number, files) in units.iter().enumerate() {
        house.room.hub.arrive(&format!("unit-{number}"), OWN, unit(files));
    }
    house.until("nine files", |house| (house.names("in").len() == 9).then_some(())).await;
    for (name, bytes) in units.iter().flatten() {
        assert_eq!(fs::read(house.base.join("in").join(name)).unwrap(), *bytes, "{name}");
    }
    // The software takes them away; they do not come again, neither now nor after a start.
    for name in house.names("in") {
        fs::remove_file(house.base.join("in").join(name)).unwrap();
    }
    house.settle().await;
    assert_eq!((house.names("in").len(), house.names(".arriving").len()), (0, 0));
    let (home, hub) = house.close().await;
    let mut house = House::over(home, OTHER, hub).await;
    house.settle().await;
    assert_eq!(house.names("in").len(), 0);
    house.close().await;
}

#[tokio::test]
async fn a_name_that_is_taken_is_waited_for() {
    let mut house = House::at(Home::new(), OTHER).await;
    house.exchange.look().await;
    let (first, second) = (slip("20260425101500"), slip("20260425101501"));
    let name = first[1].0.clone();
    let taken = house.base.join("in").join(name.to_lowercase());
    fs::write(&taken, "somebody's").unwrap();
    house.room.hub.arrive("second", OWN, unit(&second));
    house.room.hub.arrive("first", OWN, unit(&first));
    house.until("word of it", |house| house.status().contains(&name).then_some(())).await;
    let (first_id, shown) = (&name, house.names("in"));
    assert!(!shown.contains(first_id), "{shown:?}");
    assert_eq!(fs::read(&taken).unwrap(), b"somebody's");
    fs::remove_file(&taken).unwrap();
    house.until("all files", |house| (house.names("in").len() == 6).then_some(())).await;
    assert!(!house.status().contains(&name), "{}", house.status());
    house.close().await;
}
