//! A document or a job as one row of a list.

use leptos::prelude::*;

use super::{Answers, CloseIcon, Cover, DeleteIcon, LocalTime, Question, QuestionButton, grouped, page_count};
use crate::app::server::{DeleteDocument, DismissJob};
use crate::model::wire::{DocumentSummary, JobView};
use crate::model::{JobStatus, Mode};

/// A job with its status, the link to its page and, if it failed, a button to remove it.
#[component]
pub fn JobRow(job: JobView) -> impl IntoView {
    let active = job.status.is_active();
    let pages = page_count(job.pages.len() as u64);
    let state = if active { "active" } else { "failed" };
    let detail = match (active, job.mode) {
        (false, _) => "Nothing was charged".to_owned(),
        (true, Mode::Batch) => "Batch".to_owned(),
        (true, _) => format!("Realtime, {} read", page_count(job.completed_pages.into())),
    };
    let dismiss =
        (!active).then(|| view! { <DismissButton content_hash=job.content_hash.clone() title=job.title.clone() /> });
    view! {
        <li class="row" id=format!("job-{}", job.id)>
            <Cover title=job.title.clone() />
            <div>
                <a class="row-title" href=format!("/batch/{}", job.content_hash)>
                    {job.title.clone()}
                </a>
                <p class="row-meta">
                    <span>{pages}</span>
                    <span>{detail}</span>
                    {job.blocked_by.map(|_| view! { <span>"Delayed"</span> })}
                    <span>
                        <LocalTime at=job.submitted_at day=true />
                    </span>
                    {active
                        .then(|| {
                            view! { <a href=format!("/documents/{}", job.draft_id)>{job.reading_words()}</a> }
                        })}
                </p>
            </div>
            <div class="row-end">
                <span class="badge" data-state=state>
                    {job.status.words()}
                </span>
                {dismiss}
            </div>
        </li>
    }
}

/// The button that removes a failed job from the lists.
#[component]
fn DismissButton(content_hash: String, title: String) -> impl IntoView {
    let dismiss = ServerAction::<DismissJob>::new();
    view! {
        <ActionForm action=dismiss>
            <input type="hidden" name="content_hash" value=content_hash />
            <button class="icon-button" aria-label=format!("Remove {title} from the list")>
                <CloseIcon />
            </button>
        </ActionForm>
    }
}

/// A document with its size and price, linked to the reader. `deletable`: with a button to delete it.
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
    let question = format!("removal-{}", document.id);
    let delete = deletable.then(|| {
        view! {
            <QuestionButton
                asks=question.clone()
                class="icon-button"
                attr:aria-label=format!("Delete {}", document.title)
            >
                <DeleteIcon />
            </QuestionButton>
        }
    });
    let dialog =
        deletable.then(|| view! { <DeletionDialog question id=document.id.clone() title=document.title.clone() /> });
    view! {
        <li class="row" id=format!("document-{}", document.id)>
            <Cover title=document.title.clone() />
            <div>
                <a class="row-title" href=format!("/documents/{}", document.id)>
                    {document.title.clone()}
                </a>
                <p class="row-meta">
                    <span>{page_count(document.pages.into())}</span>
                    <span>{price}</span>
                    <span>
                        <LocalTime at=document.created_at day=true />
                    </span>
                </p>
            </div>
            <div class="row-end">
                <span class="badge" data-state=state>
                    {badge}
                </span>
                {delete}
            </div>
            {dialog}
        </li>
    }
}

/// Asks for confirmation before deleting a document. `question`: the id of the dialog.
#[component]
fn DeletionDialog(question: String, id: String, title: String) -> impl IntoView {
    let delete = ServerAction::<DeleteDocument>::new();
    view! {
        <Question id=question.clone() title="Delete this document?">
            <ActionForm action=delete attr:class="stack">
                <input type="hidden" name="id" value=id />
                <p>"“"<strong>{title}</strong>"” and its file are deleted permanently. The receipt stays."</p>
                <Answers of=question yes="Delete it" />
            </ActionForm>
        </Question>
    }
}

/// A job's status in a window title.
pub fn title_words(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Preparing | JobStatus::Pending | JobStatus::Running => "☕ Brewing",
        JobStatus::Succeeded => "✓ Ready",
        JobStatus::Failed | JobStatus::Expired => "✗ Failed",
    }
}
