//! The characters of a value.

use super::KanaReading;
use super::file::Spot;
use super::rule::Rule;
use crate::model::careplan::cp932::{self, Traits};
use crate::model::careplan::layout::Type;

/// Looks at the characters; false when they are not worth a look at what they mean.
pub(super) fn check(spot: &mut Spot<'_, '_>, value: &[u8]) -> bool {
    if value.is_ascii() && !value.iter().any(u8::is_ascii_control) {
        if spot.item.kind == Type::Kana && value.iter().any(u8::is_ascii_graphic) {
            spot.say(Rule::KanaOther);
        }
        return true;
    }
    let all = cp932::traits(value);
    let bad = [
        (Traits::INVALID, Rule::CharacterInvalid),
        (Traits::GAIJI, Rule::CharacterGaiji),
        (Traits::OFF_HUB, Rule::CharacterOffHub),
        (Traits::DUPLICATE, Rule::CharacterDuplicate),
    ];
    for (trait_, rule) in bad {
        if all.has(trait_) {
            spot.say_detail(rule, &first(value, trait_));
        }
    }
    if all.has(Traits::CONTROL)
        && let Some(control) = value.iter().find(|byte| byte.is_ascii_control() && !matches!(byte, b'\r' | b'\n'))
    {
        spot.say_detail(Rule::CharacterControl, &format!("{control:02X}"));
    }
    if all.has(Traits::HALF_KANA) && spot.plan.settings.half_kana == KanaReading::Warn {
        spot.say(Rule::CharacterHalfKana);
    }
    let foreign = Traits::INVALID.with(Traits::GAIJI);
    if spot.item.kind == Type::Kana && all.has(Traits::NOT_KANA) && !all.has(foreign) {
        spot.say(Rule::KanaOther);
    }
    !all.has(foreign)
}

/// The code of the first such character, as hexadecimal digits: a code says nothing about a person.
fn first(value: &[u8], wanted: Traits) -> String {
    let glyph = cp932::glyphs(value).find(|glyph| glyph.traits.has(wanted));
    let bytes = glyph.and_then(|glyph| value.get(glyph.at..glyph.at + glyph.len)).unwrap_or_default();
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
