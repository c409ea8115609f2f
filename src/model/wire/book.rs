//! A document as a book: its outline, and what is known of its pages beside their text.

use serde::{Deserialize, Serialize};

use super::Page;

/// A page of a document with what its book says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct DocumentPage {
    #[serde(flatten)]
    pub page: Page,
    /// The printed number of the page, such as `xii`, if it differs from its number in the file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label: Option<String>,
    /// How the text agrees with the file's own text. Absent: there is nothing to compare with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub check: Option<PageCheck>,
}

/// How the text of a page that was read with AI agrees with the file's own text of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct PageCheck {
    /// The words of the file's own text.
    pub own_words: u32,
    /// Those that the text does not have.
    pub missing: u32,
    /// Words of the text that the file does not have.
    pub added: u32,
    /// Numbers that only one of the texts has.
    pub numbers_differ: u32,
    /// The share of words in the same order, in percent.
    pub order_percent: u32,
    /// The texts differ more than two good readers do.
    pub is_worth_checking: bool,
}

/// An entry of a table of contents, with the entries below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct OutlineItem {
    pub title: String,
    /// The level; 1 is the highest.
    pub level: u8,
    /// The 0-based index of its page in the source file.
    pub page: u32,
    /// The printed number of the page, if it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label: Option<String>,
    /// The HTML id of the heading, or of its page, in the exported web page.
    pub anchor: String,
    #[cfg_attr(feature = "ssr", schema(no_recursion))]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub entries: Vec<OutlineItem>,
}

impl OutlineItem {
    /// The entries as a tree. Each stands below the last one before it with a higher level.
    pub fn tree(entries: impl IntoIterator<Item = OutlineEntry>) -> Vec<Self> {
        // The open items, each with a deeper level than the one before.
        let (mut roots, mut open): (Vec<Self>, Vec<Self>) = (Vec::new(), Vec::new());
        for OutlineEntry { text, rank, page, id, label } in entries {
            Self::close(&mut roots, &mut open, rank);
            open.push(Self { title: text, level: rank, page, label, anchor: id, entries: Vec::new() });
        }
        Self::close(&mut roots, &mut open, 0);
        roots
    }

    /// Moves the open items down to `level` into those above them.
    fn close(roots: &mut Vec<Self>, open: &mut Vec<Self>, level: u8) {
        while let Some(done) = open.pop_if(|last| last.level >= level) {
            open.last_mut().map_or(&mut *roots, |above| &mut above.entries).push(done);
        }
    }
}

/// A heading of a document, with its page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutlineEntry {
    pub text: String,
    /// The level; 1 is the highest.
    pub rank: u8,
    /// The 0-based index of its page in the source file.
    pub page: u32,
    /// The HTML id to go to: of the heading, or of its page if it was not found there.
    pub id: String,
    /// The printed number of the page, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}
