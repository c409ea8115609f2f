//! Where the figures of pages are. Their pictures are files.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::error::Result;
use crate::markdown::FigureId;
use coldbrew_pdf::figures::Figure;

/// The figures of a document by page; `None`: they could not be looked for.
pub type FigurePlaces = BTreeMap<u32, Option<Vec<Figure>>>;

/// The figures of a content, page by page.
pub fn figure_ids(content_hash: &str, places: &FigurePlaces) -> impl Iterator<Item = FigureId> {
    places.iter().flat_map(move |(&page, figures)| {
        (0..figures.iter().flatten().count()).map(move |figure| FigureId::new(content_hash, page, figure))
    })
}

/// The figures of one page that were just looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundFigures {
    /// `None`: they could not be looked for.
    pub figures: Option<Vec<Figure>>,
    /// Of their pictures together, which are kept already.
    pub picture_bytes: u64,
}

/// Where figures are: found once for a content, whatever is extracted how often. Their pictures are files, see [`super::figure_key`].
#[async_trait]
pub trait Figures: Send + Sync {
    /// Keeps the places of these pages' figures, all or none.
    async fn record_figures(
        &self,
        account_id: &str,
        content_hash: &str,
        found: &BTreeMap<u32, FoundFigures>,
    ) -> Result<()>;

    /// All figures of a content that were recorded.
    async fn figures(&self, account_id: &str, content_hash: &str) -> Result<FigurePlaces>;
}
