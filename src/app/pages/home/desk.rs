//! Where a file comes in: choosing or dropping it, its upload, and the banner once it is measured.

use leptos::prelude::*;
use send_wrapper::SendWrapper;
use web_sys::XmlHttpRequest;

use super::banner::Banner;
use super::upload::{Progress, upload};
use crate::app::components::{Trouble, page_count};
use crate::app::server::start_session;
use crate::model::wire::Prepared;
use crate::model::{ApiError, ErrorCode, FORMATS, size_words};

/// What lies on the desk.
#[derive(Clone)]
enum Lying {
    Nothing,
    Uploading { name: String, progress: Progress },
    Ready(Box<Prepared>),
}

/// See the module. `known`: this browser has an account already. `bytes_max`: of a file that the server accepts.
#[island]
pub fn Desk(known: bool, bytes_max: u64) -> impl IntoView {
    let (lying, set_lying) = signal(Lying::Nothing);
    let (error, set_error) = signal(None::<ApiError>);
    let request = StoredValue::new(None::<SendWrapper<XmlHttpRequest>>);

    let take = move |file: web_sys::File| {
        set_error.set(None);
        let name = file.name();
        if let Some(problem) = refusal_of(&file, bytes_max) {
            return set_error.set(Some(problem));
        }
        set_lying.set(Lying::Uploading { name: name.clone(), progress: Progress::default() });
        leptos::task::spawn_local(async move {
            let report = move |progress| set_lying.set(Lying::Uploading { name: name.clone(), progress });
            let prepared = async {
                if !known {
                    start_session().await?;
                }
                upload(&file, move |xhr| request.set_value(Some(SendWrapper::new(xhr))), report).await
            };
            match prepared.await {
                Ok(Some(prepared)) => set_lying.set(Lying::Ready(Box::new(prepared))),
                Ok(None) => set_lying.set(Lying::Nothing),
                Err(problem) => {
                    set_lying.set(Lying::Nothing);
                    set_error.set(Some(problem));
                }
            }
        });
    };
    let input = NodeRef::<leptos::html::Input>::new();
    let take_chosen = move || {
        let Some(input) = input.get_untracked() else { return };
        let file = input.files().and_then(|files| files.get(0));
        // So that the same file can be chosen again.
        input.set_value("");
        if let Some(file) = file {
            take(file);
        }
    };
    // A file may have been chosen before this page woke up.
    Effect::new(move |_| {
        input.track();
        take_chosen();
    });
    let cancel = move |_| {
        request.with_value(|xhr| {
            let _ = xhr.as_ref().map(|xhr| xhr.abort());
        })
    };
    let put_away = Callback::new(move |()| set_lying.set(Lying::Nothing));

    move || match lying.get() {
        Lying::Ready(prepared) => {
            view! { <h1 class="visually-hidden">"Coldbrew"</h1><Banner prepared=*prepared put_away /> }.into_any()
        }
        Lying::Uploading { name, progress } => {
            view! { <Hero /><Uploading name progress cancel=Callback::new(cancel) /> }.into_any()
        }
        Lying::Nothing => view! {
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
                    <input type="file" data-testid="file-input" accept=accepted() node_ref=input
                        on:change=move |_| take_chosen() />
                </label>
                {move || error.get().map(|error| view! { <Trouble error /> })}
            </section>
        }
        .into_any(),
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

#[component]
fn Uploading(name: String, progress: Progress, cancel: Callback<()>) -> impl IntoView {
    let words = match progress {
        Progress { sent, total } if sent < total => format!("{} of {}", size_words(sent), size_words(total)),
        Progress { total: 0, .. } => "Starting…".to_owned(),
        _ => "Uploaded. Opening the document…".to_owned(),
    };
    // Without a value the bar shows that something is going on.
    let value = (progress.sent < progress.total).then(|| progress.sent.to_string());
    let max = progress.total.max(1).to_string();
    view! {
        <section class="card upload" aria-label="Upload">
            <div class="cluster spread">
                <p><strong>{name.clone()}</strong></p>
                <button class="button small" type="button" on:click=move |_| cancel.run(())>"Cancel"</button>
            </div>
            <progress max=max value=value aria-label=format!("Upload of {name}")></progress>
            <p class="field-hint" role="status">{words}</p>
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

/// What can be refused without sending a byte. The server checks again.
fn refusal_of(file: &web_sys::File, bytes_max: u64) -> Option<ApiError> {
    // A double counts bytes exactly up to 9 petabytes.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let size = file.size() as u64;
    if size > bytes_max {
        let words = format!("This file has {}; at most {} are accepted.", size_words(size), size_words(bytes_max));
        return Some(ApiError::new(ErrorCode::FileTooLarge, words));
    }
    (size == 0).then(|| ApiError::new(ErrorCode::UnsupportedFormat, "This file is empty."))
}

/// `352 pages · 12.4 MB`
pub(super) fn measure_words(prepared: &Prepared) -> String {
    let metadata = &prepared.metadata;
    format!("{} · {}", page_count(metadata.total_pages.into()), size_words(metadata.file_size))
}
