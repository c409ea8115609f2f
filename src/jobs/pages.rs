//! Makes pages ready to be sent to Gemini, for both AI modes: splits them off, and has their figures found, cut out and stored.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};

use super::DiskSpool;
use super::job::Job;
use crate::accounts::Accounts;
use crate::crash::crash_point;
use crate::error::{Error, Result};
use crate::extract::{
    EngineShares, OwnPage, PageImage, PageOutcome, PagePrompt, PageRequest, PageTraits, Way, engine_time_used_up,
};
use crate::markdown::FigureId;
use crate::model::wire::JobError;
use crate::uploads::{Blobs, FigurePlaces, Figures, FoundFigures, figure_key, upload_key};
use coldbrew_gemini::RequestError;
use coldbrew_gemini::models::Model;
use coldbrew_pdf::figures::Figure;
use coldbrew_pdf::{Bookmark, Document, Engine, FigureImage, PageFault, PageText, PdfError, Priority, Requester};

/// Pages whose files are written while the page engine works on the next ones.
const WRITES_MAX: usize = 4;
/// Pages whose figures are recorded in one transaction: each transaction waits for the disk.
const RECORDED_AT_ONCE_MAX: usize = 8;
/// More bookmarks of one page are left out of its prompt.
const HEADINGS_MAX: usize = 40;
/// How long a page waits for others to be recorded with.
const RECORDED_WITHIN: Duration = Duration::from_millis(200);

/// The note of a page that was read without its figures.
const UNSEARCHED: &str = "Figure detection failed on this page, so it is shown without figures.";

/// A page that can be sent to Gemini.
#[derive(Default)]
pub struct ReadyPage {
    /// The page as a PDF of one page.
    pub pdf: Bytes,
    /// `None`: the detector failed.
    pub figures: Option<Vec<Figure>>,
    pub own: OwnPage,
    /// The bookmarks that lead to the page: level and title.
    pub headings: Vec<(u8, String)>,
}

impl ReadyPage {
    /// The request for this page of the job, asked for in this way as `image`.
    pub fn asked<'a>(
        &'a self,
        job: &'a Job,
        index: u32,
        (model, way): (&'a Model, Way),
        image: PageImage,
        output_tokens_max: u32,
    ) -> PageRequest<'a> {
        let prompt = PagePrompt {
            title: &job.title,
            number: index + 1,
            page_count: job.total_pages,
            figures: self.figures.as_deref().unwrap_or_default(),
            headings: &self.headings,
            own_text: Some(self.own.text.as_str()).filter(|text| !text.trim().is_empty()),
        };
        PageRequest { model, way, image, prompt, traits: self.own.traits, output_tokens_max }
    }
}

/// The outcome of a page, with a note if the detector failed, so that `figures` is `None`.
pub(super) fn with_figure_note(outcome: PageOutcome, figures: Option<&[Figure]>) -> PageOutcome {
    match outcome {
        PageOutcome::Read { markdown, note, usage, charge, model } if figures.is_none() => {
            let note = note.map_or_else(|| UNSEARCHED.to_owned(), |note| format!("{note} {UNSEARCHED}"));
            PageOutcome::Read { markdown, note: Some(note), usage, charge, model }
        }
        outcome => outcome,
    }
}

/// The reason for people why a page cannot be sent to Gemini.
pub(super) const fn unsendable_reason(fault: &RequestError) -> &'static str {
    match fault {
        RequestError::TooLarge { .. } => "This page is too large for Gemini.",
        _ => "This page could not be sent to Gemini because of this server's settings.",
    }
}

/// A page by its index, or why it cannot be read.
type Made = (u32, Result<ReadyPage, PageFault>);

/// A page, and the size of its figures' pictures that were stored just now, in bytes.
type New = (Made, u64);

/// Pages, each soon after it is ready. A slow page does not delay those after it.
pub type ReadyPages<'a> = BoxStream<'a, Result<Made>>;

/// Makes the pages of a job's document ready.
#[async_trait]
pub trait PageSource: Send + Sync {
    /// Opens the document and makes the pages with these indices ready. `time` limits how long the engine works on them; afterwards it
    /// holds the time that is left.
    ///
    /// # Errors
    /// The inner error says why the job fails. The outer one is temporary: the job tries again later.
    async fn pages<'a>(
        &'a self,
        job: &'a Job,
        indices: Vec<u32>,
        time: &'a Mutex<Duration>,
    ) -> Result<Result<ReadyPages<'a>, JobError>>;

    /// The upper and the lower half of a page as pictures; `None`: the page cannot be drawn.
    async fn halves(&self, job: &Job, index: u32) -> Result<Option<[Bytes; 2]>>;
}

/// Makes pages of uploaded files ready with the page engine.
pub struct EnginePages {
    pub engine: Engine,
    pub shares: EngineShares,
    pub accounts: Arc<dyn Accounts>,
    pub blobs: Arc<dyn Blobs>,
    pub figures: Arc<dyn Figures>,
    pub spool: DiskSpool,
}

#[async_trait]
impl PageSource for EnginePages {
    async fn pages<'a>(
        &'a self,
        job: &'a Job,
        indices: Vec<u32>,
        time: &'a Mutex<Duration>,
    ) -> Result<Result<ReadyPages<'a>, JobError>> {
        let limit = *time.lock().unwrap_or_else(PoisonError::into_inner);
        let document = match self.open(job).await? {
            Ok(document) => Arc::new(document.limited_to(limit)),
            Err(failure) => return Ok(Err(failure)),
        };
        crash_point("page", "document opened");
        let known = Arc::new(self.known(job, &document, &indices).await?);
        let at_once = document.widen() + WRITES_MAX;
        let known_before = Arc::clone(&known);
        let page = move |index| {
            let (document, known) = (Arc::clone(&document), Arc::clone(&known_before));
            async move {
                let page = self.page(job, &document, index, &known).await;
                *time.lock().unwrap_or_else(PoisonError::into_inner) = document.time_left();
                page
            }
        };
        let pages = stream::iter(indices).map(page).buffer_unordered(at_once);
        let recorded = in_groups(pages).map(move |group| self.recorded(job, Arc::clone(&known), group));
        // One group is recorded while the next one is collected.
        Ok(Ok(recorded.buffered(2).flat_map(stream::iter).boxed()))
    }

    async fn halves(&self, job: &Job, index: u32) -> Result<Option<[Bytes; 2]>> {
        let Ok(document) = self.open(job).await? else { return Ok(None) };
        match document.halves(index).await {
            Ok(halves) => Ok(Some(halves.map(Bytes::from))),
            Err(PdfError::Page { .. }) => Ok(None),
            Err(error) => Err(Error::unavailable(error)),
        }
    }
}

/// What is known of the document before its pages are made ready.
struct Known {
    figures: FigurePlaces,
    /// The pages whose figures are known.
    own: BTreeMap<u32, OwnPage>,
    /// The bookmarks by page: level and title.
    headings: BTreeMap<u32, Vec<(u8, String)>>,
}

/// Groups of items that arrive within [`RECORDED_WITHIN`], at most [`RECORDED_AT_ONCE_MAX`] in each.
fn in_groups<T>(items: impl Stream<Item = T>) -> impl Stream<Item = Vec<T>> {
    stream::unfold(Box::pin(items.fuse()), async |mut items| {
        let mut group = vec![items.next().await?];
        let mut waited = pin!(tokio::time::sleep(RECORDED_WITHIN));
        while group.len() < RECORDED_AT_ONCE_MAX {
            tokio::select! {
                biased;
                item = items.next() => match item {
                    Some(item) => group.push(item),
                    None => break,
                },
                () = &mut waited => break,
            }
        }
        Some((group, items))
    })
}

impl EnginePages {
    async fn open(&self, job: &Job) -> Result<Result<Document, JobError>> {
        let Some(file) = self.blobs.open(&upload_key(&job.account_id, &job.content_hash)).await? else {
            return Ok(Err(JobError::new("upload_gone", "The uploaded file is no longer stored. Upload it again.")));
        };
        let requester = self.requester(job).await?;
        match self.engine.open(file, Priority::Background, &requester).await {
            Ok(document) => Ok(Ok(document)),
            Err(PdfError::BudgetSpent(wait)) => Err(engine_time_used_up(wait)),
            Err(error @ (PdfError::Busy | PdfError::Unavailable(_) | PdfError::Io(_))) => {
                Err(Error::unavailable(error))
            }
            Err(_) => {
                Ok(Err(JobError::new("unreadable_document", "The document could not be opened. Upload it again.")))
            }
        }
    }

    /// The job's account as a requester of the page engine.
    async fn requester(&self, job: &Job) -> Result<Requester> {
        let account = self.accounts.account(&job.account_id).await?;
        let account = account.ok_or_else(|| Error::unavailable("the job's account is gone"))?;
        Ok(self.shares.of_account(&account, None))
    }

    async fn known(&self, job: &Job, document: &Document, indices: &[u32]) -> Result<Known> {
        let figures = self.figures.figures(&job.account_id, &job.content_hash).await?;
        let recorded: Vec<u32> = indices.iter().copied().filter(|index| figures.contains_key(index)).collect();
        let own = self.figures.own_pages(&job.account_id, &job.content_hash, &recorded).await?;
        let mut headings = BTreeMap::<u32, Vec<(u8, String)>>::new();
        // Without bookmarks the prompt asks for ranks by number and type.
        for Bookmark { title, level, page } in document.bookmarks().await.unwrap_or_default() {
            let of_page =
                page.map(|page| headings.entry(page).or_default()).filter(|of_page| of_page.len() < HEADINGS_MAX);
            if let Some(of_page) = of_page {
                of_page.push((level, title));
            }
        }
        Ok(Known { figures, own, headings })
    }

    /// Makes one page ready. What was found before is not looked for again.
    async fn page(&self, job: &Job, document: &Document, index: u32, known: &Known) -> Result<New> {
        match document.split(index).await {
            Ok(pdf) => {
                crash_point("page", "split off");
                let FoundFigures { figures, picture_bytes, own } = self.found_on(job, document, index, known).await?;
                let headings = known.headings.get(&index).cloned().unwrap_or_default();
                let page = ReadyPage { pdf: pdf.into(), figures, own: own.unwrap_or_default(), headings };
                Ok(((index, Ok(page)), picture_bytes))
            }
            Err(PdfError::Page { reason, .. }) => Ok(((index, Err(reason)), 0)),
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    /// The figures of a page, and what the file says of it. If the detector fails, the page is read without figures.
    async fn found_on(&self, job: &Job, document: &Document, index: u32, known: &Known) -> Result<FoundFigures> {
        if let (Some(Some(figures)), Some(own)) = (known.figures.get(&index), known.own.get(&index)) {
            return Ok(FoundFigures { figures: Some(figures.clone()), picture_bytes: 0, own: Some(own.clone()) });
        }
        let mut own = own_page(document, index).await?;
        match document.figures(index).await {
            Ok(found) => {
                own.traits.has_tables = found.has_tables;
                let figures = self.keep_pictures(job, index, found.images).await?;
                Ok(FoundFigures { own: Some(own), ..figures })
            }
            Err(error @ PdfError::Page { .. }) => {
                tracing::warn!(job = %job.id, page = index, %error, "figure detection failed");
                Ok(FoundFigures { figures: None, picture_bytes: 0, own: Some(own) })
            }
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    /// Records what was found on new pages, also that there is nothing, and returns the pages. After a restart the detector is not asked
    /// for them again.
    async fn recorded(&self, job: &Job, known: Arc<Known>, pages: Vec<Result<New>>) -> Vec<Result<Made>> {
        let found = pages.iter().flatten().filter_map(|((index, page), picture_bytes)| {
            let is_new = !matches!(known.figures.get(index), Some(Some(_))) || !known.own.contains_key(index);
            let page = page.as_ref().ok().filter(|_| is_new)?;
            let (figures, own) = (page.figures.clone(), Some(page.own.clone()));
            Some((*index, FoundFigures { figures, picture_bytes: *picture_bytes, own }))
        });
        let recorded = self.figures.record_figures(&job.account_id, &job.content_hash, &found.collect()).await;
        let made = pages.into_iter().map(|page| page.map(|(made, _)| made));
        recorded.map_or_else(|error| vec![Err(error)], |()| made.collect())
    }

    async fn keep_pictures(&self, job: &Job, page: u32, images: Vec<FigureImage>) -> Result<FoundFigures> {
        for (index, image) in images.iter().enumerate() {
            self.keep_picture(job, FigureId::new(&job.content_hash, page, index), image).await?;
        }
        let picture_bytes = images.iter().map(|image| image.png.len() as u64).sum();
        let figures = Some(images.into_iter().map(|image| image.figure).collect());
        Ok(FoundFigures { figures, picture_bytes, own: None })
    }

    async fn keep_picture(&self, job: &Job, figure: FigureId, image: &FigureImage) -> Result<()> {
        let path = self.spool.picture(job, &figure);
        tokio::fs::write(&path, &image.png).await?;
        self.blobs.put(&figure_key(&job.account_id, &figure), &path).await
    }
}

/// What the file itself says of a page. A page whose text cannot be read is read by Gemini without it.
async fn own_page(document: &Document, index: u32) -> Result<OwnPage> {
    match document.text(index).await {
        Ok(PageText { markdown, is_scan, looks, .. }) => {
            Ok(OwnPage { text: markdown, traits: PageTraits { is_scan, looks, ..PageTraits::default() } })
        }
        Err(PdfError::Page { .. }) => Ok(OwnPage::default()),
        Err(error) => Err(Error::unavailable(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TokenUsage;

    fn read(note: Option<&str>) -> PageOutcome {
        let (markdown, model) = ("A page.".to_owned(), String::new());
        PageOutcome::Read { markdown, note: note.map(str::to_owned), usage: TokenUsage::default(), charge: 1, model }
    }

    #[tokio::test]
    async fn items_are_grouped_up_to_the_limit_and_a_group_waits_for_no_late_item() {
        let groups: Vec<Vec<usize>> = in_groups(stream::iter(0..RECORDED_AT_ONCE_MAX + 2)).collect().await;
        let (full, rest) = ((0..RECORDED_AT_ONCE_MAX).collect(), vec![RECORDED_AT_ONCE_MAX, RECORDED_AT_ONCE_MAX + 1]);
        assert_eq!(groups, [full, rest]);
        let mut groups = pin!(in_groups(stream::iter(0..2).chain(stream::pending())));
        assert_eq!(groups.next().await, Some(vec![0, 1]));
    }

    #[test]
    fn page_read_without_figures_adds_a_note_to_other_notes() {
        assert_eq!(with_figure_note(read(None), None), read(Some(UNSEARCHED)));
        assert_eq!(with_figure_note(read(Some("It was cut.")), None), read(Some(&format!("It was cut. {UNSEARCHED}"))));
        assert_eq!(with_figure_note(read(Some("It was cut.")), Some(&[])), read(Some("It was cut.")));
        let failed = || PageOutcome::Failed { reason: "It is damaged.".to_owned(), text: String::new() };
        assert_eq!(with_figure_note(failed(), None), failed());
    }
}
