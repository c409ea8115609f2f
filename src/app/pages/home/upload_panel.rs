//! Where files come in: choosing, dropping or naming them, what is on its way, and the banner once it is measured.

use std::collections::VecDeque;

use leptos::either::EitherOf3;
use leptos::prelude::*;
use web_sys::File;

use super::banner::Banner;
use super::upload::Progress;
use super::upload_queue::{Failed, PendingUpload, UploadQueue};
use crate::app::components::Trouble;
use crate::model::{FORMATS, size_words};

/// See the module. `known`: this browser has an account already. `bytes_max`: of a file that the server accepts.
#[island]
pub fn UploadPanel(known: bool, bytes_max: u64, batch_percent: u64) -> impl IntoView {
    let work = UploadQueue::new(known, bytes_max);
    let input = NodeRef::<leptos::html::Input>::new();
    let take_chosen = move || {
        let Some(input) = input.get_untracked() else { return };
        let chosen = input.files().map(|files| (0..files.length()).filter_map(|index| files.get(index)).collect());
        let chosen: Vec<File> = chosen.unwrap_or_default();
        // So that the same file can be chosen again.
        input.set_value("");
        if !chosen.is_empty() {
            work.take(chosen.into_iter());
        }
    };
    // A file may have been chosen before this page woke up.
    Effect::new(move |_| {
        input.track();
        take_chosen();
    });
    // Leaving would lose what has not arrived yet: the browser asks first.
    Effect::new(move |_| {
        window_event_listener(leptos::ev::beforeunload, move |event| {
            if work.is_busy() {
                event.prevent_default();
            }
        });
    });
    let sent = Callback::new(move |(title, address): (String, String)| work.sent(&title, &address));
    let put_away = Callback::new(move |()| work.go_on());

    let desk = move || match work.pending.get() {
        PendingUpload::Ready(prepared) => EitherOf3::A(view! {
            <h1 class="visually-hidden">"Coldbrew"</h1>
            <Banner prepared=*prepared batch_percent put_away sent />
        }),
        PendingUpload::Arriving { name, fetched } => EitherOf3::B(view! {
            <Hero />
            <Arriving name fetched work />
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
                    <span class="dropzone-title">"Drop a document here"</span>
                    <span class="button primary">"Choose a file"</span>
                    <span class="field-hint">{format!("PDF, image or text, up to {}", size_words(bytes_max))}</span>
                    <input
                        type="file"
                        multiple
                        data-testid="file-input"
                        accept=accepted()
                        node_ref=input
                        on:change=move |_| take_chosen()
                    />
                </label>
                <AddressForm work />
            </section>
        }),
    };
    view! {
        {desk}
        {move || {
            work.failed
                .get()
                .into_iter()
                .map(|Failed { problem, file, .. }| {
                    view! {
                        <div class="cluster">
                            <Trouble error=problem />
                            {file
                                .map(|file| {
                                    let send_again = move |_| work.take(std::iter::once(file.clone().take()));
                                    view! {
                                        <button class="button" type="button" on:click=send_again>
                                            "Send it again"
                                        </button>
                                    }
                                })}
                        </div>
                    }
                })
                .collect_view()
        }}
        {move || {
            match work.waiting.with(VecDeque::len) {
                0 => None,
                1 => Some("1 more file waits for its turn.".to_owned()),
                number => Some(format!("{number} more files wait for their turn.")),
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

/// A document's address, typed or pasted.
#[component]
fn AddressForm(work: UploadQueue) -> impl IntoView {
    let field = NodeRef::<leptos::html::Input>::new();
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(field) = field.get_untracked() {
            work.fetch(field.value());
        }
    };
    view! {
        <form class="pasted" on:submit=send>
            <label class="visually-hidden" for="address">
                "Address of a document"
            </label>
            <input
                class="input"
                id="address"
                type="url"
                required
                placeholder="or paste https://…"
                data-testid="url-input"
                value=work.address.get_value()
                node_ref=field
            />
            <button class="button" type="submit">
                "Fetch"
            </button>
        </form>
    }
}

#[component]
fn Hero() -> impl IntoView {
    view! {
        <header class="hero">
            <h1>"Let it brew. Read it well."</h1>
            <p>
                "Coldbrew turns big PDFs and scans into clean, readable Markdown. In no hurry? Send it as a batch, close the tab, and pay half."
            </p>
        </header>
    }
}

/// Something on its way here, and the way to stop it. What the server fetches has no progress that could be shown.
#[component]
fn Arriving(name: String, fetched: bool, work: UploadQueue) -> impl IntoView {
    let progress = work.progress;
    let words = move || match progress.get() {
        _ if fetched => "Fetching the document from there…".to_owned(),
        Progress { sent, total } if sent < total => format!("{} of {}", size_words(sent), size_words(total)),
        Progress { total: 0, .. } => "Starting…".to_owned(),
        _ => "Uploaded. Opening the document…".to_owned(),
    };
    // Without a value the bar shows that something is going on.
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
                <button class="button small" type="button" on:click=move |_| work.cancel()>
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

/// What the browser's file dialog offers.
fn accepted() -> String {
    let of = |format: &crate::model::Format| {
        std::iter::once(format.mime).chain(format.extensions.iter().copied()).collect::<Vec<_>>()
    };
    FORMATS.iter().flat_map(of).collect::<Vec<_>>().join(",")
}
