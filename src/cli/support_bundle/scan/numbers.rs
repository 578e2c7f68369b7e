//! What looks like a number of a person: of an insured one, My Number, a telephone; a mail address; a key of engawa.

use std::net::Ipv6Addr;

use super::Masked;

/// So many digits in a row are more than a count or a date.
const LONG: usize = 10;
/// Tokens of hexadecimal digits of these lengths are ids and hashes.
const HASHES: [usize; 6] = [12, 16, 32, 40, 64, 128];

/// Masks numbers and keys. `own`: the box's own facility numbers, which stay.
pub(super) fn mask(text: &str, own: &[String], masked: &mut Masked) -> String {
    walk(text, masked, |signs, at| begins(signs, at, own))
}

/// Masks mail addresses, and log-ins in addresses.
pub(super) fn mask_addresses(text: &str, masked: &mut Masked) -> String {
    walk(text, masked, |signs, at| {
        let end = credentials(signs, at).or_else(|| mail(&signs[at..]).map(|length| at + length))?;
        Some(("mail or log-in", end))
    })
}

/// Masks the half of an IPv6 address that was made from a machine's hardware address (EUI-64, by its ff:fe).
pub(super) fn mask_hardware(text: &str, masked: &mut Masked) -> String {
    let is_part = |sign: char| sign.is_ascii_hexdigit() || sign == ':';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(from) = rest.find(is_part) {
        let (before, token) = rest.split_at(from);
        let (token, after) = token.split_at(token.find(|sign| !is_part(sign)).unwrap_or(token.len()));
        out.push_str(before);
        match network_of(token) {
            Some((network, colon)) => {
                *masked.entry("hardware").or_default() += 1;
                out.push_str(&format!("{network}[hardware]{colon}"));
            }
            None => out.push_str(token),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The network of such an address, and the colon of the sentence behind it.
fn network_of(token: &str) -> Option<(Ipv6Addr, &'static str)> {
    let parsed = |text: &str| text.parse::<Ipv6Addr>().ok();
    let (address, colon) = match parsed(token) {
        Some(address) => (address, ""),
        None => (parsed(token.strip_suffix(':')?)?, ":"),
    };
    let octets = address.octets();
    let network = u128::from(address) & !u128::from(u64::MAX);
    (octets[11..13] == [0xff, 0xfe]).then_some((network.into(), colon))
}

/// Goes over a text; `found` tells what begins at a place where no word goes on, and where it ends.
fn walk(text: &str, masked: &mut Masked, found: impl Fn(&[char], usize) -> Option<(&'static str, usize)>) -> String {
    let signs: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < signs.len() {
        let begins = (at == 0 || !is_word(signs[at - 1])).then(|| found(&signs, at)).flatten();
        if let Some((what, end)) = begins {
            *masked.entry(what).or_default() += 1;
            out.push_str(&format!("[{what}]"));
            at = end;
        } else {
            out.push(signs[at]);
            at += 1;
        }
    }
    out
}

fn begins(signs: &[char], at: usize, own: &[String]) -> Option<(&'static str, usize)> {
    let rest = &signs[at..];
    let before = at.checked_sub(1).map(|before| signs[before]);
    let ended = |length: usize| rest.get(length).is_none_or(|&next| !is_word(next) && !is_dash(next));
    if before.is_none_or(|before| !is_dash(before)) {
        if let Some(length) = telephone(rest).filter(|&length| ended(length)) {
            return Some(("telephone", at + length));
        }
        if let Some(length) = fours(rest).filter(|&length| ended(length)) {
            return Some(("number", at + length));
        }
    }
    let length = rest.iter().take_while(|&&sign| is_word(sign)).count();
    let token = rest.get(..length)?;
    if is_key(token) {
        return Some(("key", at + length));
    }
    number(token, own).then_some(("number", at + length))
}

/// `engawa_`, twelve hexadecimal digits, and the secret.
fn is_key(token: &[char]) -> bool {
    let mut parts = token.split(|&sign| sign == '_');
    let (first, id) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    first == ['e', 'n', 'g', 'a', 'w', 'a'] && id.len() == 12 && id.iter().all(char::is_ascii_hexdigit)
}

/// A token with a long row of digits that is neither a hash nor the box's own number.
fn number(token: &[char], own: &[String]) -> bool {
    // An underscore joins words of names, not of numbers.
    token.split(|&sign| sign == '_').any(|part| {
        let digits: Vec<Option<char>> = part.iter().map(|&sign| digit(sign)).collect();
        let longest = digits.split(Option::is_none).map(<[_]>::len).max().unwrap_or(0);
        let all: String = digits.iter().flatten().collect();
        if all.len() == part.len() {
            return longest >= LONG && !own.contains(&all);
        }
        let hash = HASHES.contains(&part.len()) && part.iter().all(char::is_ascii_hexdigit);
        // The numbers of those on welfare begin with H.
        let welfare = part.len() == LONG && longest == LONG - 1 && matches!(part.first(), Some('H' | 'h' | 'Ｈ'));
        (longest >= LONG && !hash) || welfare
    })
}

/// 1234-5678-9012, with spaces or dashes.
fn fours(rest: &[char]) -> Option<usize> {
    let group =
        |from: usize| rest.get(from..from + 4).is_some_and(|group| group.iter().all(|&sign| digit(sign).is_some()));
    let between = |at: usize| rest.get(at).is_some_and(|&sign| is_dash(sign) || sign == ' ' || sign == '\u{3000}');
    (group(0) && between(4) && group(5) && between(9) && group(10)).then_some(14)
}

/// 03-1234-5678 and the like.
fn telephone(rest: &[char]) -> Option<usize> {
    let mut at = 0;
    for (least, most) in [(2, 5), (1, 4), (3, 4)] {
        let group = rest[at.min(rest.len())..].iter().take_while(|&&sign| digit(sign).is_some()).count();
        if !(least..=most).contains(&group) || (at == 0 && digit(rest[0]) != Some('0')) {
            return None;
        }
        at += group;
        if most != 4 || least != 3 {
            rest.get(at).filter(|&&sign| is_dash(sign))?;
            at += 1;
        }
    }
    Some(at)
}

/// somebody@example.jp
fn mail(rest: &[char]) -> Option<usize> {
    let name = rest.iter().take_while(|&&sign| is_word(sign) || ".+%-".contains(sign)).count();
    rest.get(name).filter(|&&sign| name > 0 && sign == '@')?;
    let host = rest[name + 1..].iter().take_while(|&&sign| is_word(sign) || ".-".contains(sign));
    let host: String = host.collect();
    (host.trim_end_matches('.').contains('.')).then(|| name + 1 + host.trim_end_matches('.').chars().count())
}

/// What stands before the @ of an address, directly behind `://`.
fn credentials(signs: &[char], at: usize) -> Option<usize> {
    signs[..at].ends_with(&[':', '/', '/']).then_some(())?;
    let inside = signs[at..].iter().take_while(|&&sign| !sign.is_whitespace() && !"/@\"".contains(sign)).count();
    signs.get(at + inside).filter(|&&sign| sign == '@').map(|_| at + inside)
}

fn digit(sign: char) -> Option<char> {
    match sign {
        '0'..='9' => Some(sign),
        '０'..='９' => char::from_digit(u32::from(sign) - u32::from('０'), 10),
        _ => None,
    }
}

/// A sign of a token: half- or full-width letters and digits. Kanji and kana join nothing: numbers stand beside them.
fn is_word(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_' || digit(sign).is_some() || matches!(sign, 'Ａ'..='Ｚ' | 'ａ'..='ｚ')
}

fn is_dash(sign: char) -> bool {
    matches!(sign, '-' | '－' | '−' | '‐' | 'ー')
}
