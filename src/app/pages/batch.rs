//! A job that is watched: the brewing scene, then the document, or what happened instead.

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use super::NotFound;
use crate::app::components::{LocalTime, Trouble, grouped, page_count, title_words};
use crate::app::server::{fetch_job, submit};
use crate::model::wire::{JobError, JobView, Submission, Submitted};
use crate::model::{ApiError, ErrorCode, JobStatus, Mode};

/// Between two looks at a job.
const LOOK_MS: u32 = 2_000;
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
                    Ok(job) => {
                        let title = format!("{}: {}", title_words(job.status), job.title);
                        view! {
                            <Title text=title />
                            <main id="main" class="container narrow" tabindex="-1"><Watch initial=job /></main>
                        }
                        .into_any()
                    }
                    Err(error) if error.code == ErrorCode::Unavailable => {
                        view! { <main id="main" class="container narrow" tabindex="-1"><Trouble error /></main> }.into_any()
                    }
                    Err(_) => view! { <NotFound /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// The job as it is now.
#[island]
fn Watch(initial: JobView) -> impl IntoView {
    let (current, set_current) = signal(initial);
    Effect::new(move |_| leptos::task::spawn_local(follow(current, set_current)));
    Effect::new(move |_| current.with(show_in_tab));
    move || {
        let job = current.get();
        match job.status {
            JobStatus::Failed | JobStatus::Expired => view! { <Cold job /> }.into_any(),
            _ => view! { <Brewing job /> }.into_any(),
        }
    }
}

/// Looks at the job until it is over. A look that fails changes nothing: the job goes on without us.
async fn follow(current: ReadSignal<JobView>, set_current: WriteSignal<JobView>) {
    while current.with_untracked(|job| job.status.is_active()) {
        TimeoutFuture::new(LOOK_MS).await;
        let content_hash = current.with_untracked(|job| job.content_hash.clone());
        if let Ok(newer) = fetch_job(content_hash).await
            && current.with_untracked(|older| *older != newer)
        {
            set_current.set(newer);
        }
    }
}

/// The state in the tab's title and icon; and away to the document once it is there.
fn show_in_tab(job: &JobView) {
    document().set_title(&format!("{}: {} · Coldbrew", title_words(job.status), job.title));
    let icon = match job.status {
        JobStatus::Succeeded => "/favicon-done.svg",
        JobStatus::Failed | JobStatus::Expired => "/favicon-failed.svg",
        _ => "/favicon-working.svg",
    };
    if let Ok(Some(link)) = document().query_selector("link[rel=icon]") {
        let _ = link.set_attribute("href", icon);
    }
    if let Some(id) = &job.document_id {
        // Going back must not lead here again.
        let _ = window().location().replace(&format!("/documents/{id}"));
    }
}

#[component]
fn Brewing(job: JobView) -> impl IntoView {
    let batch = job.mode == Mode::Batch;
    let pages = job.pages.len() as u64;
    view! {
        <article class="card brew">
            <div class="stack tight"><h1>{job.title.clone()}</h1><p class="soft">{page_count(pages)}</p></div>
            <div class="scene" aria-hidden="true">
                <i class="steam"></i><i class="steam two"></i><i class="steam three"></i>
                <i class="books"></i><i class="saucer"></i><i class="cup"></i>
            </div>
            <Show when=move || batch fallback=move || view! { <PagesRead done=job.completed_pages.into() pages /> }>
                <ul class="brew-words" aria-hidden="true">{WORDS.map(|words| view! { <li>{words}</li> }).into_view()}</ul>
                <p class="brew-status" data-testid="batch-status" role="status">
                    "Batch submitted at "<LocalTime at=job.submitted_at />" ☕"
                </p>
                <Show when=move || job.requeued>
                    <p class="notice" role="status">"Google hasn't started this batch yet. We've put it back in line."</p>
                </Show>
            </Show>
            <p class="soft">
                {match batch {
                    true => "You can close this tab. It usually takes minutes, at most a day, and the finished document will be in your library.",
                    false => "You can close this tab. The work goes on, and the finished document will be in your library.",
                }}
            </p>
            <label class="hold"><input type="checkbox" />" Hold still"</label>
        </article>
    }
}

#[component]
fn PagesRead(done: u64, pages: u64) -> impl IntoView {
    let words = format!("{} of {} read", grouped(done), page_count(pages));
    view! {
        <div class="brew-progress stack" data-testid="batch-status">
            <progress max=pages.to_string() value=done.to_string() aria-label="Pages read"></progress>
            <p role="status">{words}</p>
        </div>
    }
}

/// It ended without a document: what happened, and the two ways on.
#[component]
fn Cold(job: JobView) -> impl IntoView {
    let (busy, set_busy) = signal(false);
    let (error, set_error) = signal(None::<ApiError>);
    let reason = job.error.clone().map_or_else(String::new, |JobError { message, .. }| message);
    let this = StoredValue::new(job.clone());
    let again = move |mode: Mode| {
        set_busy.set(true);
        let wish = this.with_value(|job| Submission {
            hash: job.upload_hash.clone(),
            title: Some(job.title.clone()),
            pages: Some(job.pages.iter().collect()),
            ai_transform: true,
            batch_mode: mode == Mode::Batch,
        });
        leptos::task::spawn_local(async move {
            match submit(wish).await {
                Ok(submitted @ Submitted::Document(_)) => {
                    let _ = window().location().replace(&submitted.address());
                }
                Ok(_) => {
                    let _ = window().location().reload();
                }
                Err(problem) => {
                    set_error.set(Some(problem));
                    set_busy.set(false);
                }
            }
        });
    };
    view! {
        <article class="card brew">
            <div class="stack tight"><h1>{job.title.clone()}</h1><p class="soft">{page_count(job.pages.len() as u64)}</p></div>
            <div class="scene cold" aria-hidden="true"><i class="books"></i><i class="saucer"></i><i class="cup"></i></div>
            <div data-testid="batch-status" role="status" class="stack">
                <p class="brew-status">"This one went cold."</p>
                <p>{reason}" "<strong>"Nothing was charged."</strong></p>
            </div>
            {move || error.get().map(|error| view! { <Trouble error /> })}
            <div class="cluster">
                <button class="button primary" type="button" disabled=busy on:click=move |_| again(job.mode)>"Try again"</button>
                <Show when=move || job.mode == Mode::Batch>
                    <button class="button" type="button" disabled=busy on:click=move |_| again(Mode::Realtime)>
                        "Run it in realtime instead"
                    </button>
                </Show>
            </div>
        </article>
    }
}
