//! Where files come in: choosing or dropping them, their upload one after another, and the banner once one is measured.

use std::collections::VecDeque;

use leptos::either::EitherOf3;
use leptos::prelude::*;
use send_wrapper::SendWrapper;
use web_sys::{File, XmlHttpRequest};

use super::banner::Banner;
use super::upload::{Progress, upload};
use crate::app::browser::{Tone, look, toast};
use crate::app::components::{Trouble, page_count};
use crate::app::server::{import, start_session};
use crate::model::wire::Prepared;
use crate::model::{ApiError, ErrorCode, FORMATS, size_words};

/// What lies on the desk.
#[derive(Clone)]
enum Lying {
    Nothing,
    Uploading { name: String },
    Ready(Box<Prepared>),
}

/// The desk and the files that wait for their turn. Cheap to copy.
#[derive(Clone, Copy)]
struct Work {
    lying: RwSignal<Lying>,
    progress: RwSignal<Progress>,
    error: RwSignal<Option<ApiError>>,
    waiting: RwSignal<VecDeque<SendWrapper<File>>>,
    /// The upload under way.
    request: StoredValue<Option<SendWrapper<XmlHttpRequest>>>,
    /// Several files came together: this page is stayed on until all are sent off.
    several: StoredValue<bool>,
    known: bool,
    bytes_max: u64,
}

impl Work {
    /// Puts files in line. One that cannot be sent is refused at once.
    fn take(self, files: impl Iterator<Item = File>) {
        self.error.set(None);
        for file in files {
            match refusal_of(&file, self.bytes_max) {
                Some(problem) => self.error.set(Some(problem)),
                None => self.waiting.update(|waiting| waiting.push_back(SendWrapper::new(file))),
            }
        }
        self.several.update_value(|several| *several |= self.waiting.with_untracked(VecDeque::len) > 1);
        if matches!(self.lying.get_untracked(), Lying::Nothing) {
            self.go_on();
        }
    }

    /// Uploads the next file, if one waits.
    fn go_on(self) {
        let Some(file) = self.waiting.try_update(VecDeque::pop_front).flatten() else {
            return self.lying.set(Lying::Nothing);
        };
        self.progress.set(Progress::default());
        self.lying.set(Lying::Uploading { name: file.name() });
        leptos::task::spawn_local(async move {
            match self.upload(&file).await {
                Ok(Some(prepared)) => self.lying.set(Lying::Ready(Box::new(prepared))),
                Ok(None) => self.go_on(),
                Err(mut problem) => {
                    if self.several.get_value() {
                        problem.message = format!("{}: {}", file.name(), problem.message);
                    }
                    self.error.set(Some(problem));
                    self.go_on();
                }
            }
        });
    }

    /// Has the server fetch what is at an address.
    fn fetch(self, address: String) {
        self.error.set(None);
        self.progress.set(Progress::default());
        self.lying.set(Lying::Uploading { name: address.clone() });
        leptos::task::spawn_local(async move {
            let prepared = async {
                if !self.known {
                    start_session().await?;
                }
                import(address).await
            };
            match prepared.await {
                Ok(prepared) => self.lying.set(Lying::Ready(Box::new(prepared))),
                Err(problem) => {
                    self.error.set(Some(problem));
                    self.go_on();
                }
            }
        });
    }

    async fn upload(self, file: &File) -> Result<Option<Prepared>, ApiError> {
        if !self.known {
            start_session().await?;
        }
        let started = move |xhr| self.request.set_value(Some(SendWrapper::new(xhr)));
        upload(file, started, move |progress| self.progress.set(progress)).await
    }

    fn cancel(self) {
        self.request.with_value(|xhr| {
            let _ = xhr.as_ref().map(|xhr| xhr.abort());
        });
    }

    /// A document was sent off: on to where it can be followed, or to the next file.
    fn sent(self, title: &str, address: &str) {
        if !self.several.get_value() {
            // Fails only while the page is being left already.
            let _ = window().location().set_href(address);
            return;
        }
        toast(Tone::Good, &format!("“{title}” is on its way."));
        look();
        self.error.set(None);
        self.go_on();
    }
}

/// See the module. `known`: this browser has an account already. `bytes_max`: of a file that the server accepts.
#[island]
pub fn Desk(known: bool, bytes_max: u64, batch_percent: u64) -> impl IntoView {
    let work = Work {
        lying: RwSignal::new(Lying::Nothing),
        progress: RwSignal::new(Progress::default()),
        error: RwSignal::new(None),
        waiting: RwSignal::new(VecDeque::new()),
        request: StoredValue::new(None),
        several: StoredValue::new(false),
        known,
        bytes_max,
    };
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
    let sent = Callback::new(move |(title, address): (String, String)| work.sent(&title, &address));
    let put_away = Callback::new(move |()| work.go_on());

    let desk = move || match work.lying.get() {
        Lying::Ready(prepared) => EitherOf3::A(view! {
            <h1 class="visually-hidden">"Coldbrew"</h1>
            <Banner prepared=*prepared batch_percent put_away sent />
        }),
        Lying::Uploading { name } => EitherOf3::B(view! { <Hero /><Uploading name work /> }),
        Lying::Nothing => EitherOf3::C(view! {
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
                    <input type="file" multiple data-testid="file-input" accept=accepted() node_ref=input
                        on:change=move |_| take_chosen() />
                </label>
                <AddressForm work />
            </section>
        }),
    };
    view! {
        {desk}
        {move || work.error.get().map(|error| view! { <Trouble error /> })}
        {move || match work.waiting.with(VecDeque::len) {
            0 => None,
            1 => Some("1 more file waits for its turn.".to_owned()),
            number => Some(format!("{number} more files wait for their turn.")),
        }.map(|words| view! { <p class="soft" role="status">{words}</p> })}
    }
}

/// A document's address, typed or pasted.
#[component]
fn AddressForm(work: Work) -> impl IntoView {
    let (address, set_address) = signal(String::new());
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        work.fetch(address.get_untracked());
    };
    view! {
        <form class="url-form" on:submit=send>
            <label class="visually-hidden" for="address">"Address of a document"</label>
            <input class="input" id="address" type="url" required placeholder="https://… or paste an address" data-testid="url-input"
                prop:value=address on:input=move |event| set_address.set(event_target_value(&event)) />
            <button class="button" type="submit">"Fetch"</button>
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

#[component]
fn Uploading(name: String, work: Work) -> impl IntoView {
    let progress = work.progress;
    let words = move || match progress.get() {
        Progress { sent, total } if sent < total => format!("{} of {}", size_words(sent), size_words(total)),
        Progress { total: 0, .. } => "Starting…".to_owned(),
        _ => "Uploaded. Opening the document…".to_owned(),
    };
    // Without a value the bar shows that something is going on.
    let value = move || progress.with(|progress| (progress.sent < progress.total).then(|| progress.sent.to_string()));
    let max = move || progress.with(|progress| progress.total.max(1).to_string());
    let label = format!("Upload of {name}");
    view! {
        <section class="card upload" aria-label="Upload">
            <div class="cluster spread">
                <p><strong>{name}</strong></p>
                <button class="button small" type="button" on:click=move |_| work.cancel()>"Cancel"</button>
            </div>
            <progress max=max value=value aria-label=label></progress>
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
