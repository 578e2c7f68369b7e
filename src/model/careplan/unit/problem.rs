//! What is wrong with a unit in JSON, or with a text of a unit: a pointer, a stable name, two sentences.

use serde::{Serialize, Serializer};

/// How many problems of a unit are named.
pub(super) const MAX_PROBLEMS: usize = 100;

macro_rules! problem_codes {
    ($( $variant:ident $name:literal $ja:literal $en:literal; )+) => {
        /// A problem's stable name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each variant is documented by its sentence in the table")]
        pub enum ProblemCode { $( $variant, )+ }

        impl ProblemCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The name on the wire, for example `TABLE_MISSING`.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $( Self::$variant => $name, )+ } }

            /// The Japanese sentence, with `{detail}` to be filled in.
            #[must_use]
            pub const fn ja(self) -> &'static str { match self { $( Self::$variant => $ja, )+ } }

            /// The English sentence, with `{detail}` to be filled in.
            #[must_use]
            pub const fn en(self) -> &'static str { match self { $( Self::$variant => $en, )+ } }
        }
    };
}

problem_codes! {
    UnitMalformed "UNIT_MALFORMED"
        "JSONとして読み取れません（{detail}）。"
        "It cannot be read as JSON ({detail}).";
    UnitTooLarge "UNIT_TOO_LARGE"
        "送信単位が大きすぎます（JSONで{detail}バイトまで）。利用者を分けて送ってください。"
        "The unit is too large (up to {detail} bytes of JSON). Send the users in several units.";
    UnitTooMany "UNIT_TOO_MANY"
        "送信単位の表の行や項目が多すぎます。利用者を分けて送ってください。"
        "The unit's tables have too many rows or items. Send the users in several units.";
    UnitKind "UNIT_KIND"
        "表の組み合わせが送信単位の種類に合いません（表からは{detail}）。"
        "The tables are not those of this kind of unit (by the tables: {detail}).";
    MemberMissing "MEMBER_MISSING"
        "必要な項目がありません（{detail}）。"
        "A member is missing ({detail}).";
    MemberType "MEMBER_TYPE"
        "書き方が違います。{detail}で送ってください。"
        "It is written the wrong way. Send: {detail}.";
    MemberUnknown "MEMBER_UNKNOWN"
        "この名前の項目はありません。標準仕様の項目名を確かめるか、取り除いてください。"
        "There is no item of this name. Check the standard's name or leave it out.";
    MemberRepeated "MEMBER_REPEATED"
        "同じ項目が2回あります。"
        "The same item stands there twice.";
    TableUnknown "TABLE_UNKNOWN"
        "標準仕様にない表です。"
        "The standard has no such table.";
    TableRepeated "TABLE_REPEATED"
        "同じ表が2回あります（{detail}）。"
        "The same table stands there twice ({detail}).";
    TableMissing "TABLE_MISSING"
        "表がそろっていません。{detail}を加えてください。"
        "The unit is not complete. Add {detail}.";
    TableSet "TABLE_SET"
        "この表の組み合わせは送信単位ではありません（{detail}）。"
        "These tables together are no send unit ({detail}).";
    FormUnfit "FORM_UNFIT"
        "form が表の内容に合いません。form を取り除くと標準の書き方になります。"
        "`form` does not fit the tables. Without `form` the files are written as the standard wants.";
    CharacterUnsupported "CHARACTER_UNSUPPORTED"
        "{detail}は送り先で扱えない文字です。候補などから代わりの文字を選び、substitutions で指定してください。"
        "It holds {detail}, which the destination cannot hold. Choose a substitute (see the candidates) and state it in `substitutions`.";
    SubstitutionTarget "SUBSTITUTION_TARGET"
        "{detail}番目の置き換えの pointer が項目を指していません。"
        "The pointer of substitution {detail} does not lead to an item.";
    SubstitutionReplacement "SUBSTITUTION_REPLACEMENT"
        "{detail}番目の置き換え後の文字も扱えません（空白・制御文字を含む）。別の文字を選んでください。"
        "The replacement of substitution {detail} cannot be held either (blanks and control characters included). Choose another.";
    SubstitutionNeedless "SUBSTITUTION_NEEDLESS"
        "{detail}番目の置き換えは要りません。その文字は送れます。"
        "Substitution {detail} is not needed: the character can be sent.";
    SubstitutionUnused "SUBSTITUTION_UNUSED"
        "{detail}番目の置き換えの文字は、その項目にありません。"
        "The character of substitution {detail} is not in that item.";
}

/// One problem. It holds no person data but the single character that a destination cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer from the unit.
    pub pointer: String,
    /// What it is.
    pub code: ProblemCode,
    /// The character that the destination cannot hold, with its marks.
    pub character: Option<String>,
    /// What may be chosen instead, most likely first.
    pub candidates: Vec<String>,
    detail: [String; 2],
}

impl Problem {
    pub(super) fn new(pointer: impl Into<String>, code: ProblemCode, ja: &str, en: &str) -> Self {
        let detail = [ja.to_owned(), en.to_owned()];
        Self { pointer: pointer.into(), code, character: None, candidates: Vec::new(), detail }
    }

    /// The sentence in Japanese.
    #[must_use]
    pub fn ja(&self) -> String {
        self.code.ja().replace("{detail}", &self.detail[0])
    }

    /// The sentence in English.
    #[must_use]
    pub fn en(&self) -> String {
        self.code.en().replace("{detail}", &self.detail[1])
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("pointer", &self.pointer)?;
        map.serialize_entry("code", self.code.name())?;
        map.serialize_entry("detail", &self.ja())?;
        map.serialize_entry("detail_en", &self.en())?;
        if let Some(character) = &self.character {
            map.serialize_entry("character", character)?;
            map.serialize_entry("candidates", &self.candidates)?;
        }
        map.end()
    }
}

/// A member's name as a part of a pointer. A strange one is cut: it may be anything.
pub(super) fn escaped(name: &str) -> String {
    let cut: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    cut.replace('~', "~0").replace('/', "~1")
}
