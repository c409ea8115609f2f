//! The metadata banner: the document, the selected pages, the mode and the price.

mod modes;
mod price;
mod range;

use leptos::html::Section;
use leptos::prelude::*;

use crate::app::components::{CloseIcon, Cover, Trouble, page_count};
use crate::app::server::{submit, tokens_left};
use crate::model::wire::{Metadata, Prepared, Submission};
use crate::model::{ApiError, ErrorCode, FORMATS, Mode, PageSet, Pricing, batch_by_default, format_of, size_words};
pub use modes::TextOnly;
use modes::{Modes, is_text_only, remembered_ai};
use price::{PriceLine, QuotaNotice};
use range::RangeField;

/// The banner. `sent` gets the title and the path of the job or document.
#[component]
pub fn Banner(
    prepared: Prepared,
    batch_percent: u64,
    discard: Callback<()>,
    sent: Callback<(String, String)>,
) -> impl IntoView {
    let Prepared { hash, content_hash, metadata, uncached_pages, page_tokens, .. } = prepared;
    let total = metadata.total_pages;
    let (range, set_range) = signal(PageSet::all(total).to_string());
    let pages = Memo::new(move |_| PageSet::parse(&range.get(), total));
    let (ai, set_ai) = signal(remembered_ai() && !is_text_only());
    // `None` until the user touches the switch. Until then the number of pages decides.
    let (touched, set_touched) = signal(None::<bool>);
    let batch = Memo::new(move |_| {
        let by_default = pages.with(|pages| pages.as_ref().is_ok_and(|pages| batch_by_default(pages.len())));
        touched.get().unwrap_or(by_default)
    });
    // A newer server may accept more formats. They get the choices of a PDF.
    let format = format_of(&metadata.content_type).unwrap_or(&FORMATS[0]);
    let mode = Memo::new(move |_| match (format.ai && (ai.get() || !format.free), format.batch && batch.get()) {
        (false, _) => Mode::Text,
        (true, false) => Mode::Realtime,
        (true, true) => Mode::Batch,
    });
    let pricing = Pricing { batch_percent, ..Pricing::default() };
    let quote =
        Memo::new(move |_| pages.with(|pages| pages.as_ref().ok().map(|pages| pricing.quote(&page_tokens, pages))));
    let (left, set_left) = signal(None::<u64>);
    Effect::new(move |_| {
        leptos::task::spawn_local(async move {
            if let Ok(tokens) = tokens_left().await {
                set_left.set(tokens);
            }
        });
    });
    let (busy, set_busy) = signal(false);
    let (error, set_error) = signal(None::<ApiError>);
    let title = StoredValue::new(metadata.title.clone());
    let batch_address = StoredValue::new(format!("/batch/{content_hash}"));
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Ok(selected) = pages.get_untracked() else { return };
        if busy.get_untracked() {
            return;
        }
        set_busy.set(true);
        set_error.set(None);
        let wish = Submission {
            hash: hash.clone(),
            title: None,
            pages: Some(selected.iter().collect()),
            ai_transform: mode.get_untracked() != Mode::Text,
            batch_mode: mode.get_untracked() == Mode::Batch,
        };
        leptos::task::spawn_local(async move {
            match submit(wish).await {
                Ok(address) => sent.run((title.get_value(), address)),
                Err(problem) => {
                    set_error.set(Some(problem));
                    set_busy.set(false);
                }
            }
        });
    };
    let free: PageSet = (0..total).filter(|&index| format.ai && !uncached_pages.contains(index)).collect();
    let banner = NodeRef::<Section>::new();
    // The focused element of the upload is gone. Focus the banner, so that screen readers read it and the next Tab enters it.
    Effect::new(move |_| {
        if let Some(banner) = banner.get() {
            let _ = banner.focus();
        }
    });

    view! {
        <section
            class="card stack"
            data-testid="metadata-banner"
            aria-labelledby="banner-title"
            tabindex="-1"
            node_ref=banner
        >
            <div class="banner-head">
                <Cover title=metadata.title.clone() kind=kind_of(&metadata) />
                <div class="stack tight">
                    <h2 id="banner-title">{metadata.title.clone()}</h2>
                    <p class="soft">{measure_words(&metadata)}</p>
                </div>
                <button
                    class="icon-button"
                    type="button"
                    aria-label="Discard this document"
                    on:click=move |_| discard.run(())
                >
                    <CloseIcon />
                </button>
            </div>
            <form class="stack" on:submit=send>
                {format.has_pages.then(|| view! { <RangeField total free range set_range pages /> })}
                <Modes format ai set_ai batch set_touched />
                <QuotaNotice quote mode left />
                {move || error.get().map(|error| view! { <Refusal error address=batch_address.get_value() /> })}
                <div class="banner-foot">
                    <PriceLine quote mode left has_price=format.ai is_free=format.free />
                    <button
                        class="button primary go"
                        type="submit"
                        data-testid="submit"
                        aria-busy=move || busy.get().then_some("true")
                        disabled=move || busy.get() || pages.with(Result::is_err)
                    >
                        {move || if busy.get() { "Sending…" } else { submit_words(mode.get()) }}
                    </button>
                </div>
            </form>
        </section>
    }
}

/// Why the submission was refused. `address`: the page of this document's active job, if it has one.
#[component]
fn Refusal(mut error: ApiError, address: String) -> impl IntoView {
    let has_job = error.code == ErrorCode::BatchInProgress;
    if error.code == ErrorCode::NotFound {
        error.message = "This file is no longer stored here. Choose it again.".to_owned();
    }
    view! {
        <Trouble error />
        {has_job
            .then(|| {
                view! {
                    <p>
                        <a href=address>"See progress"</a>
                    </p>
                }
            })}
    }
}

/// The button's text, by mode.
const fn submit_words(mode: Mode) -> &'static str {
    match mode {
        Mode::Text => "Read as text",
        Mode::Realtime => "Read now",
        Mode::Batch => "Start batch",
    }
}

/// The format on the cover: `PDF`, `PNG`, `TXT`.
fn kind_of(metadata: &Metadata) -> Option<String> {
    let ending = format_of(&metadata.content_type).and_then(|format| format.extensions.first());
    ending.map(|ending| ending.trim_start_matches('.').to_ascii_uppercase())
}

/// The document's size: `352 pages · 12.4 MB`.
fn measure_words(metadata: &Metadata) -> String {
    format!("{} · {}", page_count(metadata.total_pages.into()), size_words(metadata.file_size))
}
