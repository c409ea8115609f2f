//! The reader's place in a document. The address and the outline follow it, and it stays while pages around it load. A requested place is
//! held until the reader moves.

use std::cell::RefCell;

use gloo_timers::callback::Timeout;
use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, ResizeObserver};

use super::address;
use super::live::on;
use super::pages::{elements, number_of};

/// A pause in scrolling, after which the address is updated.
const PAUSE_MS: u32 = 120;
/// The reading line: its distance from the top of the window, as a share of the window's height.
const LINE: f64 = 0.25;
/// How long a place is held after it is loaded. Some ways to scroll fire none of [`MOVES`].
const HOLD_MS: u32 = 5_000;
/// The events of a reader who moves.
const MOVES: [&str; 5] = ["wheel", "touchmove", "keydown", "pointerdown", "focusin"];

thread_local! {
    static PAUSE: RefCell<Option<Timeout>> = const { RefCell::new(None) };
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// The requested place.
struct Held {
    anchor: String,
    /// The timer that ends the hold; `None` while the place is being fetched.
    end: Option<Timeout>,
}

/// Starts following the reader.
pub(crate) fn begin() {
    on(&window(), "scroll", || {
        PAUSE.with(|pause| *pause.borrow_mut() = Some(Timeout::new(PAUSE_MS, mark)));
    });
    for event in MOVES {
        on(&window(), event, release);
    }
    // Pages get their real heights when they come near, and a slow device needs time for that.
    let settle = Closure::<dyn Fn()>::new(show_held);
    if let (Ok(heights), Some(pages)) =
        (ResizeObserver::new(settle.as_ref().unchecked_ref()), document().get_element_by_id("pages"))
    {
        heights.observe(&pages);
        // The page keeps the closure.
        settle.forget();
    }
    mark();
}

/// Holds the anchor, or its page: scrolls to it now, and again when heights change.
pub(crate) fn hold(anchor: &str) {
    HELD.with(|held| *held.borrow_mut() = Some(Held { anchor: anchor.to_owned(), end: None }));
    show_held();
}

/// Starts the timer of the hold, if the loaded anchor is the held one.
pub(crate) fn arrived(anchor: &str) {
    HELD.with(|held| {
        if let Some(held) = held.borrow_mut().as_mut().filter(|held| held.anchor == anchor) {
            held.end = Some(Timeout::new(HOLD_MS, release));
        }
    });
    show_held();
}

/// Ends the hold.
pub(crate) fn release() {
    HELD.with(|held| *held.borrow_mut() = None);
}

fn show_held() {
    let Some(anchor) = HELD.with(|held| held.borrow().as_ref().map(|held| held.anchor.clone())) else { return };
    let page = || document().get_element_by_id(&format!("page-{}", number_of(&anchor)?));
    if let Some(target) = document().get_element_by_id(&anchor).or_else(page) {
        target.scroll_into_view();
    }
}

/// Writes the place into the address, the `data-here` links and the outline.
pub(crate) fn mark() {
    let page = page_read();
    let number = page.as_ref().and_then(|page| number_of(&page.id()));
    mark_outline(number);
    let Some(number) = number else { return };
    let (part, hash) = match window().scroll_y() {
        // At the top of the document there is no place to remember.
        Ok(y) if y < line() => (String::new(), String::new()),
        _ => (format!("page={number}"), format!("#page-{number}")),
    };
    let dropped = ["page=", "from="];
    address::replace(&(address::with(&part, &dropped) + &hash));
    for link in elements("a[data-here]") {
        let href = link.get_attribute("href").unwrap_or_default();
        let _ = link.set_attribute("href", &(address::rewritten(&href, &part, &dropped) + &hash));
    }
}

/// Applies `change`, and keeps the page that is being read at its position on the screen.
pub(crate) fn kept(change: impl FnOnce()) {
    let Some(page) = page_read() else { return change() };
    let before = page.get_bounding_client_rect();
    change();
    // The page may be a new element with another height: keep the share of it that was above the line.
    let Some(page) = document().get_element_by_id(&page.id()) else { return };
    let after = page.get_bounding_client_rect();
    let read = if before.height() > 0.0 { (line() - before.top()) / before.height() } else { 0.0 };
    let same_height = (before.height() - after.height()).abs() < 1.0;
    let top = if same_height { before.top() } else { line() - read * after.height() };
    let moved = after.top() - top;
    if moved.abs() >= 1.0 {
        window().scroll_by_with_x_and_y(0.0, moved);
    }
}

/// The page at the reading line, or at the next one below; `None` if there is none.
fn page_read() -> Option<Element> {
    let pages = document().get_element_by_id("pages")?.get_bounding_client_rect();
    let x = (pages.left() + pages.width() / 2.0) as f32;
    let under = |y: f64| document().element_from_point(x, y as f32)?.closest(".page").ok().flatten();
    under(line()).or_else(|| under(line() * 2.0)).or_else(|| under(line() * 3.0))
}

fn line() -> f64 {
    window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(0.0) * LINE
}

/// Marks the last heading above the reading line.
fn mark_outline(number: Option<u32>) {
    let is_behind = |link: &Element| {
        let anchor = link.get_attribute("data-goto").unwrap_or_default();
        let heading_top =
            || document().get_element_by_id(&anchor).map(|heading| heading.get_bounding_client_rect().top());
        match (number_of(&anchor), number) {
            (Some(page), Some(number)) if page == number => heading_top().is_none_or(|top| top <= line()),
            (Some(page), Some(number)) => page < number,
            _ => false,
        }
    };
    let links = elements(".outline a");
    let here = links.iter().rposition(is_behind);
    for (index, link) in links.iter().enumerate() {
        if Some(index) == here {
            if !link.has_attribute("aria-current") {
                let _ = link.set_attribute("aria-current", "location");
                unfold(link);
                show(link);
            }
        } else {
            let _ = link.remove_attribute("aria-current");
        }
    }
}

/// Opens the chapters that the entry stands in.
fn unfold(link: &Element) {
    let mut inside = link.parent_element();
    while let Some(chapter) = inside.and_then(|inside| inside.closest(".outline details details").ok().flatten()) {
        let _ = chapter.set_attribute("open", "");
        inside = chapter.parent_element();
    }
}

/// Scrolls the outline, but not the page, to the entry.
fn show(link: &Element) {
    let Some(outline) = document().get_element_by_id("outline") else { return };
    let (shown, height) = (outline.scroll_top(), outline.client_height());
    let above = link.get_bounding_client_rect().top() - outline.get_bounding_client_rect().top();
    let top = above as i32 + shown;
    if top < shown + height / 8 || top > shown + height * 3 / 4 {
        outline.set_scroll_top(top - height / 3);
    }
}
