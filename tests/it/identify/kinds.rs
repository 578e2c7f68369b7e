//! Cards of every kind.

use serde_json::json;

use super::{World, cost, pin, visual};
use crate::support::vcard::PIN;

#[test]
fn a_card_without_a_pin_is_told_and_its_holder_is_seen() {
    let world = World::with(&["5-no-pin"]);
    let session = world.session(0);
    let refused = world.identify(&session, &pin(PIN));
    assert_eq!(cost(&refused), ("CARD_WITHOUT_PIN".to_owned(), json!({"tries_spent": "none"})));
    assert_eq!(refused.json()["alternatives"], json!(["visual", "document"]));
    let seen = world.identify(&session, &visual());
    assert_eq!(seen.status, 200, "{seen:?}");
    let seen = seen.json();
    assert_eq!(seen["person"]["assurance"], "substantial");
    assert_eq!(seen["person"]["insured_number"], world.vcard.card("5-no-pin")["insured_number"]);
    assert_eq!(world.tried(0), 0);
    let strangers = json!({"method": "visual", "witnesses": ["clinic-doctor", "office-clerk"]});
    let refused = world.identify(&session, &strangers);
    assert_eq!((refused.code().as_str(), refused.status), ("WITNESSES_REFUSED", 422));
    assert_eq!(refused.json()["errors"][0]["pointer"], "/witnesses");
    world.close(&session);
    world.at_peace();
}

#[test]
fn certificates_are_judged_by_their_time_here_and_by_the_hub() {
    let world = World::with(&["2-expired", "4-expiring-20", "3-revoked"]);
    let expired = world.identify(&world.session(0), &pin(PIN));
    assert_eq!(cost(&expired), ("CARD_CERTIFICATE_EXPIRED".to_owned(), json!({"tries_spent": "none"})));
    assert_eq!(world.tried(0), 0);

    let expiring = world.identify(&world.session(1), &pin(PIN)).json();
    assert_eq!(expiring["card"]["certificate_days_left"], 20, "{expiring}");
    assert_eq!(expiring["card"]["certificate_expiring"], true);

    let session = world.session(2);
    let revoked = world.identify(&session, &pin(PIN));
    let wanted = ("CARD_CERTIFICATE_REFUSED".to_owned(), json!({"tries_spent": "none", "tries_left": 3}));
    assert_eq!(cost(&revoked), wanted);
    assert_eq!((revoked.json()["alternatives"].clone(), world.tried(2)), (json!(["document"]), 1));
    let owner = world.vcard.card("3-revoked");
    let document = json!({
        "method": "document", "kind": "care-insurance-card", "insurer_number": owner["insurer_number"],
        "insured_number": owner["insured_number"], "witnesses": ["clinic-doctor", "clinic-clerk"],
    });
    let known = world.identify(&session, &document).json();
    assert_eq!((&known["person"]["assurance"], &known["card"]), (&json!("low"), &json!(null)), "{known}");
}

#[test]
fn telephones_serve_with_their_pin_and_older_cards_do_not() {
    let world = World::with(&["6-iphone", "1-juki"]);
    let session = world.session(0);
    let seen = world.identify(&session, &visual());
    assert_eq!((seen.code().as_str(), seen.status), ("CARD_UNSUPPORTED", 422));
    assert_eq!(seen.json()["alternatives"], json!(["pin", "document"]));
    let known = world.identify(&session, &pin(PIN)).json();
    assert_eq!((&known["card"]["kind"], &known["person"]["assurance"]), (&json!("iphone-token"), &json!("high")));
    let juki = world.identify(&world.session(1), &pin(PIN));
    assert_eq!(cost(&juki), ("CARD_UNSUPPORTED".to_owned(), json!({"tries_spent": "none"})));
    assert_eq!((world.tried(0), world.tried(1)), (1, 0));
}
