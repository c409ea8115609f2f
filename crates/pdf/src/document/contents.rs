//! What a document and its pages contain, as callers get it.

use serde::{Deserialize, Serialize};

use crate::figures::Figure;

/// Characters of a page label. A longer one is cut.
pub const LABEL_CHARS_MAX: usize = 32;
/// More bookmarks are left out. The largest outline that was seen has 12,000.
pub const BOOKMARKS_MAX: usize = 20_000;

/// The page count and title of an open document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// At least 1.
    pub total_pages: u32,
    /// From the metadata, one clean line of at most 300 characters; `None` if there is none worth showing.
    pub title: Option<String>,
}

/// The text of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageText {
    /// Markdown in reading order. Plain text in it cannot turn into HTML.
    pub markdown: String,
    /// Characters of native text, white space not counted.
    pub chars_visible: u32,
    /// The page is a picture of text: there is (almost) no text that a reader sees.
    pub is_scan: bool,
    pub looks: PageLooks,
}

/// What makes a page harder to read than others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLooks {
    /// Most of its text is smaller than 7 points.
    pub has_small_type: bool,
    /// It is larger than A3.
    pub is_large: bool,
    /// It shows nothing: it has no text, and all of it has one colour.
    pub is_blank: bool,
}

/// An entry of the document's own outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bookmark {
    /// One clean line of at most 300 characters.
    pub title: String,
    /// Counts from 1.
    pub level: u8,
    /// The page to which it leads, numbered from 0; `None`: it leads to none.
    pub page: Option<u32>,
}

/// The figures of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageFigures {
    pub images: Vec<FigureImage>,
    /// Whether the page has a table, as far as rules and the layout model show.
    pub has_tables: bool,
}

/// How much native text a page has, for the estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLength {
    /// As in [`PageText`].
    pub chars_visible: u32,
    /// As in [`PageText`].
    pub is_scan: bool,
}

/// A figure of a page, cut out of a sharp picture of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureImage {
    pub figure: Figure,
    pub png: Vec<u8>,
}
