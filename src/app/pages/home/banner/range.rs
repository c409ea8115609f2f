//! The page range: a field, and a bar that shows the selected pages and the free ones.

use leptos::either::Either;
use leptos::prelude::*;

use crate::app::components::{grouped, page_count};
use crate::model::{PageRangeError, PageSet};

/// The field and its bar. `free`: pages that were read before.
#[component]
pub fn RangeField(
    total: u32,
    free: PageSet,
    range: ReadSignal<String>,
    set_range: WriteSignal<String>,
    pages: Memo<Result<PageSet, PageRangeError>>,
) -> impl IntoView {
    let free_words = (!free.is_empty()).then(|| format!("Pages {free} free"));
    let bar_words = move || pages.with(|pages| format!("{} of {}", grouped(count_of(pages)), page_count(total.into())));
    let note = move || {
        pages.with(|pages| match pages {
            Ok(_) => Either::Left(view! { <span>{bar_words()}</span> }),
            Err(error) => Either::Right(view! { <span class="field-error">{error.to_string()}</span> }),
        })
    };
    let selected = move || pages.with(|pages| pages.as_ref().map(|pages| rects(pages, "bar-main")).ok());
    view! {
        <div class="field">
            <label class="field-label" for="range">
                "Pages"
            </label>
            <input
                class="input"
                id="range"
                data-testid="page-range"
                autocomplete="off"
                spellcheck="false"
                enterkeyhint="go"
                placeholder="1-10, 25, 30-50"
                aria-describedby="range-note"
                aria-invalid=move || pages.with(Result::is_err).then_some("true")
                prop:value=range
                on:input=move |event| set_range.set(event_target_value(&event))
            />
            <svg
                class="bar"
                viewBox=format!("0 0 {total} 1")
                preserveAspectRatio="none"
                role="img"
                aria-label=move || format!("{} selected", bar_words())
            >
                {selected}
                {rects(&free, "bar-free")}
            </svg>
            <p class="range-note field-hint" id="range-note" role="status">
                {note}
                {free_words.map(|words| view! { <span class="free">{words}</span> })}
            </p>
        </div>
    }
}

fn count_of(pages: &Result<PageSet, PageRangeError>) -> u64 {
    pages.as_ref().map_or(0, |pages| pages.len() as u64)
}

/// One rectangle for each run of pages, one unit wide for each page.
fn rects(pages: &PageSet, class: &'static str) -> Vec<impl IntoView + use<>> {
    let rect = |&(first, last): &(u32, u32)| {
        view! { <rect class=class x=first.to_string() width=(last - first + 1).to_string() height="1" /> }
    };
    pages.runs().iter().map(rect).collect()
}
