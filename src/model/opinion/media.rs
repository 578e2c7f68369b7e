//! Attachments are known by their content, never by their name.

/// What an attachment may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// PDF.
    Pdf,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
}

impl MediaType {
    /// How many leading bytes [`MediaType::sniff`] looks at.
    pub const SNIFF_BYTES: usize = 16;

    /// What the first bytes of a file say it is; `None` for anything that is not taken.
    ///
    /// A PDF's header may stand behind a byte order mark or a line break, so it is looked for in all of the window.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        let head = head.get(..Self::SNIFF_BYTES).unwrap_or(head);
        if head.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if head.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if head.windows(5).any(|window| window == b"%PDF-") {
            Some(Self::Pdf)
        } else {
            None
        }
    }

    /// The IANA media type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }
}
