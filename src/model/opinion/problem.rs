//! What can be wrong with an opinion: stable codes and the sentences a person reads.

use super::item::Item;

/// Whether a problem stops the opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The opinion is not accepted.
    Error,
    /// The opinion is accepted; a person should look at it.
    Warning,
}

/// One thing wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// JSON pointer from the opinion object, for example `/bpsd_symptoms/2`; empty for the object itself.
    pub pointer: String,
    /// What is wrong.
    pub code: ProblemCode,
    /// Whether it stops the opinion.
    pub severity: Severity,
    /// What to do, in Japanese; never the value itself.
    #[serde(rename = "detail")]
    pub ja: String,
    /// What to do, in English; never the value itself.
    #[serde(rename = "detail_en")]
    pub en: String,
    /// The character (with its marks) that cannot be held: what a substitution's `original` has to name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub character: Option<String>,
    /// What the sender may choose instead of an unsupported character, most likely first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
}

/// How a code's severity is decided; for the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Always an error.
    Error,
    /// Always a warning.
    Warning,
    /// The item's rule decides.
    Either,
}

macro_rules! problem_codes {
    ($( $variant:ident $name:literal $level:ident $ja:literal $en:literal; )+) => {
        /// A problem's stable name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each variant is documented by its sentence in the table")]
        pub enum ProblemCode { $( $variant, )+ }

        impl ProblemCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The name on the wire, for example `ITEM_REQUIRED`.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $( Self::$variant => $name, )+ } }

            /// Whether it is an error, a warning, or either.
            #[must_use]
            pub const fn level(self) -> Level { match self { $( Self::$variant => Level::$level, )+ } }

            /// The Japanese sentence, with `{item}`, `{other}` and `{detail}` to be filled in.
            #[must_use]
            pub const fn ja(self) -> &'static str { match self { $( Self::$variant => $ja, )+ } }

            /// The English sentence, with `{item}`, `{other}` and `{detail}` to be filled in.
            #[must_use]
            pub const fn en(self) -> &'static str { match self { $( Self::$variant => $en, )+ } }
        }
    };
}

problem_codes! {
    ItemUnknown "ITEM_UNKNOWN" Error
        "この名前の項目はありません。項目名を確かめるか、取り除いてください。"
        "There is no item of this name. Check the name or leave it out.";
    ItemType "ITEM_TYPE" Error
        "「{item}」の書き方が違います。{detail}で送ってください。"
        "`{item}` is written the wrong way. Send {detail}.";
    ItemRequired "ITEM_REQUIRED" Error
        "「{item}」がありません。記入してください。"
        "`{item}` is missing. State it.";
    ItemExpected "ITEM_EXPECTED" Warning
        "「{item}」がありません。市町村から照会されることがあります。記入漏れでないか確かめてください。"
        "`{item}` is missing and the municipality may ask back. Check that it was not forgotten.";
    ItemNotInForm "ITEM_NOT_IN_FORM" Error
        "「{item}」はこの版の様式にありません。取り除くか、様式の版を確かめてください。"
        "`{item}` is not on this version of the form. Leave it out, or check `form_version`.";
    DetailRequired "DETAIL_REQUIRED" Error
        "「{other}」の記入により「{item}」が要ります。記入してください。"
        "What `{other}` says needs `{item}`. State it.";
    DetailExpected "DETAIL_EXPECTED" Warning
        "「{other}」の記入に対する「{item}」がありません。記入漏れでないか確かめてください。"
        "`{item}` is missing beside what `{other}` says. Check that it was not forgotten.";
    DetailStray "DETAIL_STRAY" Either
        "「{item}」がありますが、「{other}」がそれを示していません。どちらかを直してください。"
        "`{item}` is given although `{other}` does not call for it. Correct one of them.";
    DetailDropped "DETAIL_DROPPED" Warning
        "「{item}」がありますが、「{other}」がそれを示していません。「{item}」は送りません。要るなら「{other}」を直してください。"
        "`{item}` is given although `{other}` does not call for it. `{item}` is not sent; correct `{other}` if it is meant.";
    HeadingMismatch "HEADING_MISMATCH" Error
        "「{item}」の有無が内訳の記入と合いません。どちらかを直してください。"
        "`{item}` disagrees with the ticks under it. Correct one of them.";
    ChoiceUnknown "CHOICE_UNKNOWN" Error
        "「{item}」にこの選択肢はありません。一覧の符号から選んでください。"
        "`{item}` has no such choice. Use a code of its list.";
    ChoiceDuplicate "CHOICE_DUPLICATE" Error
        "「{item}」に同じ選択肢が2回あります。1つにしてください。"
        "`{item}` holds the same choice twice. Keep one.";
    ChoiceExclusive "CHOICE_EXCLUSIVE" Error
        "「{item}」で「なし」とほかの選択肢が一緒に選ばれています。どちらかにしてください。"
        "`{item}` ticks `none` beside other choices. Keep one or the other.";
    ChoiceNotTicked "CHOICE_NOT_TICKED" Error
        "「{item}」に「{other}」で選ばれていないものがあります。どちらかを直してください。"
        "`{item}` names a choice that is not ticked in `{other}`. Correct one of them.";
    ListTooLong "LIST_TOO_LONG" Error
        "「{item}」の数が選択肢の数を超えています。重なりを除いてください。"
        "`{item}` has more entries than there are choices. Remove the repeats.";
    TextEmpty "TEXT_EMPTY" Error
        "「{item}」が空です。記入するか、項目ごと省いてください。"
        "`{item}` is blank. Fill it in or leave the item out.";
    TextTooLong "TEXT_TOO_LONG" Error
        "「{item}」が長すぎます。{detail}文字以内にしてください。"
        "`{item}` is too long. Keep it to {detail} characters.";
    TextLong "TEXT_LONG" Warning
        "「{item}」が{detail}文字を超えています。このまま送りますが、受け取る側で欄に入らないことがあります。"
        "`{item}` has more than {detail} characters. It is sent as it is, but may not fit at the recipient.";
    TextFormat "TEXT_FORMAT" Either
        "「{item}」の形が違います。{detail}で書いてください。"
        "`{item}` has the wrong form. Write {detail}.";
    ControlCharacter "CONTROL_CHARACTER" Error
        "「{item}」に制御文字（{detail}）があります。取り除いてください。"
        "`{item}` holds a control character ({detail}). Remove it.";
    CharacterUnsupported "CHARACTER_UNSUPPORTED" Error
        "「{item}」の{detail}は送り先で扱えない文字です。候補などから代わりの文字を選び、substitutions で指定してください。"
        "`{item}` holds {detail}, which the destination cannot hold. Choose a substitute (see the candidates) and state it in `substitutions`.";
    DateInvalid "DATE_INVALID" Error
        "「{item}」の日付が正しくありません。{detail}で、実在する日を書いてください。"
        "`{item}` is no valid date. Write {detail}, and a day that exists.";
    DateOrder "DATE_ORDER" Either
        "「{item}」と「{other}」の日付の前後が合いません。日付を確かめてください。"
        "`{item}` and `{other}` are in the wrong order. Check the dates.";
    DateFuture "DATE_FUTURE" Error
        "「{item}」が今日より後です。日付を確かめてください。"
        "`{item}` is in the future. Check the date.";
    NumberDropped "NUMBER_DROPPED" Warning
        "「{item}」があり得ない数です。送りません。{detail}で書いてください。"
        "`{item}` is an impossible number and is not sent. Write one {detail}.";
    NumberRounded "NUMBER_ROUNDED" Warning
        "「{item}」に小数が2桁以上あります。小数1桁に丸めて送ります。"
        "`{item}` has more than one decimal. It is sent rounded to one.";
    NumberImplausible "NUMBER_IMPLAUSIBLE" Warning
        "「{item}」がふつうの範囲（{detail}）にありません。確かめてください。"
        "`{item}` is outside the usual range ({detail}). Check it.";
    CheckDigit "CHECK_DIGIT" Either
        "「{item}」の検査数字が合いません。番号を確かめてください。"
        "The check digit of `{item}` does not fit. Check the number.";
    AgeDiffers "AGE_DIFFERS" Warning
        "「{item}」が生年月日と記入日から数えた満年齢（整数）ではありません。数えた年齢を送ります。"
        "`{item}` is not the full years at the entry date, a whole number. The computed age is sent.";
    AgeUnder40 "AGE_UNDER_40" Warning
        "記入日に40歳未満で、介護保険の対象外です。「{item}」を確かめてください。"
        "Under 40 at the entry date: outside care insurance. Check `{item}`.";
    SpecifiedDisease "SPECIFIED_DISEASE" Warning
        "40〜64歳の方の診断名1は特定疾病である必要があります。「{item}」を確かめてください。"
        "For persons of 40 to 64 years diagnosis 1 has to be a specified disease. Check `{item}`.";
    DiagnosisGap "DIAGNOSIS_GAP" Warning
        "「{other}」が空いたまま「{item}」があります。上から詰めて書いてください。"
        "`{item}` is given while `{other}` is missing. Fill the rows from the top.";
    DementiaContradiction "DEMENTIA_CONTRADICTION" Warning
        "「{item}」が自立ですが、「{other}」に問題の記入があります。確かめてください。"
        "`{item}` is independent although `{other}` states a problem. Check them.";
    UlcerContradiction "ULCER_CONTRADICTION" Warning
        "褥瘡の処置がありますが、「{item}」の記入がありません。確かめてください。"
        "Pressure ulcer care is ticked but `{item}` is not. Check them.";
    WalkingContradiction "WALKING_CONTRADICTION" Warning
        "「{item}」が「していない」ですが、補助具を屋外で使用とあります。確かめてください。"
        "`{item}` is not done although an aid is used outdoors. Check them.";
    NutritionDoubtful "NUTRITION_DOUBTFUL" Warning
        "「{item}」が良好ですが、身長と体重からはBMIが18.5未満です。確かめてください。"
        "`{item}` is good although height and weight give a body mass index under 18.5. Check them.";
    SubstitutionTarget "SUBSTITUTION_TARGET" Error
        "substitutions の{detail}番目の pointer が、記入のある文字の項目を指していません。/項目名 の形で直してください。"
        "The pointer of substitution {detail} does not name a text item that is stated. Write it as /item_name.";
    SubstitutionUnused "SUBSTITUTION_UNUSED" Error
        "substitutions の{detail}番目の文字は「{item}」にありません。取り除くか、直してください。"
        "The original of substitution {detail} does not occur in `{item}`. Remove or correct it.";
    SubstitutionNeedless "SUBSTITUTION_NEEDLESS" Error
        "substitutions の{detail}番目は、送り先で扱える文字を置き換えようとしています。扱えない文字だけを指定してください。"
        "Substitution {detail} replaces what the destination can hold. Name only the characters it cannot hold.";
    SubstitutionReplacement "SUBSTITUTION_REPLACEMENT" Error
        "substitutions の{detail}番目の代わりの文字が空か、送り先で扱えません。扱える文字にしてください。"
        "The replacement of substitution {detail} is empty or cannot be held by the destination. Use characters it can hold.";
}

impl serde::Serialize for ProblemCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl std::fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What fills a sentence.
#[derive(Clone, Debug, Default)]
pub(super) struct Fill {
    pub(super) item: Option<Item>,
    pub(super) other: Option<Item>,
    pub(super) detail: [String; 2],
}

impl Fill {
    pub(super) fn item(item: Item) -> Self {
        Self { item: Some(item), ..Self::default() }
    }

    pub(super) fn with(self, other: Item) -> Self {
        Self { other: Some(other), ..self }
    }

    /// The detail in Japanese and English.
    pub(super) fn detail(self, ja: &str, en: &str) -> Self {
        Self { detail: [ja.to_owned(), en.to_owned()], ..self }
    }
}

impl Problem {
    pub(super) fn new(pointer: String, code: ProblemCode, severity: Severity, fill: &Fill) -> Self {
        let [ja, en] = &fill.detail;
        let sentence = |template: &str, name: fn(Item) -> &'static str, detail: &str| {
            let put = |text: String, slot: &str, item: Option<Item>| match item {
                Some(item) => text.replace(slot, name(item)),
                None => text,
            };
            // The detail comes last: it may hold a character the sender wrote, which is never a template.
            put(put(template.to_owned(), "{item}", fill.item), "{other}", fill.other).replace("{detail}", detail)
        };
        Self {
            pointer,
            severity,
            ja: sentence(code.ja(), Item::label, ja),
            en: sentence(code.en(), Item::name, en),
            code,
            character: None,
            candidates: Vec::new(),
        }
    }

    /// True when it stops the opinion.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
