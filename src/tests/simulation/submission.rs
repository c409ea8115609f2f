//! What a schedule submits: small books, each an upload with a job.

use coldbrew::extract::Recipe;
use coldbrew::jobs::{Job, JobIds, Stage};
use coldbrew::model::wire::Metadata;
use coldbrew::model::{Mode, PageSet, UnixMs};
use coldbrew::uploads::Upload;

use super::schedule::ACCOUNT;

pub fn upload(document: u64, pages: u32) -> Upload {
    Upload {
        hash: format!("upload{document}"),
        account_id: ACCOUNT.into(),
        content_hash: format!("content{document}"),
        metadata: Metadata {
            content_type: "application/pdf".into(),
            total_pages: pages,
            title: "Book".into(),
            file_name: None,
            file_size: 1,
            url: None,
        },
        kept_bytes: 1,
        page_tokens: vec![1; pages as usize],
    }
}

pub fn new_job(number: u64, document: u64, pages: u32, mode: Mode, now: UnixMs) -> Job {
    Job {
        title: "Book".into(),
        stage: if mode == Mode::Batch { Stage::Prepare { attempt: 1 } } else { Stage::Realtime { tries: 0 } },
        ..Job::new(
            JobIds {
                id: format!("job{number:04}"),
                account_id: ACCOUNT.into(),
                upload_hash: format!("upload{document}"),
                content_hash: format!("content{document}"),
                document_id: format!("document{number:04}"),
            },
            mode,
            Recipe::named("m/1"),
            PageSet::all(pages),
            now,
        )
    }
}
