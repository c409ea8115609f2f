//! The metadata banner: what a document is, what of it is wanted and how, and what that will cost.

use leptos::either::Either;
use leptos::prelude::*;

use super::desk::measure_words;
use crate::app::components::{CloseIcon, Trouble, grouped, page_count};
use crate::app::server::{submit, tokens_left};
use crate::model::wire::{Prepared, Submission};
use crate::model::{ApiError, Mode, PageSet, Pricing, Quote, batch_by_default, count_words, format_of};

const TOOLTIP: &str = "Save 50% on your quota. Results usually ready in minutes, but can take up to 24 hours.";
/// Where this browser remembers the AI Transform switch.
const AI_KEY: &str = "ai-transform";

/// See the module. `sent` gets the title, and the address where it can be followed.
#[component]
pub fn Banner(
    prepared: Prepared,
    batch_percent: u64,
    put_away: Callback<()>,
    sent: Callback<(String, String)>,
) -> impl IntoView {
    let total = prepared.metadata.total_pages;
    let (range, set_range) = signal(PageSet::all(total).to_string());
    let pages = Memo::new(move |_| PageSet::parse(&range.get(), total));
    let (ai, set_ai) = signal(remembered_ai());
    // `None` until the person touches the switch: until then the number of pages decides.
    let (touched, set_touched) = signal(None::<bool>);
    let batch = Memo::new(move |_| {
        let by_default = pages.with(|pages| pages.as_ref().is_ok_and(|pages| batch_by_default(pages.len())));
        touched.get().unwrap_or(by_default)
    });
    let format = format_of(&prepared.metadata.content_type);
    let (may_ai, may_batch) = (format.is_some_and(|format| format.ai), format.is_some_and(|format| format.batch));
    let mode = Memo::new(move |_| match (may_ai && ai.get(), may_batch && batch.get()) {
        (false, _) => Mode::Text,
        (true, false) => Mode::Realtime,
        (true, true) => Mode::Batch,
    });
    let page_tokens = StoredValue::new(prepared.page_tokens.clone());
    let pricing = Pricing { batch_percent, ..Pricing::default() };
    let quote = Memo::new(move |_| {
        let price = |pages: &PageSet| page_tokens.with_value(|tokens| pricing.quote(tokens, pages));
        pages.with(|pages| pages.as_ref().ok().map(price))
    });
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
    let hash = StoredValue::new(prepared.hash.clone());
    let title = StoredValue::new(prepared.metadata.title.clone());
    let go = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Ok(selected) = pages.get_untracked() else { return };
        if busy.get_untracked() {
            return;
        }
        set_busy.set(true);
        set_error.set(None);
        let wish = Submission {
            hash: hash.get_value(),
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
    let uncached = prepared.uncached_pages.clone();
    let free: PageSet = (0..total).filter(|&index| !uncached.contains(index)).collect();

    view! {
        <section class="card stack" data-testid="metadata-banner" aria-labelledby="banner-title">
            <div class="banner-head">
                <span class="cover" data-kind="PDF" aria-hidden="true"></span>
                <div class="stack tight">
                    <h2 id="banner-title">{prepared.metadata.title.clone()}</h2>
                    <p class="soft">{measure_words(&prepared)}</p>
                </div>
                <button class="icon-button" type="button" aria-label="Put this document away" on:click=move |_| put_away.run(())>
                    <CloseIcon />
                </button>
            </div>
            <form class="stack" on:submit=go>
                <RangeField total free range set_range pages />
                <div class="controls" hidden=!may_ai>
                    <div class="control">
                        <label class="switch-field">
                            <span>"AI Transform"</span>
                            <input class="switch" type="checkbox" role="switch" data-testid="ai-toggle" aria-describedby="ai-hint"
                                prop:checked=ai
                                on:change=move |event| { let on = event_target_checked(&event); remember_ai(on); set_ai.set(on); } />
                        </label>
                        <p class="field-hint" id="ai-hint">"Reads scans, tables and formulas"</p>
                    </div>
                    <Show when=move || may_batch && ai.get()>
                        <BatchSwitch batch set_touched />
                    </Show>
                </div>
                {move || too_dear(quote.get()?, mode.get(), left.get())}
                {move || error.get().map(|error| view! { <Trouble error /> })}
                <div class="banner-foot">
                    <PriceLine quote mode left />
                    <button class="button primary go" type="submit" data-testid="submit"
                        disabled=move || busy.get() || pages.with(Result::is_err)>
                        "Go"
                    </button>
                </div>
            </form>
        </section>
    }
}

#[component]
fn BatchSwitch(batch: Memo<bool>, set_touched: WriteSignal<Option<bool>>) -> impl IntoView {
    let (dismissed, set_dismissed) = signal(false);
    view! {
        <div class="control tip-host" data-dismissed=move || dismissed.get().then_some("")
            on:keydown=move |event| if event.key() == "Escape" { set_dismissed.set(true) }
            on:pointerleave=move |_| set_dismissed.set(false)
            on:focusout=move |_| set_dismissed.set(false)>
            <label class="switch-field">
                <span>"Batch"</span>
                <input class="switch" type="checkbox" role="switch" data-testid="batch-toggle" aria-describedby="batch-tip"
                    prop:checked=batch
                    on:change=move |event| set_touched.set(Some(event_target_checked(&event))) />
            </label>
            <p class="field-hint">"Half the price, for those who can wait"</p>
            <p class="tip" role="tooltip" id="batch-tip" data-testid="batch-tooltip">{TOOLTIP}</p>
        </div>
    }
}

#[component]
fn RangeField(
    total: u32,
    free: PageSet,
    range: ReadSignal<String>,
    set_range: WriteSignal<String>,
    pages: Memo<Result<PageSet, crate::model::PageRangeError>>,
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
            <label class="field-label" for="range">"Pages"</label>
            <input class="input" id="range" data-testid="page-range" autocomplete="off" spellcheck="false" aria-describedby="range-note"
                aria-invalid=move || pages.with(Result::is_err).then_some("true")
                prop:value=range
                on:input=move |event| set_range.set(event_target_value(&event)) />
            <svg class="bar" viewBox=format!("0 0 {total} 1") preserveAspectRatio="none" role="img"
                aria-label=move || format!("{} selected", bar_words())>
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

fn count_of(pages: &Result<PageSet, crate::model::PageRangeError>) -> u64 {
    pages.as_ref().map_or(0, |pages| pages.len() as u64)
}

/// The runs of a set of pages, each as a rectangle one unit a page.
fn rects(pages: &PageSet, class: &'static str) -> Vec<impl IntoView + use<>> {
    let rect = |&(first, last): &(u32, u32)| {
        view! { <rect class=class x=first.to_string() width=(last - first + 1).to_string() height="1" /> }
    };
    pages.runs().iter().map(rect).collect()
}

/// `≈ 412k tokens now · ≈ 206k as a batch · 1.2M left`. A selection that means nothing has no price. Each dot goes with what follows it.
#[component]
fn PriceLine(quote: Memo<Option<Quote>>, mode: Memo<Mode>, left: ReadSignal<Option<u64>>) -> impl IntoView {
    let over = move |tokens: u64| left.get().is_some_and(|left| tokens > left);
    let prices = move || {
        let Quote { realtime_tokens, batch_tokens } = quote.get()?;
        Some(view! {
            <span class="price-now"
                class:is-chosen=move || mode.get() == Mode::Realtime class:is-over=move || over(realtime_tokens)>
                {format!("≈ {} tokens now", count_words(realtime_tokens))}
            </span>
            " "
            <span class="price-batch"
                class:is-chosen=move || mode.get() == Mode::Batch class:is-over=move || over(batch_tokens)>
                {format!("· ≈ {} as a batch", count_words(batch_tokens))}
            </span>
        })
    };
    let rest = move || {
        let left = count_words(left.get()?);
        Some(
            view! { " "<span class="price-left">{if quote.get().is_some() { format!("· {left} left") } else { format!("{left} left") }}</span> },
        )
    };
    view! { <p class="price" data-testid="price-line" aria-live="polite">{prices}{rest}</p> }
}

/// Says before submitting that a selection does not fit, and which way it would.
fn too_dear(quote: Quote, mode: Mode, left: Option<u64>) -> Option<impl IntoView> {
    let left = left?;
    let needed = quote.of(mode);
    if needed <= left {
        return None;
    }
    let way_out = match mode {
        Mode::Realtime if quote.batch_tokens <= left => "As a batch it fits.",
        Mode::Batch if quote.realtime_tokens <= left => "In realtime it fits.",
        _ => "Choose fewer pages.",
    };
    let name = if mode == Mode::Batch { "This batch" } else { "Realtime" };
    let words =
        format!("{name} needs {} tokens and you have {} left. {way_out}", count_words(needed), count_words(left));
    Some(view! { <p class="notice warn" role="status">{words}</p> })
}

fn remembered_ai() -> bool {
    let stored = window().local_storage().ok().flatten().and_then(|storage| storage.get_item(AI_KEY).ok().flatten());
    stored.as_deref() != Some("off")
}

/// A browser that keeps nothing simply starts with the switch on.
fn remember_ai(on: bool) {
    if let Some(storage) = window().local_storage().ok().flatten() {
        let _ = storage.set_item(AI_KEY, if on { "on" } else { "off" });
    }
}
