//! Submission of pages that are read again.

use super::{Submissions, checked};
use crate::accounts::Caller;
use crate::documents::Unread;
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::model::wire::Submitted;
use crate::model::{ErrorCode, Mode};

impl Submissions {
    /// Records a job that reads pages of a document again, whether or not they were read before. Their former text stays until it is done,
    /// and a page that cannot be read again keeps it.
    ///
    /// # Errors
    /// `not_found` if there is no such document, or its upload is gone. `invalid_pages` if a page is not in it, or the document was read
    /// without AI. Otherwise as [`Self::submit`].
    pub async fn reread(&self, caller: &Caller, document_id: &str, pages: &[u32], mode: Mode) -> Result<Submitted> {
        let account_id = &caller.account.id;
        self.admit_ai(&caller.account).await?;
        let (Unread { title, .. }, upload) = self.source_of(&caller.account, document_id).await?;
        let document = self.ports.documents.document(account_id, document_id).await?;
        if document.is_none_or(|document| document.mode == Mode::Text) {
            let words = "This document was read without AI. Submit its file again with ai_transform on.";
            return Err(Error::refused(ErrorCode::InvalidPages, words));
        }
        let pages = checked(pages, upload.metadata.total_pages)?;
        let existing = self.ports.documents.page_indices(account_id, document_id).await?;
        if let Some(page) = pages.iter().find(|page| existing.binary_search(page).is_err()) {
            let words = format!("Page {} is not in this document.", page + 1);
            return Err(Error::refused(ErrorCode::InvalidPages, words));
        }
        let job = self.new_job(caller, &upload, pages.clone(), &pages, title, mode).rereading(document_id.to_owned());
        self.enqueue(caller, job, &upload, &pages).await
    }
}

/// Whether an active job does what a new one would do, so that it is the answer to the submission.
pub(super) fn is_same(active: &Job, job: &Job) -> bool {
    let is_same_document = !job.rereads || active.document_id == job.document_id;
    (active.mode, active.rereads) == (job.mode, job.rereads) && active.pages == job.pages && is_same_document
}
