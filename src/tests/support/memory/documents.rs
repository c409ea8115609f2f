//! Documents in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use coldbrew::accounts::Allowance;
use coldbrew::documents::structure::StoredStructure;
use coldbrew::documents::{Documents, NewDocument, Source, Unread};
use coldbrew::error::{Error, Result};
use coldbrew::markdown::Outline;
use coldbrew::model::UnixMs;
use coldbrew::model::wire::{DocumentSummary, Page};
use futures::TryStreamExt;
use futures::stream::BoxStream;

use super::{DocumentRow, Memory, Records};

impl Records {
    fn owned(&self, account_id: &str, id: &str) -> Option<&DocumentRow> {
        self.documents.get(id).filter(|document| document.account_id == account_id)
    }

    /// The account's equal document, with the number of its failed pages.
    fn same(&self, document: &NewDocument) -> Option<(usize, String)> {
        let same = self.documents.iter().filter(|(_, other)| {
            other.account_id == document.account_id
                && other.content_hash == document.content_hash
                && other.title == document.title
                && other.mode == document.mode
                && other.selection == document.pages
                && !other.draft
        });
        let failed = |row: &DocumentRow| row.pages.values().filter(|page| page.failure.is_some()).count();
        same.map(|(id, row)| (failed(row), id.clone()))
            .min_by_key(|(failed, id)| (*failed, std::cmp::Reverse(id.clone())))
    }

    /// Adds a document, if the allowance permits it.
    fn insert(&mut self, document: &NewDocument, row: DocumentRow, allowance: &Allowance) -> Result<String> {
        allowance.admits_document(&self.account_usage(&document.account_id))?;
        let mut after = self.clone();
        after.documents.insert(document.id.clone(), row);
        after.admit_growth(self, &document.account_id, allowance)?;
        *self = after;
        Ok(document.id.clone())
    }

    /// Whether an active job of the account will fill this document.
    fn is_filled(&self, account_id: &str, id: &str) -> bool {
        self.jobs_of(account_id).any(|job| job.task().is_some() && job.document_id == id)
    }
}

fn row(document: &NewDocument, pages: impl IntoIterator<Item = Page>, created_at: UnixMs) -> DocumentRow {
    DocumentRow {
        account_id: document.account_id.clone(),
        upload_hash: document.upload_hash.clone(),
        content_hash: document.content_hash.clone(),
        title: document.title.clone(),
        mode: document.mode,
        charged: 0,
        created_at,
        selection: document.pages.clone(),
        draft: false,
        pages: first_of_each(pages),
        structure: None,
    }
}

/// The first version of each page.
fn first_of_each(pages: impl IntoIterator<Item = Page>) -> BTreeMap<u32, Page> {
    let mut first = BTreeMap::new();
    for page in pages {
        first.entry(page.index).or_insert(page);
    }
    first
}

fn summary(id: &str, document: &DocumentRow) -> DocumentSummary {
    let failed = document.pages.values().filter(|page| page.failure.is_some());
    DocumentSummary {
        id: id.to_owned(),
        title: document.title.clone(),
        mode: document.mode,
        pages: u32::try_from(document.pages.len()).unwrap(),
        failed_pages: u32::try_from(failed.count()).unwrap(),
        charged_tokens: document.charged,
        created_at: document.created_at,
        is_draft: document.draft,
    }
}

#[async_trait]
impl Documents for Memory {
    async fn same_document(&self, document: &NewDocument) -> Result<Option<String>> {
        Ok(self.records().same(document).map(|(_, id)| id))
    }

    async fn insert_document(
        &self,
        document: &NewDocument,
        pages: BoxStream<'_, Result<Page>>,
        allowance: &Allowance,
        now: UnixMs,
    ) -> Result<String> {
        let pages: Vec<Page> = pages.try_collect().await?;
        let mut records = self.records();
        match records.same(document) {
            Some((_, id)) => Ok(id),
            None => records.insert(document, row(document, pages, now), allowance),
        }
    }

    async fn begin_draft(&self, document: &NewDocument, now: UnixMs) -> Result<bool> {
        let mut records = self.records();
        if !records.is_filled(&document.account_id, &document.id) {
            return Ok(false);
        }
        let draft = DocumentRow { draft: true, ..row(document, [], now) };
        records.documents.entry(document.id.clone()).or_insert(draft);
        Ok(true)
    }

    async fn extend_draft(&self, account_id: &str, id: &str, pages: &[Page]) -> Result<bool> {
        let mut records = self.records();
        if !records.is_filled(account_id, id) {
            return Ok(false);
        }
        let Some(draft) = records.documents.get_mut(id).filter(|document| document.draft) else { return Ok(false) };
        for page in pages {
            draft.pages.entry(page.index).or_insert_with(|| page.clone());
        }
        Ok(true)
    }

    async fn insert_from_cache(
        &self,
        document: &NewDocument,
        recipe: &str,
        allowance: &Allowance,
        now: UnixMs,
    ) -> Result<String> {
        let mut records = self.records();
        if let Some((0, id)) = records.same(document) {
            return Ok(id);
        }
        let read = document.pages.iter().map(|index| {
            let (account, content) = (document.account_id.clone(), document.content_hash.clone());
            let read = records.results.get(&(account, content, recipe.to_owned(), index))?;
            Some(Page { index, markdown: read.markdown.clone(), failure: None, note: read.note.clone() })
        });
        let Some(read) = read.collect::<Option<Vec<Page>>>() else {
            return Err(Error::internal("cached pages are missing"));
        };
        records.insert(document, row(document, read, now), allowance)
    }

    async fn documents(&self, account_id: &str, cursor: Option<&str>, limit: u32) -> Result<Vec<DocumentSummary>> {
        let records = self.records();
        let after = records.documents.iter().rev().filter(|(id, _)| cursor.is_none_or(|cursor| id.as_str() < cursor));
        let ours = after.filter(|(_, document)| document.account_id == account_id && !document.draft);
        let ours = ours.take(limit as usize);
        Ok(ours.map(|(id, document)| summary(id, document)).collect())
    }

    async fn document(&self, account_id: &str, id: &str) -> Result<Option<DocumentSummary>> {
        Ok(self.records().owned(account_id, id).map(|document| summary(id, document)))
    }

    async fn unread(&self, account_id: &str, id: &str) -> Result<Option<Unread>> {
        let records = self.records();
        Ok(records.owned(account_id, id).filter(|document| !document.draft).map(|document| Unread {
            upload_hash: document.upload_hash.clone(),
            title: document.title.clone(),
            pages: document.pages.values().filter(|page| page.failure.is_some()).map(|page| page.index).collect(),
        }))
    }

    async fn pages(&self, account_id: &str, id: &str, first: u32, limit: u32) -> Result<Vec<Page>> {
        let records = self.records();
        let pages = records.owned(account_id, id).into_iter().flat_map(|document| document.pages.range(first..));
        Ok(pages.take(limit as usize).map(|(_, page)| page.clone()).collect())
    }

    async fn page_indices(&self, account_id: &str, id: &str) -> Result<Vec<u32>> {
        let records = self.records();
        let pages = records.owned(account_id, id).into_iter().flat_map(|document| document.pages.keys());
        Ok(pages.copied().collect())
    }

    async fn text_bytes(&self, account_id: &str, id: &str) -> Result<u64> {
        Ok(self.records().owned(account_id, id).map_or(0, DocumentRow::bytes))
    }

    async fn source(&self, account_id: &str, id: &str) -> Result<Option<Source>> {
        let records = self.records();
        Ok(records.owned(account_id, id).map(|document| Source {
            upload_hash: document.upload_hash.clone(),
            content_hash: document.content_hash.clone(),
        }))
    }

    async fn outline(&self, account_id: &str, id: &str) -> Result<Option<Outline>> {
        let records = self.records();
        Ok(records.owned(account_id, id).map(|document| Outline::of(document.pages.values())))
    }

    async fn structure(&self, account_id: &str, id: &str) -> Result<Option<StoredStructure>> {
        let records = self.records();
        let found = records.owned(account_id, id).and_then(|document| document.structure.clone());
        Ok(found.filter(|_| records.owned(account_id, id).is_some_and(|document| !document.draft)))
    }

    async fn keep_structure(&self, account_id: &str, of: &DocumentSummary, found: &StoredStructure) -> Result<()> {
        let mut records = self.records();
        let is_same = records.owned(account_id, &of.id).is_some_and(|document| summary(&of.id, document) == *of);
        if let Some(document) = records.documents.get_mut(&of.id).filter(|_| is_same && !of.is_draft) {
            document.structure = Some(found.clone());
        }
        Ok(())
    }

    async fn delete_document(&self, account_id: &str, id: &str, _now: UnixMs) -> Result<bool> {
        let mut records = self.records();
        if records.owned(account_id, id).is_none() {
            return Ok(false);
        }
        let Some(DocumentRow { content_hash, .. }) = records.documents.remove(id) else {
            return Ok(false);
        };
        let same = |account: &str, content: &str| account == account_id && content == content_hash;
        let read = records.documents.values().any(|other| same(&other.account_id, &other.content_hash));
        let worked_on = records.jobs.values().map(|row| &row.job);
        let mut worked_on = worked_on.filter(|job| job.task().is_some());
        if read || worked_on.any(|job| same(&job.account_id, &job.content_hash)) {
            return Ok(true);
        }
        records.results.retain(|key, _| !same(&key.0, &key.1));
        records.uploads.retain(|_, upload| !same(&upload.account_id, &upload.content_hash));
        records.figures.remove(&(account_id.to_owned(), content_hash.clone()));
        Ok(true)
    }
}
