//! A text cut into what a reader sees as one sign: a base with the marks that belong to it.

/// One sign as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster<'a> {
    /// The sign with its marks.
    pub text: &'a str,
    /// Byte offset in the text it was found in.
    pub offset: usize,
}

/// The text's clusters in order; together they are the text.
pub fn clusters(text: &str) -> impl Iterator<Item = Cluster<'_>> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let rest = text.get(offset..).filter(|rest| !rest.is_empty())?;
        let mut chars = rest.char_indices();
        chars.next();
        let end = chars.find(|&(_, c)| !extends(c)).map_or(rest.len(), |(at, _)| at);
        let cluster = Cluster { text: rest.get(..end)?, offset };
        offset += end;
        Some(cluster)
    })
}

/// Marks that never stand alone in Japanese text: accents, kana voicing (full and half width), variation selectors, joiners.
fn extends(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}'
        | '\u{3099}' | '\u{309A}'
        | '\u{FF9E}' | '\u{FF9F}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{E0100}'..='\u{E01EF}'
        | '\u{180B}'..='\u{180D}'
        | '\u{200D}')
}
