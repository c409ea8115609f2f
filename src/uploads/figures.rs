//! The port of figures: their places on pages. Their images are files.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::error::Result;
use crate::extract::OwnPage;
use crate::markdown::FigureId;
use coldbrew_pdf::figures::Figure;

/// The figures of a document by page. `None` means that detection failed on this page.
pub type FigurePlaces = BTreeMap<u32, Option<Vec<Figure>>>;

/// The ids of all figures of a content, page by page.
pub fn figure_ids(content_hash: &str, places: &FigurePlaces) -> impl Iterator<Item = FigureId> {
    places.iter().flat_map(move |(&page, figures)| {
        (0..figures.iter().flatten().count()).map(move |figure| FigureId::new(content_hash, page, figure))
    })
}

/// What was found on one page.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundFigures {
    /// `None` if detection failed.
    pub figures: Option<Vec<Figure>>,
    /// The size of all images of this page, which are stored already.
    pub picture_bytes: u64,
    /// What the file itself says of the page; `None`: it could not be read.
    pub own: Option<OwnPage>,
}

/// Stores the places of figures, once for each content. The images are files, see [`super::figure_key`].
///
/// # Errors
/// Every method fails with `unavailable` if the store cannot be reached, and with `internal` if the store fails otherwise.
#[async_trait]
pub trait Figures: Send + Sync {
    /// Stores the figures of these pages, all or none.
    async fn record_figures(
        &self,
        account_id: &str,
        content_hash: &str,
        found: &BTreeMap<u32, FoundFigures>,
    ) -> Result<()>;

    /// All stored figures of a content.
    async fn figures(&self, account_id: &str, content_hash: &str) -> Result<FigurePlaces>;

    /// What the file itself says of these pages. A page without a record is left out: an earlier version found its figures.
    async fn own_pages(&self, account_id: &str, content_hash: &str, pages: &[u32]) -> Result<BTreeMap<u32, OwnPage>>;
}
