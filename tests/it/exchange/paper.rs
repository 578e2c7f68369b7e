//! What the hub has no office for goes on paper, by a file.

use super::house::{House, OTHER, sample};

#[tokio::test]
async fn an_empty_file_puts_a_held_unit_on_paper() {
    let mut house = House::open().await;
    house.exchange.look().await;
    house.nobody_takes_part();
    let files = sample("slip");
    house.put(&files);
    house.settle().await;
    let name = files[1].0.clone();
    let held = house
        .until("a held delivery", |house| {
            let result = house.result("sent", &name)?;
            Some(result["deliveries"][0].clone()).filter(|one| one["state"] == "held")
        })
        .await;
    assert_eq!(held["reason"]["code"], "HUB_RECIPIENT_ABSENT", "{held}");
    let told = String::from_utf8(house.read("sent", &format!("{name}.txt")).unwrap()).unwrap();
    assert!(told.contains(".paper"), "{told}");

    house.put(&[(format!("{name}.paper"), Vec::new())]);
    house.settle().await;
    let page = String::from_utf8(house.read("sent", &format!("{name}.cover.html")).unwrap()).unwrap();
    assert!(page.contains(OTHER) && !page.contains("手本"), "{page}");
    assert!(page.contains("紙で送る理由"), "{page}");
    let result = house.result("sent", &name).unwrap();
    assert_eq!((&result["deliveries"][0]["state"], &result["final"]), (&"on_paper".into(), &true.into()), "{result}");
    assert_eq!(result["deliveries"][0]["cover_page"], format!("{name}.cover.html"));
    assert_eq!((house.names("out").len(), house.names(".work").len(), house.names("refused").len()), (0, 0, 0));
    assert!(house.room.hub.filed().is_empty());
    let trail = house.room.store.trail_after(0, 1000).await.unwrap();
    let on_record: Vec<_> = trail.iter().filter(|row| row.record.contains("\"act\":\"submission.paper\"")).collect();
    assert_eq!(on_record.len(), 1, "{trail:?}");
    assert!(on_record[0].record.contains("\"by\":\"folder\""), "{on_record:?}");

    // Nothing waits under that name any more, nor ever under the other.
    house.put(&[(format!("{name}.paper"), Vec::new()), ("nothing.CSV.paper".to_owned(), Vec::new())]);
    house.settle().await;
    for name in [format!("{name}.paper"), "nothing.CSV.paper".to_owned()] {
        assert_eq!(house.result("refused", &name).unwrap()["findings"][0]["code"], "PAPER_UNKNOWN", "{name}");
    }
    house.close().await;
}
