//! The upload panel: adds files and links, shows the progress of an upload, and then the banner.

use std::collections::VecDeque;

use leptos::either::EitherOf3;
use leptos::prelude::*;
use web_sys::File;

use super::banner::{Banner, TextOnly};
use super::upload::Progress;
use super::upload_queue::{Failed, PendingUpload, UploadQueue};
use crate::app::components::Trouble;
use crate::model::{FORMATS, limit_words, size_words};

const INTRODUCTION: &str = "Coldbrew turns big PDFs and scans into text that is a pleasure to read, here or as \
                            Markdown. Not in a hurry? Send a batch: half the price, ready in minutes or hours.";

/// The upload panel. `known`: this browser has an account already. `text_only`: it may not use AI. `bytes_max`: the largest accepted file, in bytes.
#[island]
pub fn UploadPanel(known: bool, text_only: bool, bytes_max: u64, batch_percent: u64) -> impl IntoView {
    provide_context(TextOnly(text_only));
    let queue = UploadQueue::new(known, bytes_max);
    let input = NodeRef::<leptos::html::Input>::new();
    let add_chosen = move || {
        let Some(input) = input.get_untracked() else { return };
        let chosen = input.files().map(|files| (0..files.length()).filter_map(|index| files.get(index)).collect());
        let chosen: Vec<File> = chosen.unwrap_or_default();
        // So that the same file can be chosen again.
        input.set_value("");
        if !chosen.is_empty() {
            queue.add(chosen.into_iter());
        }
    };
    // A file may have been chosen before the page was hydrated.
    Effect::new(move |_| {
        input.track();
        add_chosen();
    });
    // Leaving the page would lose running and waiting uploads, so the browser asks first.
    Effect::new(move |_| {
        window_event_listener(leptos::ev::beforeunload, move |event| {
            if queue.is_busy() {
                event.prevent_default();
            }
        });
    });
    let sent = Callback::new(move |(title, address): (String, String)| queue.submitted(&title, &address));
    let discard = Callback::new(move |()| queue.start_next());

    let content = move || match queue.pending.get() {
        PendingUpload::Ready(prepared) => EitherOf3::A(view! {
            <h1 class="visually-hidden">"Coldbrew"</h1>
            <Banner prepared=*prepared batch_percent discard sent />
        }),
        PendingUpload::Arriving { name, fetched } => EitherOf3::B(view! {
            <Hero />
            <Arriving name fetched queue />
        }),
        PendingUpload::Nothing => EitherOf3::C(view! {
            <Hero />
            <section class="card stack" aria-label="Add a document">
                <label class="dropzone">
                    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
                        <path d="M7 11V3h6l3 3v5M13 3v3h3M9.5 8h4" />
                        <path d="M3.5 11h16v3a7 7 0 0 1-7 7h-2a7 7 0 0 1-7-7z" />
                        <path d="M19.5 12h.5a2 2 0 0 1 0 4.5h-1.2" />
                    </svg>
                    <span class="dropzone-title">"Drop documents here"</span>
                    <span class="button primary">"Choose files"</span>
                    <span class="field-hint">{format!("PDF, image or text, up to {}", limit_words(bytes_max))}</span>
                    <input
                        type="file"
                        multiple
                        data-testid="file-input"
                        accept=accepted()
                        node_ref=input
                        on:change=move |_| add_chosen()
                    />
                </label>
                <LinkForm queue />
            </section>
        }),
    };
    view! {
        {content}
        {move || {
            queue
                .failed
                .get()
                .into_iter()
                .map(|Failed { problem, file, .. }| {
                    view! {
                        <div class="cluster">
                            <Trouble error=problem />
                            {file
                                .map(|file| {
                                    let try_again = move |_| queue.add(std::iter::once(file.clone().take()));
                                    view! {
                                        <button class="button" type="button" on:click=try_again>
                                            "Try again"
                                        </button>
                                    }
                                })}
                        </div>
                    }
                })
                .collect_view()
        }}
        {move || {
            match queue.waiting.with(VecDeque::len) {
                0 => None,
                1 => Some("1 more file is waiting.".to_owned()),
                number => Some(format!("{number} more files are waiting.")),
            }
                .map(|words| {
                    view! {
                        <p class="soft" role="status">
                            {words}
                        </p>
                    }
                })
        }}
    }
}

/// The field for a link to a document.
#[component]
fn LinkForm(queue: UploadQueue) -> impl IntoView {
    let field = NodeRef::<leptos::html::Input>::new();
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(field) = field.get_untracked() {
            queue.import(field.value());
        }
    };
    view! {
        <form class="pasted" on:submit=send>
            <label class="visually-hidden" for="address">
                "Link to a document"
            </label>
            <input
                class="input"
                id="address"
                type="url"
                required
                placeholder="or paste a link, e.g. https://arxiv.org/abs/…"
                data-testid="url-input"
                value=queue.address.get_value()
                node_ref=field
            />
            <button class="button" type="submit">
                "Import"
            </button>
        </form>
    }
}

#[component]
fn Hero() -> impl IntoView {
    view! {
        <header class="hero">
            <h1>"Read big PDFs like good books."</h1>
            <p class="motto">"Let it brew. Read it well."</p>
            <p>{INTRODUCTION}</p>
        </header>
    }
}

/// A running upload or import, and the button that cancels it. An import has no progress to show.
#[component]
fn Arriving(name: String, fetched: bool, queue: UploadQueue) -> impl IntoView {
    let progress = queue.progress;
    let host = host_of(&name).to_owned();
    let words = move || match progress.get() {
        _ if fetched => format!("Downloading from {host}…"),
        Progress { sent, total } if sent < total => format!("{} of {}", size_words(sent), size_words(total)),
        Progress { total: 0, .. } => "Starting…".to_owned(),
        _ => "Uploaded. Opening the document…".to_owned(),
    };
    // Without a value the bar is indeterminate.
    let value = move || progress.with(|progress| (progress.sent < progress.total).then(|| progress.sent.to_string()));
    let max = move || progress.with(|progress| progress.total.max(1).to_string());
    let what = if fetched { "Download" } else { "Upload" };
    let label = format!("{what} of {name}");
    view! {
        <section class="card upload" aria-label=what>
            <div class="cluster spread">
                <p>
                    <strong>{name}</strong>
                </p>
                <button class="button small" type="button" on:click=move |_| queue.cancel()>
                    "Cancel"
                </button>
            </div>
            <progress max=max value=value aria-label=label></progress>
            <p class="field-hint" role="status">
                {words}
            </p>
        </section>
    }
}

/// The host of a link, or the whole text if it has none.
fn host_of(link: &str) -> &str {
    let rest = link.split_once("://").map_or(link, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// The `accept` list of the browser's file dialog.
fn accepted() -> String {
    let of = |format: &crate::model::Format| {
        std::iter::once(format.mime).chain(format.extensions.iter().copied()).collect::<Vec<_>>()
    };
    FORMATS.iter().flat_map(of).collect::<Vec<_>>().join(",")
}
