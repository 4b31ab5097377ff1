//! What a piece of a name says, and where it stands.

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Resolution(String),
    Source(&'static str),
    Video(&'static str),
    Audio(&'static str),
    Year(u32),
    /// `YYYY-MM-DD`.
    Date(String),
    Seasons(Vec<u32>),
    /// Seasons, which may be none, and episodes.
    Episodes(Vec<u32>, Vec<u32>),
    /// A number that may be an episode: the number, and with how many digits it is written.
    Number(u32, usize),
    Language(&'static str),
    Subtitles,
    /// `proper`, `repack`: how often a release was mended.
    Proper,
    Edition(&'static str),
    /// A disc or part, a bit depth, a service: it ends a title and says nothing that is kept.
    Other,
    /// An address of a page.
    Site,
}

/// How surely it is no part of the title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strength {
    /// Nothing else is written like that.
    Sure,
    /// A word of the language as well: it counts beside what is sure.
    Weak,
}

/// A fact at its place, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub start: usize,
    pub end: usize,
    pub bracket: Option<usize>,
    pub strength: Strength,
    pub fact: Fact,
}

impl Fact {
    /// Whether it says how the release was made, rather than what it shows.
    pub(super) fn is_technical(&self) -> bool {
        matches!(self, Self::Resolution(_) | Self::Source(_) | Self::Video(_) | Self::Audio(_))
    }

    /// Whether it says which part of a series it is.
    pub(super) fn is_numbering(&self) -> bool {
        matches!(self, Self::Seasons(_) | Self::Episodes(..) | Self::Date(_))
    }
}
