//! A document or a job as one row of a list.

use leptos::prelude::*;

use super::{CloseIcon, Cover, DeleteIcon, LocalTime, grouped, page_count};
use crate::model::wire::{DocumentSummary, JobView};
use crate::model::{JobStatus, Mode};

/// A job: where it stands, the way to its page and, if it failed, a way to be rid of it.
#[component]
pub fn JobRow(job: JobView) -> impl IntoView {
    let active = job.status.is_active();
    let pages = page_count(job.pages.len() as u64);
    let state = if active { "active" } else { "failed" };
    let detail = match (active, job.mode) {
        (false, _) => "Nothing was charged".to_owned(),
        (true, Mode::Batch) => "Batch".to_owned(),
        (true, _) => format!("Realtime, {} read", grouped(job.completed_pages.into())),
    };
    let dismiss = (!active).then(|| {
        view! {
            <button class="icon-button" type="button" aria-label=format!("Take {} off the list", job.title)
                data-dismiss=job.content_hash.clone()>
                <CloseIcon />
            </button>
        }
    });
    view! {
        <li class="row" id=format!("job-{}", job.id)>
            <Cover title=job.title.clone() />
            <div>
                <a class="row-title" href=format!("/batch/{}", job.content_hash)>{job.title.clone()}</a>
                <p class="row-meta">
                    <span>{pages}</span>
                    <span>{detail}</span>
                    {job.hindered_by.map(|_| view! { <span>"Held up"</span> })}
                    <span><LocalTime at=job.submitted_at day=true /></span>
                    {active.then(|| view! { <a href=format!("/documents/{}", job.draft_id)>"Read it meanwhile"</a> })}
                </p>
            </div>
            <div class="row-end"><span class="badge" data-state=state>{job.status.words()}</span>{dismiss}</div>
        </li>
    }
}

/// A document: what it is, what it cost, and the way to the reader; where it may be deleted, the way to that.
#[component]
pub fn DocumentRow(document: DocumentSummary, #[prop(optional)] deletable: bool) -> impl IntoView {
    let price = match document.charged_tokens {
        0 => "Free".to_owned(),
        tokens => format!("{} tokens", grouped(tokens)),
    };
    let (state, badge) = match document.failed_pages {
        0 => ("done", "Ready".to_owned()),
        failed => ("partial", format!("{} failed", page_count(failed.into()))),
    };
    let delete = deletable.then(|| {
        view! {
            <button class="icon-button" type="button" aria-label=format!("Delete {}", document.title)
                data-delete=document.id.clone() data-name=document.title.clone()>
                <DeleteIcon />
            </button>
        }
    });
    view! {
        <li class="row" id=format!("document-{}", document.id)>
            <Cover title=document.title.clone() />
            <div>
                <a class="row-title" href=format!("/documents/{}", document.id)>{document.title.clone()}</a>
                <p class="row-meta">
                    <span>{page_count(document.pages.into())}</span>
                    <span>{price}</span>
                    <span><LocalTime at=document.created_at day=true /></span>
                </p>
            </div>
            <div class="row-end"><span class="badge" data-state=state>{badge}</span>{delete}</div>
        </li>
    }
}

/// What a job's state is called in a window title.
pub fn title_words(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Preparing | JobStatus::Pending | JobStatus::Running => "☕ Brewing",
        JobStatus::Succeeded => "✓ Ready",
        JobStatus::Failed | JobStatus::Expired => "✗ Failed",
    }
}
