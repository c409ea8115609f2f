//! A document to be read. Its first pages are in the HTML; the rest come as the reader gets near them.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use super::NotFound;
use crate::app::components::{LocalDay, Trouble, grouped, page_count};
use crate::app::server::{fetch_document, fetch_outline, fetch_pages, retry};
use crate::model::wire::{DocumentSummary, OutlineEntry, PageView};
use crate::model::{ApiError, ErrorCode, Mode};

/// Pages that are fetched together; the server gives as many.
const PAGES_AT_ONCE: u32 = 20;

/// `/documents/{id}`; `?from=` skips that many pages.
#[component]
pub fn Reader() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("id").unwrap_or_default());
    let skip =
        use_query_map().with_untracked(|query| query.get("from").and_then(|from| from.parse().ok()).unwrap_or(0u32));
    let found = Resource::new(
        move || id.clone(),
        move |id| async move {
            Ok::<_, ApiError>((
                fetch_document(id.clone()).await?,
                fetch_outline(id.clone()).await?,
                fetch_pages(id, skip).await?,
            ))
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match found.await {
                    Ok((document, outline, pages)) => view! { <Opened document outline pages skip /> }.into_any(),
                    Err(error) if error.code == ErrorCode::Unavailable => {
                        view! { <main id="main" class="container" tabindex="-1"><Trouble error /></main> }.into_any()
                    }
                    Err(_) => view! { <NotFound /> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Opened(document: DocumentSummary, outline: Vec<OutlineEntry>, pages: Vec<PageView>, skip: u32) -> impl IntoView {
    let price = match document.charged_tokens {
        0 => "Free".to_owned(),
        tokens => format!("{} tokens", grouped(tokens)),
    };
    let shown = skip.saturating_add(u32::try_from(pages.len()).unwrap_or(u32::MAX));
    let earlier = format!("/documents/{}?from={}", document.id, skip.saturating_sub(PAGES_AT_ONCE));
    view! {
        <Title text=document.title.clone() />
        <main id="main" class="container" tabindex="-1">
            <article class="reader">
                <header class="reader-head">
                    <h1>{document.title.clone()}</h1>
                    <p class="row-meta">
                        <span>{page_count(document.pages.into())}</span>
                        <span>{price}</span>
                        <span><LocalDay at=document.created_at /></span>
                    </p>
                    <Failures document=document.clone() />
                </header>
                <Outline id=document.id.clone() entries=outline />
                <div class="reader-pages">
                    <Show when=move || { skip > 0 }>
                        <p class="cluster"><a class="button" href=earlier.clone()>"Earlier pages"</a></p>
                    </Show>
                    {pages.into_iter().map(|page| view! { <PageSection page /> }).collect_view()}
                    <More id=document.id.clone() shown total=document.pages />
                </div>
            </article>
        </main>
    }
}

/// Links to the headings. Each leads to its page and to the pages around it, whether or not they are here already.
#[component]
fn Outline(id: String, entries: Vec<OutlineEntry>) -> impl IntoView {
    let entry = |entry: OutlineEntry| {
        let from = entry.place / PAGES_AT_ONCE * PAGES_AT_ONCE;
        let address = format!("/documents/{id}?from={from}#page-{}", entry.page + 1);
        view! { <li data-rank=entry.rank.to_string()><a href=address>{entry.text}</a></li> }
    };
    let list = entries.into_iter().map(entry).collect_view();
    view! {
        <nav class="outline" aria-label="Outline">
            <details>
                <summary>"Outline"</summary>
                <ol class="outline-list">{list}</ol>
            </details>
        </nav>
    }
}

#[component]
fn Failures(document: DocumentSummary) -> impl IntoView {
    let words = match document.failed_pages {
        0 => return None,
        1 => "1 page could not be read.".to_owned(),
        failed => format!("{} pages could not be read.", grouped(failed.into())),
    };
    // A document that cost nothing was in no AI mode: its pages are tried in the quick one.
    let mode = if document.mode == Mode::Batch { Mode::Batch } else { Mode::Realtime };
    Some(view! {
        <div class="notice warn" role="note">
            <p><strong>{words}</strong>" It costs nothing, and stands in its place below."</p>
            <RetryFailed id=document.id mode />
        </div>
    })
}

/// Reads the failed pages again, for the price of those pages, and goes to where that can be watched.
#[island]
fn RetryFailed(id: String, mode: Mode) -> impl IntoView {
    let (busy, set_busy) = signal(false);
    let (error, set_error) = signal(None::<ApiError>);
    let again = move |_| {
        set_busy.set(true);
        let id = id.clone();
        leptos::task::spawn_local(async move {
            match retry(id, mode).await {
                Ok(submitted) => {
                    let _ = window().location().assign(&submitted.address());
                }
                Err(problem) => {
                    set_error.set(Some(problem));
                    set_busy.set(false);
                }
            }
        });
    };
    view! {
        <button class="button" type="button" disabled=busy on:click=again>"Retry failed pages"</button>
        {move || error.get().map(|error| view! { <Trouble error /> })}
    }
}

/// One page: its text, or why it has none.
#[component]
fn PageSection(page: PageView) -> impl IntoView {
    let number = page.index + 1;
    let anchor = format!("page-{number}");
    let body = match page.failure {
        None => view! { <div class="prose" inner_html=page.html></div> }.into_any(),
        Some(reason) => view! {
            <div class="page-failed stack tight">
                <p><strong>"This page could not be read."</strong></p>
                <p class="soft">{reason}</p>
            </div>
        }
        .into_any(),
    };
    view! {
        <section class="page" id=anchor.clone() data-testid="document-page" aria-label=format!("Page {number}")>
            <div class="page-mark"><a href=format!("#{anchor}")>{format!("Page {number}")}</a></div>
            <div class="page-body">{body}{page.note.map(|note| view! { <p class="notice warn">{note}</p> })}</div>
        </section>
    }
}

/// The pages after the first `shown`, fetched as the reader scrolls towards them; without script, a link leads on.
#[island]
fn More(id: String, shown: u32, total: u32) -> impl IntoView {
    let (fetched, set_fetched) = signal(Vec::<PageView>::new());
    let (error, set_error) = signal(None::<ApiError>);
    let (busy, set_busy) = signal(false);
    let next = move || shown.saturating_add(u32::try_from(fetched.with(Vec::len)).unwrap_or(u32::MAX));
    let id = StoredValue::new(id);
    let fetch = move || {
        if busy.get_untracked() || untrack(next) >= total {
            return;
        }
        set_busy.set(true);
        leptos::task::spawn_local(async move {
            match fetch_pages(id.get_value(), untrack(next)).await {
                Ok(more) => set_fetched.update(|fetched| fetched.extend(more)),
                Err(problem) => set_error.set(Some(problem)),
            }
            set_busy.set(false);
        });
    };
    let end = NodeRef::<leptos::html::P>::new();
    // Anew after each fetch: pages so short that the end is still near are no change that an observer would tell of.
    Effect::new(move |_| {
        fetched.track();
        if let Some(end) = end.get() {
            once_near(&end, fetch);
        }
    });
    view! {
        <For each=move || fetched.get() key=|page| page.index let:page><PageSection page /></For>
        {move || error.get().map(|error| view! { <Trouble error /> })}
        <p class="cluster" node_ref=end hidden=move || { next() >= total }>
            <a class="button" href=move || format!("/documents/{}?from={}", id.get_value(), next())>"Next pages"</a>
        </p>
    }
}

/// Calls `near` once, when the element comes within two screens of being seen.
fn once_near(element: &web_sys::Element, near: impl Fn() + 'static) {
    type Seen = dyn Fn(js_sys::Array, web_sys::IntersectionObserver);
    let seen = Closure::<Seen>::new(move |entries: js_sys::Array, observer: web_sys::IntersectionObserver| {
        let entry = |value: wasm_bindgen::JsValue| value.unchecked_into::<web_sys::IntersectionObserverEntry>();
        if entries.iter().any(|value| entry(value).is_intersecting()) {
            observer.disconnect();
            near();
        }
    });
    let options = web_sys::IntersectionObserverInit::new();
    options.set_root_margin("200% 0px");
    let function: &js_sys::Function = seen.as_ref().unchecked_ref();
    if let Ok(observer) = web_sys::IntersectionObserver::new_with_options(function, &options) {
        observer.observe(element);
    }
    // The page owns it from now on.
    seen.forget();
}
