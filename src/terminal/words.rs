//! The words of a pairing code: 1,024 short Japanese words that can be told apart over a telephone, ten bits each.
//!
//! `words.txt` is sorted; a word's place in it is its number, so no line may ever move while a code is open. The words are plain
//! ones of our own choice. No two of them sound alike: even without voicing (が and か), without small kana (っ and つ) and without long vowels, no
//! two are the same, differ only in the consonant of one kana, or differ by one kana left out. What a person writes down is compared in the same
//! blunt form, so that `がっこう` and `かつこう` are one.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

/// How many words there are.
pub const COUNT: usize = 1024;

static TEXT: &str = include_str!("words.txt");
static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| TEXT.lines().collect());
static NUMBERS: LazyLock<HashMap<String, u16>> =
    LazyLock::new(|| WORDS.iter().zip(0..).map(|(word, number)| (blunt(word), number)).collect());

/// The word of that number; the number counts modulo [`COUNT`].
#[must_use]
pub fn word(number: u16) -> &'static str {
    WORDS.get(usize::from(number) % COUNT).copied().unwrap_or_default()
}

/// The number of a word as somebody heard and wrote it: hiragana or katakana of any width.
#[must_use]
pub fn number(heard: &str) -> Option<u16> {
    NUMBERS.get(&blunt(heard)).copied()
}

/// A word as it sounds over a bad line: hiragana without voicing, small kana and long vowels. Anything else is kept as it is.
#[must_use]
pub fn blunt(word: &str) -> String {
    let mut sounds = String::with_capacity(word.len());
    // Decomposed, a voiced kana is the plain one and a mark.
    for kana in word.nfkd().filter(|mark| !matches!(mark, '\u{3099}' | '\u{309A}')) {
        let kana = plain(kana);
        let long = kana == 'ー' || sounds.chars().next_back().is_some_and(|before| lengthens(before, kana));
        if !long {
            sounds.push(kana);
        }
    }
    sounds
}

fn plain(kana: char) -> char {
    let hiragana = match kana {
        'ァ'..='ヶ' => char::from_u32(u32::from(kana) - 0x60).unwrap_or(kana),
        other => other,
    };
    match hiragana {
        'っ' => 'つ',
        'ゃ' => 'や',
        'ゅ' => 'ゆ',
        'ょ' => 'よ',
        'ぁ' => 'あ',
        'ぃ' => 'い',
        'ぅ' => 'う',
        'ぇ' => 'え',
        'ぉ' => 'お',
        other => other,
    }
}

/// Whether a vowel only makes the sound before it longer: おう, えい, ああ.
fn lengthens(before: char, kana: char) -> bool {
    match (vowel(before), kana) {
        (Some(vowel), 'あ' | 'い' | 'う' | 'え' | 'お') if vowel == kana => true,
        (Some('お'), 'う') | (Some('え'), 'い') => true,
        _ => false,
    }
}

/// The vowel of a plain kana.
#[must_use]
pub fn vowel(kana: char) -> Option<char> {
    const ROWS: [(char, &str); 5] = [
        ('あ', "あかさたなはまやらわ"),
        ('い', "いきしちにひみり"),
        ('う', "うくすつぬふむゆる"),
        ('え', "えけせてねへめれ"),
        ('お', "おこそとのほもよろを"),
    ];
    ROWS.iter().find(|(_, row)| row.contains(kana)).map(|(vowel, _)| *vowel)
}
