//! The usage of accounts in memory. It is computed from the rows each time, so it checks the stored sums of the databases.

use async_trait::async_trait;
use coldbrew::accounts::Allowance;
use coldbrew::accounts::{AccountUsage, ROW_BYTES, Storage};
use coldbrew::error::Result;
use coldbrew::uploads::Upload;

use super::{DocumentRow, Memory, Records};

impl DocumentRow {
    /// The bytes of the document with its pages.
    pub(super) fn bytes(&self) -> u64 {
        let pages = self.pages.values().map(|page| {
            row([page.markdown.as_str(), page.failure.as_deref().unwrap_or(""), page.note.as_deref().unwrap_or("")])
        });
        row([self.title.as_str(), &self.selection_text()]) + pages.sum::<u64>()
    }

    /// A draft has no selection, so no document equals it.
    fn selection_text(&self) -> String {
        if self.draft { String::new() } else { self.selection.to_string() }
    }
}

impl Records {
    pub(super) fn account_usage(&self, account_id: &str) -> AccountUsage {
        let documents = self.documents.values().filter(|row| row.account_id == account_id);
        let active = || self.jobs_of(account_id).filter(|job| job.task().is_some());
        AccountUsage {
            documents: documents.filter(|row| !row.draft).count() as u64,
            active_jobs: active().count() as u64,
            active_pages: active().map(|job| u64::from(job.pages_submitted)).sum(),
            stored_bytes: self.stored_bytes(account_id),
        }
    }

    /// Checks the allowance for what the account stores more than in `before`.
    pub(super) fn admit_growth(&self, before: &Self, account_id: &str, allowance: &Allowance) -> Result<()> {
        let usage = before.account_usage(account_id);
        allowance.admits_bytes(&usage, self.stored_bytes(account_id) - usage.stored_bytes)
    }

    fn stored_bytes(&self, account_id: &str) -> u64 {
        let documents = self.documents.values().filter(|row| row.account_id == account_id).map(DocumentRow::bytes);
        let results = self.results.iter().filter(|(key, _)| key.0 == account_id);
        let results = results.map(|(_, read)| row([read.markdown.as_str(), read.note.as_deref().unwrap_or("")]));
        let figures = self.figures.iter().filter(|(key, _)| key.0 == account_id).flat_map(|(_, pages)| pages.values());
        let figures = figures.map(|found| {
            let places = serde_json::to_string(found.figures.as_deref().unwrap_or_default()).unwrap();
            row([places.as_str()]) + found.picture_bytes
        });
        documents.chain(results).chain(figures).sum::<u64>() + self.upload_bytes(account_id)
    }

    fn upload_bytes(&self, account_id: &str) -> u64 {
        let uploads: Vec<&Upload> = self.uploads.values().filter(|upload| upload.account_id == account_id).collect();
        let rows = uploads.iter().map(|upload| {
            let (metadata, tokens) =
                (serde_json::to_string(&upload.metadata), serde_json::to_string(&upload.page_tokens));
            row([metadata.unwrap().as_str(), tokens.unwrap().as_str()])
        });
        let mut files = std::collections::BTreeMap::new();
        for upload in &uploads {
            let file = files.entry(&upload.content_hash).or_insert(0);
            *file = upload.kept_bytes.max(*file);
        }
        rows.sum::<u64>() + files.values().sum::<u64>()
    }
}

fn row<const N: usize>(texts: [&str; N]) -> u64 {
    ROW_BYTES + texts.iter().map(|text| text.len() as u64).sum::<u64>()
}

#[async_trait]
impl Storage for Memory {
    async fn account_usage(&self, account_id: &str) -> Result<AccountUsage> {
        Ok(self.records().account_usage(account_id))
    }
}
