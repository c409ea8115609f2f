//! The page of a job: the brewing scene, or why the job failed. A finished job redirects to its document.

use leptos::either::{Either, EitherOf3};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::{NotFound, TroublePage, is_absent};
use crate::app::PageContext;
use crate::app::components::{LocalTime, grouped, page_count, title_words};
use crate::app::server::{TryAgain, fetch_job};
use crate::model::wire::{JobError, JobView};
use crate::model::{JobStatus, Mode};

const WORDS: [&str; 6] = [
    "Grinding the beans…",
    "Warming the cup…",
    "Turning the pages…",
    "Minding the margins…",
    "Reading between the lines…",
    "Letting it drip, slowly…",
];

/// `/batch/{content_hash}`
#[component]
pub fn Batch() -> impl IntoView {
    let content_hash = use_params_map().with_untracked(|params| params.get("content_hash").unwrap_or_default());
    let found = Resource::new(move || content_hash.clone(), fetch_job);
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(job) => EitherOf3::A(view! { <BatchStatus job /> }),
                    Err(error) if is_absent(&error) => EitherOf3::B(view! { <NotFound /> }),
                    Err(error) => EitherOf3::C(view! { <TroublePage error /> }),
                }
            })}
        </Suspense>
    }
}

/// The job's current status. The whole article is live.
#[component]
fn BatchStatus(job: JobView) -> impl IntoView {
    // A page that could not be read again keeps its text, so its document is there, too.
    let is_reread = job.rereads && !job.status.is_active();
    let document = job.document_id.as_ref().or_else(|| is_reread.then_some(&job.draft_id));
    if let (Some(id), Some(redirect)) = (document, use_context::<PageContext>().and_then(|page| page.redirect)) {
        redirect(&format!("/documents/{id}"));
    }
    let state = match job.status {
        JobStatus::Succeeded => "done",
        JobStatus::Failed | JobStatus::Expired => "failed",
        _ => "working",
    };
    let title = format!("{}: {}", title_words(job.status), job.title);
    let pages = page_count(job.pages.len() as u64);
    let name = job.title.clone();
    let rest = match state {
        "failed" => Either::Left(view! { <FailedJob job /> }),
        _ => Either::Right(view! { <Brewing job /> }),
    };
    view! {
        <Title text=title />
        <main id="main" class="container narrow" tabindex="-1">
            <article class="card brew" data-live=state data-events="">
                <div class="stack tight">
                    <h1>{name}</h1>
                    <p class="soft">{pages}</p>
                </div>
                {rest}
            </article>
        </main>
    }
}

#[component]
fn Brewing(job: JobView) -> impl IntoView {
    let batch = job.mode == Mode::Batch;
    let submitted = batch.then(|| {
        view! { <p class="brew-status">"Batch submitted at "<LocalTime at=job.submitted_at />" ☕"</p> }
    });
    // A batch is all or nothing, until the next batch of the document begins, or pages are read by calls of their own.
    let read = (!batch || job.requeued || job.completed_pages > 0)
        .then(|| view! { <PagesRead done=job.completed_pages.into() pages=job.pages.len() as u64 /> });
    view! {
        <div class="scene" id="scene" aria-hidden="true">
            <i class="steam"></i>
            <i class="steam two"></i>
            <i class="steam three"></i>
            <i class="books"></i>
            <i class="saucer"></i>
            <i class="cup"></i>
        </div>
        {batch
            .then(|| {
                view! {
                    <ul class="brew-words" aria-hidden="true">
                        {WORDS.map(|words| view! { <li>{words}</li> }).into_view()}
                    </ul>
                }
            })}
        <div class="stack" id="status" data-testid="batch-status" role="status">
            {submitted}
            {read}
            {job
                .requeued
                .then(|| {
                    view! {
                        <p class="notice">
                            "Google's batch queue is stuck. We are reading your document another way, at the same price."
                        </p>
                    }
                })}
            {job.blocked_by.map(|blocked_reason| view! { <p class="notice">{blocked_reason.sentence()}</p> })}
        </div>
        <p class="soft">
            {match batch {
                true => {
                    "You can close this tab. Usually it takes minutes, at most 24 hours. You will find the document in your library."
                }
                false => "You can close this tab. Reading continues. You will find the document in your library.",
            }}
        </p>
        <p>
            <a class="button" href=format!("/documents/{}", job.draft_id)>
                {job.reading_words()}
            </a>
        </p>
        <label class="hold" id="hold">
            <input type="checkbox" />
            " Stop the animation"
        </label>
    }
}

#[component]
fn PagesRead(done: u64, pages: u64) -> impl IntoView {
    let words = format!("{} of {} read", grouped(done), page_count(pages));
    view! {
        <progress class="brew-progress" max=pages.to_string() value=done.to_string() aria-label="Pages read"></progress>
        <p>{words}</p>
    }
}

/// A job without a document: the reason, and the buttons to run it again.
#[component]
fn FailedJob(job: JobView) -> impl IntoView {
    let reason = job.error.map_or_else(String::new, |JobError { message, .. }| message);
    let batch = job.mode == Mode::Batch;
    let other_words = if batch { "Run it in realtime instead" } else { "Send it as a batch instead" };
    let try_again = ServerAction::<TryAgain>::new();
    view! {
        <div class="scene cold" id="scene" aria-hidden="true">
            <i class="books"></i>
            <i class="saucer"></i>
            <i class="cup"></i>
        </div>
        <div class="stack" id="status" data-testid="batch-status" role="status">
            <p class="brew-status">"This document could not be read."</p>
            <p>{reason}" "<strong>"Nothing was charged."</strong></p>
        </div>
        <ActionForm action=try_again attr:class="cluster">
            <input type="hidden" name="content_hash" value=job.content_hash />
            <button class="button primary" name="batch" value=batch.to_string()>
                "Try again"
            </button>
            <button class="button" name="batch" value=(!batch).to_string()>
                {other_words}
            </button>
        </ActionForm>
    }
}
