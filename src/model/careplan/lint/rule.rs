//! What a rule is.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The text of the standard is broken: the exchange or the receiver refuses the file.
    Refused,
    /// No text says so, but known receivers refuse or misread it.
    LikelyRefused,
    /// It is taken; a person should look at it.
    Advice,
}

impl Severity {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::LikelyRefused => "likely_refused",
            Self::Advice => "advice",
        }
    }
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The name of a file.
    Name,
    /// The bytes of a file: encoding, lines, quotes, columns.
    File,
    /// The characters of a value.
    Text,
    /// One value.
    Item,
    /// Values of one record together.
    Record,
    /// The records of one file together.
    Table,
    /// Files together.
    Set,
    /// A ZIP archive and its entries.
    Archive,
}

macro_rules! rules {
    ($( $scope:ident { $( $rule:ident $name:literal $severity:ident $source:literal $( reading $reading:literal )?
        $ja:literal $en:literal; )+ } )+) => {
        /// A rule. Its name is stable: it is never renamed or reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each variant is documented by its sentence in the table")]
        pub enum Rule { $( $( $rule, )+ )+ }

        impl Rule {
            /// Every rule, in the order of the table.
            pub const ALL: &'static [Self] = &[ $( $( Self::$rule, )+ )+ ];

            /// The stable name, for example `ITEM_REQUIRED`.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $( $( Self::$rule => $name, )+ )+ } }

            /// How bad a finding of it is.
            #[must_use]
            pub const fn severity(self) -> Severity { match self { $( $( Self::$rule => Severity::$severity, )+ )+ } }

            /// What it looks at.
            #[must_use]
            pub const fn scope(self) -> Scope { match self { $( $( Self::$rule => Scope::$scope, )+ )+ } }

            /// Where it comes from; the short names are explained in `docs/careplan-rules.md`.
            #[must_use]
            pub const fn source(self) -> &'static str { match self { $( $( Self::$rule => $source, )+ )+ } }

            /// Which readings there are and what is done about it; empty where the source is plain.
            #[must_use]
            pub const fn reading(self) -> &'static str { match self { $( $( Self::$rule => concat!($( $reading )?), )+ )+ } }

            /// The Japanese sentence, with `{item}` and `{detail}` to be filled in.
            #[must_use]
            pub const fn ja(self) -> &'static str { match self { $( $( Self::$rule => $ja, )+ )+ } }

            /// The English sentence, with `{item}` and `{detail}` to be filled in.
            #[must_use]
            pub const fn en(self) -> &'static str { match self { $( $( Self::$rule => $en, )+ )+ } }
        }
    };
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

mod table;

pub use table::Rule;
