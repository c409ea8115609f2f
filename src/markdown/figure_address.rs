//! The address of a figure. Only this module formats and parses it, for stored Markdown, HTML, exports, REST and stored files.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The path under which the REST API serves the pictures of figures.
const FOLDER: &str = "/v1/images/";

/// Identifies a figure. As text, it is the path of its picture: `/v1/images/ab/4_0.png`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FigureId {
    /// Counts from 0.
    pub page: u32,
    /// Its number on the page; counts from 0.
    pub figure: usize,
    /// Only letters and digits if it was parsed.
    pub content_hash: String,
}

impl FigureId {
    /// The figure with this number on this page; both count from 0.
    pub fn new(content_hash: impl Into<String>, page: u32, figure: usize) -> Self {
        Self { page, figure, content_hash: content_hash.into() }
    }

    /// The figure whose picture has this file name; `None` if the name is not valid.
    pub fn of_file(content_hash: &str, name: &str) -> Option<Self> {
        let (page, figure) = name.strip_suffix(".png")?.split_once('_')?;
        let is_plain = content_hash.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_plain.then_some(())?;
        Some(Self::new(content_hash, page.parse().ok()?, figure.parse().ok()?))
    }

    /// The file name of its picture, unique within its content: `4_0.png`.
    pub fn file_name(&self) -> String {
        format!("{}_{}.png", self.page, self.figure)
    }

    /// The path of its picture in an archive, with numbers that count from 1: `figures/page-0005-1.png`.
    pub fn archive_name(&self) -> String {
        format!("figures/page-{:04}-{}.png", u64::from(self.page) + 1, self.figure.saturating_add(1))
    }
}

impl Display for FigureId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{FOLDER}{}/{}", self.content_hash, self.file_name())
    }
}

impl FromStr for FigureId {
    type Err = NoFigure;

    fn from_str(path: &str) -> Result<Self, NoFigure> {
        let file = path.strip_prefix(FOLDER).and_then(|rest| rest.split_once('/'));
        file.and_then(|(content_hash, name)| Self::of_file(content_hash, name)).ok_or(NoFigure)
    }
}

/// A figure's address in stored Markdown: its path, and how it is shown. As text, `/v1/images/ab/4_0.png?w=45&px=812x604&row=1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureAddress {
    pub id: FigureId,
    /// Its width as a percentage of the page's width, up to 100.
    pub width_percent: u32,
    pub width_px: u32,
    pub height_px: u32,
    /// Figures of one row are side by side.
    pub row: Option<u8>,
}

impl FigureAddress {
    /// The figure at an address; `None` for any other address.
    pub fn of(address: &str) -> Option<Self> {
        let (path, query) = address.split_once('?')?;
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let (width, height) = value("px")?.split_once('x')?;
        Some(Self {
            id: path.parse().ok()?,
            width_percent: value("w")?.parse().ok().filter(|width| *width <= 100)?,
            width_px: width.parse().ok()?,
            height_px: height.parse().ok()?,
            row: value("row").and_then(|row| row.parse().ok()),
        })
    }
}

impl Display for FigureAddress {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { id, width_percent, width_px, height_px, row } = self;
        write!(f, "{id}?w={width_percent}&px={width_px}x{height_px}")?;
        row.map_or(Ok(()), |row| write!(f, "&row={row}"))
    }
}

impl FromStr for FigureAddress {
    type Err = NoFigure;

    fn from_str(address: &str) -> Result<Self, NoFigure> {
        Self::of(address).ok_or(NoFigure)
    }
}

/// The error of parsing: the text is not the address of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a figure")]
pub struct NoFigure;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids() -> impl Strategy<Value = FigureId> {
        ("[0-9a-zA-Z]{1,64}", any::<u32>(), any::<usize>()).prop_map(|(content_hash, page, figure)| FigureId {
            page,
            figure,
            content_hash,
        })
    }

    proptest! {
        #[test]
        fn figure_id_round_trips(id in ids()) {
            prop_assert_eq!(id.to_string().parse::<FigureId>(), Ok(id.clone()));
            prop_assert!(id.archive_name().starts_with("figures/page-"));
            prop_assert_eq!(FigureId::of_file(&id.content_hash, &id.file_name()), Some(id));
        }

        #[test]
        fn figure_address_round_trips(
            id in ids(),
            width_percent in 0..=100_u32,
            (width_px, height_px) in any::<(u32, u32)>(),
            row in any::<Option<u8>>(),
        ) {
            let address = FigureAddress { id, width_percent, width_px, height_px, row };
            prop_assert_eq!(address.to_string().parse::<FigureAddress>(), Ok(address));
        }

        #[test]
        fn parsed_figure_id_needs_no_html_escaping(
            text in "/v1/images/[a0\"<&+]{0,3}/[0+]{1,2}_[0\"]{1,2}\\.png\\?w=[0+]{1,2}[\"&]?&px=1x1[&\"<]?",
        ) {
            if let Some(address) = FigureAddress::of(&text) {
                prop_assert!(!address.id.to_string().contains(['"', '<', '&', '+']));
            }
        }
    }

    #[test]
    fn figure_id_formats_as_path_file_and_archive_name() {
        let id = FigureId::new("ab", 4, 0);
        assert_eq!(id.to_string(), "/v1/images/ab/4_0.png");
        assert_eq!(id.file_name(), "4_0.png");
        assert_eq!(id.archive_name(), "figures/page-0005-1.png");
    }

    #[test]
    fn figure_address_parses_stored_form_only() {
        let read = FigureAddress::of("/v1/images/ab/4_0.png?w=45&px=812x604&row=1");
        let id = FigureId::new("ab", 4, 0);
        let expected = FigureAddress { id, width_percent: 45, width_px: 812, height_px: 604, row: Some(1) };
        assert_eq!(read, Some(expected));
        // The number comes from a text, so it can be any value.
        let last = FigureAddress::of(&format!("/v1/images/ab/{}_{}.png?w=1&px=1x1", u32::MAX, usize::MAX)).unwrap();
        assert_eq!(last.id.archive_name(), format!("figures/page-4294967296-{}.png", usize::MAX));
        for other in [
            "/v1/images/ab/4_0.png",
            "/v1/images/ab/4_0.png?w=101&px=1x1",
            "/v1/images/ab/4_0.png?w=1",
            "/v1/images/../4_0.png?w=1&px=1x1",
            "https://a.example/v1/images/ab/4_0.png?w=1&px=1x1",
        ] {
            assert_eq!(FigureAddress::of(other), None, "{other}");
        }
    }
}
