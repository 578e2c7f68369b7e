//! The holder's certificate: read to its last byte or refused, with dates that can be, as another reader finds them.

use engawa::card::jpki;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Beginning of 1950: the earliest that a certificate can express in the form RFC 5280 asks for.
const EARLIEST: i64 = -631_152_000;
/// End of 9999: "no end".
const LATEST: i64 = 253_402_300_799;
const DAY: i64 = 24 * 3600;

pub fn run(bytes: &[u8]) {
    let Ok(certificate) = jpki::parse_certificate(bytes) else { return };
    assert_eq!(certificate.der, bytes);
    assert!(certificate.not_before <= certificate.not_after, "it ends before it begins");
    for moment in [certificate.not_before, certificate.not_after] {
        assert!((EARLIEST..=LATEST).contains(&moment.as_second()), "it names {moment}");
    }
    assert_eq!(certificate.days_left(certificate.not_after), 0);
    assert!(certificate.days_left(certificate.not_before) >= 0);
    for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        let left = certificate.not_after.as_second() - now.as_second();
        let days = certificate.days_left(now);
        assert!(days * DAY <= left && left < (days + 1) * DAY, "{days} days of {left} seconds");
    }
    if let Some((from, to)) = validity(bytes) {
        assert_eq!((certificate.not_before, certificate.not_after), (from, to), "another reader finds other dates");
    }
    let text = format!("{certificate:?}");
    assert_eq!(text, format!("HolderCertificate {{ not_after: {:?}, .. }}", certificate.not_after));

    // It is the whole of what was read: neither a beginning of it nor more than it is a certificate.
    for end in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(jpki::parse_certificate(&bytes[..end]).is_err(), "its first {end} bytes pass too");
    }
    assert!(jpki::parse_certificate(&[bytes, &[0]].concat()).is_err(), "a byte after it is not seen");
    assert_ne!(jpki::parse_certificate(bytes).unwrap().identity(), [0; 32]);
    for signature in [&[][..], &[0; 256], &[1; 256], &[0xFF; 256], bytes] {
        assert!(!certificate.verifies(b"a message nobody signed", signature), "it vouches for what it did not sign");
    }
}

/// Begin and end, read by walking DER with nothing of the product's: `None` where they are not in the form RFC 5280 asks for.
fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let mut body = enter(element(&mut &certificate[..])?, 0x30)?;
    let mut tbs = enter(element(&mut body)?, 0x30)?;
    if tbs.first() == Some(&0xA0) {
        element(&mut tbs)?;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        element(&mut tbs)?;
    }
    let mut both = enter(element(&mut tbs)?, 0x30)?;
    let (from, to) = (element(&mut both)?, element(&mut both)?);
    Some((moment(from)?, moment(to)?))
}

type Found<'a> = (u8, &'a [u8]);

fn element<'a>(bytes: &mut &'a [u8]) -> Option<Found<'a>> {
    let [tag, first, rest @ ..] = *bytes else { return None };
    let (length, rest) = match *first {
        short @ 0..=0x7F => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7F))?;
            let mut length = 0usize;
            for digit in digits {
                length = length.checked_mul(256)?.checked_add(usize::from(*digit))?;
            }
            (length, rest)
        }
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some((*tag, value))
}

fn enter((tag, value): Found<'_>, wanted: u8) -> Option<&[u8]> {
    (tag == wanted).then_some(value)
}

/// `YYMMDDhhmmssZ` as UTCTime, `YYYYMMDDhhmmssZ` as GeneralizedTime.
fn moment((tag, value): Found<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let text = match (tag, text.len()) {
        (0x17, 12) => format!("{}{text}", if *text >= *"50" { "19" } else { "20" }),
        (0x18, 14) => text.to_owned(),
        _ => return None,
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%S", &text).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}
