//! A selection of pages: parsed from text that people type (1-based), stored as sorted 0-based runs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A set of 0-based page indices, stored as sorted runs that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<u32>", from = "Vec<u32>")]
pub struct PageSet {
    /// First and last index of each run, inclusive.
    runs: Vec<(u32, u32)>,
}

/// Why a page range is invalid. The text is for the person who typed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageRangeError {
    #[error("Select at least one page.")]
    Empty,
    #[error("“{0}” is not a page or a range. Write pages like 1-10, 25, 30-50.")]
    NotARange(String),
    #[error("“{0}” runs backwards. Write the lower page number first.")]
    Backwards(String),
    #[error("There is no page {page}. The last page is {total}.")]
    OutOfRange { page: u32, total: u32 },
}

impl PageSet {
    /// All pages of a document of `total` pages.
    pub fn all(total: u32) -> Self {
        Self { runs: total.checked_sub(1).map(|last| (0, last)).into_iter().collect() }
    }

    /// Parses `1-10, 25, 30-50` (1-based, any order, overlaps allowed). Blank text means every page.
    ///
    /// # Errors
    /// If the text is not a list of pages and ranges of this document, or selects no page.
    pub fn parse(text: &str, total: u32) -> Result<Self, PageRangeError> {
        if text.trim().is_empty() {
            return Ok(Self::all(total));
        }
        let runs = text
            .split([',', ';'])
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| parse_run(part, total))
            .collect::<Result<Vec<_>, _>>()?;
        Self::from_runs(runs).non_empty()
    }

    /// A set of 0-based indices that came from a client, for a document of `total` pages.
    ///
    /// # Errors
    /// If an index is not in the document, or there is none.
    pub fn checked(indices: &[u32], total: u32) -> Result<Self, PageRangeError> {
        if let Some(&index) = indices.iter().find(|&&index| index >= total) {
            return Err(PageRangeError::OutOfRange { page: index.saturating_add(1), total });
        }
        indices.iter().copied().collect::<Self>().non_empty()
    }

    fn non_empty(self) -> Result<Self, PageRangeError> {
        if self.runs.is_empty() { Err(PageRangeError::Empty) } else { Ok(self) }
    }

    fn from_runs(mut runs: Vec<(u32, u32)>) -> Self {
        runs.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(runs.len());
        for (first, last) in runs {
            match merged.last_mut() {
                Some(run) if first <= run.1.saturating_add(1) => run.1 = run.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self { runs: merged }
    }

    /// The number of pages.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|(first, last)| (last - first + 1) as usize).sum()
    }

    /// Whether the set has no page.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The indices, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.runs.iter().flat_map(|&(first, last)| first..=last)
    }

    /// First and last index of each run, ascending, inclusive.
    pub fn runs(&self) -> &[(u32, u32)] {
        &self.runs
    }

    /// Whether the set has this page.
    pub fn contains(&self, index: u32) -> bool {
        self.runs.iter().any(|&(first, last)| (first..=last).contains(&index))
    }

    /// Whether the set has every page of a document of `total` pages.
    pub fn is_all_of(&self, total: u32) -> bool {
        *self == Self::all(total)
    }
}

fn parse_run(part: &str, total: u32) -> Result<(u32, u32), PageRangeError> {
    let not_a_range = || PageRangeError::NotARange(part.chars().take(40).collect());
    let mut ends = part.split(['-', '–', '—']).map(str::trim);
    let first = ends.next().and_then(page_number).ok_or_else(not_a_range)?;
    let last = ends.next().map_or(Some(first), page_number).ok_or_else(not_a_range)?;
    if ends.next().is_some() {
        return Err(not_a_range());
    }
    if let Some(page) = [first, last].into_iter().find(|&page| page == 0 || page > total) {
        return Err(PageRangeError::OutOfRange { page, total });
    }
    if last < first {
        return Err(PageRangeError::Backwards(part.chars().take(40).collect()));
    }
    Ok((first - 1, last - 1))
}

/// A number of digits only: `parse` alone would accept a sign.
fn page_number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number above `u32::MAX` is out of range, not malformed.
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

impl FromIterator<u32> for PageSet {
    fn from_iter<I: IntoIterator<Item = u32>>(indices: I) -> Self {
        Self::from_runs(indices.into_iter().map(|index| (index, index)).collect())
    }
}

impl From<Vec<u32>> for PageSet {
    fn from(indices: Vec<u32>) -> Self {
        indices.into_iter().collect()
    }
}

impl From<PageSet> for Vec<u32> {
    fn from(pages: PageSet) -> Self {
        pages.iter().collect()
    }
}

/// The text that [`PageSet::parse`] reads, 1-based: `1-10, 25`.
impl fmt::Display for PageSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, &(first, last)) in self.runs.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            match last - first {
                0 => write!(f, "{comma}{}", first + 1)?,
                _ => write!(f, "{comma}{}-{}", first + 1, last + 1)?,
            }
        }
        Ok(())
    }
}

/// Stores a set in the notation for people, which is short for long runs: `#[serde(with = "notation")]`.
pub mod notation {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    use super::PageSet;

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(pages: &PageSet, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(pages)
    }

    /// # Errors
    /// If the text is no set of pages.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PageSet, D::Error> {
        PageSet::parse(&String::deserialize(deserializer)?, u32::MAX).map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{PageRangeError, PageSet};
    use proptest::prelude::*;

    #[test]
    fn valid_range_is_parsed() {
        for (text, pages) in [
            ("1-10, 25, 30-50", "1-10, 25, 30-50"),
            ("3,2,1", "1-3"),
            (" 5 – 7 ;6", "5-7"),
            ("", "1-60"),
            ("1-60", "1-60"),
            ("7,", "7"),
        ] {
            assert_eq!(PageSet::parse(text, 60).unwrap().to_string(), pages, "{text}");
        }
    }

    #[test]
    fn invalid_range_names_its_mistake() {
        use PageRangeError::*;
        for (text, error) in [
            ("a", NotARange("a".into())),
            ("1-2-3", NotARange("1-2-3".into())),
            ("-3", NotARange("-3".into())),
            ("+3", NotARange("+3".into())),
            ("0", OutOfRange { page: 0, total: 60 }),
            ("61", OutOfRange { page: 61, total: 60 }),
            ("99999999999", OutOfRange { page: u32::MAX, total: 60 }),
            ("9-3", Backwards("9-3".into())),
            (",", Empty),
        ] {
            assert_eq!(PageSet::parse(text, 60).unwrap_err(), error, "{text}");
        }
    }

    proptest! {
        #[test]
        fn set_survives_its_own_text(indices in prop::collection::btree_set(0u32..500, 1..80)) {
            let pages: PageSet = indices.iter().copied().collect();
            prop_assert_eq!(pages.iter().collect::<Vec<_>>(), indices.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(pages.len(), indices.len());
            prop_assert!((0..500).all(|index| pages.contains(index) == indices.contains(&index)));
            prop_assert_eq!(PageSet::parse(&pages.to_string(), 500).unwrap(), pages);
        }

        #[test]
        fn any_text_selects_only_pages_of_the_document(text in "[0-9,; -]{0,24}|\\PC{0,24}", total in 1u32..20_000) {
            if let Ok(pages) = PageSet::parse(&text, total) {
                prop_assert!(pages.iter().all(|index| index < total));
            }
        }
    }
}
