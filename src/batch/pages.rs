//! Pages made ready to be put to Gemini, for both AI modes: split off, with their figures found, cut out and kept.

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::Worker;
use super::job::Job;
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::gemini::RequestFault;
use crate::metrics::Tariff;
use crate::pdf::figures::Figure;
use crate::pdf::{Document, FigureImage, PdfError};
use crate::store::{FigurePlaces, figure_key};

/// Pages whose files are written while the page engine works on the next ones.
const WRITES_MAX: usize = 4;

/// A page that can be put to Gemini.
pub(super) struct ReadyPage {
    /// A PDF of its own.
    pub pdf: Bytes,
    pub figures: Vec<Figure>,
}

/// What is said of a page that Gemini would not take.
pub(super) const fn unsendable(fault: &RequestFault) -> &'static str {
    match fault {
        RequestFault::TooLarge { .. } => "This page is larger than Gemini takes.",
        _ => "This page could not be put to Gemini as it is configured here.",
    }
}

impl Worker {
    /// What the answers to a job cost at Google.
    pub(super) fn tariff<'a>(&'a self, job: &'a Job) -> Tariff<'a> {
        Tariff { models: &self.models, asked: job.recipe.model(), mode: job.mode, today: self.world.today() }
    }

    /// These pages in order, each as it is ready; `None` in place of one that is damaged. `known` is where figures were found
    /// before: they are not looked for again.
    pub(super) fn ready_pages<'a>(
        &'a self,
        job: &'a Job,
        document: &'a Document,
        indices: Vec<u32>,
        known: &'a FigurePlaces,
    ) -> impl Stream<Item = Result<(u32, Option<ReadyPage>)>> + 'a {
        let at_once = document.widen() + WRITES_MAX;
        let page = move |index| async move {
            match document.split(index).await {
                Ok(pdf) => {
                    crash_point("page", "split off");
                    let figures = self.figures_of(job, document, index, known).await?;
                    Ok((index, Some(ReadyPage { pdf: pdf.into(), figures })))
                }
                Err(PdfError::Page { .. }) => Ok((index, None)),
                Err(error) => Err(Error::unavailable(error)),
            }
        };
        futures::stream::iter(indices).map(page).buffered(at_once)
    }

    /// The figures of a page. One that the detector fails on can still be read, without figures.
    async fn figures_of(
        &self,
        job: &Job,
        document: &Document,
        index: u32,
        known: &FigurePlaces,
    ) -> Result<Vec<Figure>> {
        if let Some(figures) = known.get(&index) {
            return Ok(figures.clone());
        }
        let images = match document.figures(index).await {
            Ok(images) => images,
            Err(error @ PdfError::Page { .. }) => {
                tracing::warn!(job = %job.id, page = index, %error, "no figures were looked for");
                return Ok(Vec::new());
            }
            Err(error) => return Err(Error::unavailable(error)),
        };
        for (figure, image) in images.iter().enumerate() {
            self.keep_picture(job, index, figure, image).await?;
        }
        let figures: Vec<Figure> = images.into_iter().map(|image| image.figure).collect();
        if !figures.is_empty() {
            self.figures.record_figures(&job.account_id, &job.content_hash, index, &figures).await?;
        }
        Ok(figures)
    }

    async fn keep_picture(&self, job: &Job, page: u32, figure: usize, image: &FigureImage) -> Result<()> {
        let path = self.spool.picture(job, page, figure);
        tokio::fs::write(&path, &image.png).await?;
        self.blobs.put(&figure_key(&job.account_id, &job.content_hash, page, figure), &path).await
    }
}
