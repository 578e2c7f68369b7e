//! The ring of master keys, and where a token's key is named.

use engawa::credential::seal::Keyring;
use engawa::model::token_uri::{BadTokenUri, TokenUri};

const DOCUMENT: [u8; 16] = [7; 16];

#[test]
fn who_holds_the_ring_seals_with_the_new_key_and_opens_with_all() {
    let ring = Keyring::generate().unwrap();
    let under_first = ring.seal_note(DOCUMENT, b"one").unwrap();
    assert!(ring.is_current(&under_first));
    let first = ring.ids();
    ring.take(&ring.with_fresh().unwrap());
    assert_eq!(ring.ids()[1..], first);
    assert!(!ring.is_current(&under_first));
    let under_second = ring.seal_note(DOCUMENT, b"two").unwrap();
    assert_eq!(Keyring::key_id_of(&under_second).as_ref(), ring.ids().first());
    for (note, text) in [(&under_first, b"one"), (&under_second, b"two")] {
        assert_eq!(ring.open_note(DOCUMENT, note).unwrap().as_slice(), text);
    }
    let before = ring.copy();
    ring.take(&ring.without(&first));
    assert!(ring.open_note(DOCUMENT, &under_first).is_err());
    assert!(ring.and(&before).open_note(DOCUMENT, &under_first).is_ok(), "for a backup that was begun before");
    // The one that seals is not left out.
    assert_eq!(ring.without(&ring.ids()).ids(), ring.ids());
    assert_eq!(Keyring::parse(&before.text()).unwrap().ids(), before.ids());
}

#[test]
fn a_uri_names_one_key_of_one_token() {
    let uri =
        "pkcs11:token=Care%20token;object=engawa%2Dmaster;type=private?module-path=/usr/lib/softhsm/libsofthsm2.so";
    let read = TokenUri::parse(uri).unwrap();
    assert_eq!(read.token.as_deref(), Some("Care token"));
    assert_eq!(read.object.as_deref(), Some("engawa-master"));
    assert_eq!(read.module.to_str(), Some("/usr/lib/softhsm/libsofthsm2.so"));
    assert_eq!((read.serial, read.id), (None, None));
    let by_id = TokenUri::parse("pkcs11:serial=01;id=%00%ff?module-path=/m.so").unwrap();
    assert_eq!(by_id.id, Some(vec![0, 255]));
    let bad = [
        ("token=a;object=b?module-path=/m.so", BadTokenUri::Form),
        ("pkcs11:token;object=b?module-path=/m.so", BadTokenUri::Form),
        ("pkcs11:token=%zz;object=b?module-path=/m.so", BadTokenUri::Form),
        ("pkcs11:token=%f;object=b?module-path=/m.so", BadTokenUri::Form),
        ("pkcs11:token=;object=b?module-path=/m.so", BadTokenUri::Form),
        ("pkcs11:token=a;token=b;object=b?module-path=/m.so", BadTokenUri::Attribute),
        ("pkcs11:token=a;object=b;slot-id=1?module-path=/m.so", BadTokenUri::Attribute),
        ("pkcs11:token=a;object=b;type=cert?module-path=/m.so", BadTokenUri::Attribute),
        ("pkcs11:token=a;object=b?module-path=/m.so&pin-value=1234", BadTokenUri::Pin),
        ("pkcs11:token=a;object=b?module-path=/m.so&pin-source=/p", BadTokenUri::Pin),
        ("pkcs11:token=a;object=b", BadTokenUri::Module),
        ("pkcs11:token=a;object=b?module-path=m.so", BadTokenUri::Module),
        ("pkcs11:object=b?module-path=/m.so", BadTokenUri::Unnamed),
        ("pkcs11:token=a?module-path=/m.so", BadTokenUri::Unnamed),
    ];
    for (text, why) in bad {
        assert_eq!(TokenUri::parse(text), Err(why), "{text}");
    }
}
