//! The card of a reference: what a link inside the text leads to, shown while the pointer or the focus is on the link.

use std::cell::RefCell;

use gloo_timers::callback::Timeout;
use leptos::prelude::{document, window};
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{Document, Element, Event, HtmlElement, KeyboardEvent};

use super::address;
use super::clicks::on;
use super::page::{Answer, page_at};
use super::pages::number_of;

/// The links that have a card.
pub(crate) const LINKS: &str = ".prose a[href*='#page-']";
/// The pointer rests on a link for this time before its card is shown.
const REST_MS: u32 = 250;
const CHARS_MAX: usize = 280;
/// The space between the link and its card, in pixels.
const GAP: f64 = 6.0;

thread_local! {
    static PAUSE: RefCell<Option<Timeout>> = const { RefCell::new(None) };
}

/// Listens on the whole page.
pub(crate) fn listen() {
    for name in ["pointerover", "focusin"] {
        on(name, |event: Event| {
            let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            match target.and_then(|target| target.closest(LINKS).ok().flatten()) {
                Some(link) => {
                    let show = move || spawn_local(async move { show(&link).await });
                    PAUSE.with(|pause| *pause.borrow_mut() = Some(Timeout::new(REST_MS, show)));
                }
                None => hide(),
            }
        });
    }
    on("click", |_: Event| hide());
    on("keydown", |event: KeyboardEvent| {
        if event.key() == "Escape" {
            hide();
        }
    });
}

fn hide() {
    PAUSE.with(|pause| *pause.borrow_mut() = None);
    if let Some(card) = document().get_element_by_id("card") {
        card.remove();
    }
}

async fn show(link: &Element) {
    let href = link.get_attribute("href").unwrap_or_default();
    let anchor = href.split('#').nth(1).unwrap_or_default();
    let Some(number) = number_of(anchor) else { return };
    let shown = content(&document(), anchor);
    let content = match shown {
        Some(shown) => Some(shown),
        None => match page_at(&address::with(&format!("page={number}&only=pages"), &["page=", "from="])).await {
            Ok(Answer::Page(page)) => content(&page, anchor),
            _ => None,
        },
    };
    // The pointer may have left meanwhile.
    if let Some(content) = content.filter(|_| PAUSE.with(|pause| pause.borrow().is_some())) {
        hide();
        place(link, number, &content);
    }
}

/// The beginning of what stands at an anchor.
fn content(page: &Document, anchor: &str) -> Option<String> {
    let target = page.get_element_by_id(anchor)?;
    let block = match target.tag_name().as_str() {
        "A" => target.closest("figure, li, p, .scroll-x").ok()??,
        "SECTION" => target.query_selector(".prose").ok()??,
        _ => target,
    };
    let mut text = block.text_content().unwrap_or_default();
    let mut next = block.next_element_sibling();
    while let Some(block) = next.filter(|_| text.len() < CHARS_MAX && anchor.split('-').count() == 3) {
        text = format!("{text}\n{}", block.text_content().unwrap_or_default());
        next = block.next_element_sibling();
    }
    let text = text.trim();
    let cut: String = text.chars().take(CHARS_MAX).collect();
    Some(if cut.len() < text.len() { format!("{}…", cut.trim_end()) } else { cut })
}

fn place(link: &Element, number: u32, content: &str) {
    let Ok(card) = document().create_element("div") else { return };
    card.set_id("card");
    let _ = card.set_attribute("role", "tooltip");
    card.set_text_content(Some(&format!("Page {number}\n{content}")));
    let Some(reader) = document().get_element_by_id("main") else { return };
    let _ = reader.append_child(&card);
    let (at, size) = (link.get_bounding_client_rect(), card.get_bounding_client_rect());
    let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(0.0);
    let width = f64::from(document().document_element().map_or(0, |root| root.client_width()));
    let is_below = at.bottom() + GAP + size.height() < height;
    let top = if is_below { at.bottom() + GAP } else { (at.top() - GAP - size.height()).max(0.0) };
    let left = at.left().min(width - size.width() - GAP).max(GAP);
    let style = card.unchecked_ref::<HtmlElement>().style();
    let _ = style.set_property("top", &format!("{top}px"));
    let _ = style.set_property("left", &format!("{left}px"));
    let _ = link.set_attribute("aria-describedby", "card");
}
