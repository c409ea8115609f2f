//! Keeps the `data-live` parts of a page current, by the server's events or else by polling.
//!
//! The first part's `data-live` decides the tab's icon and the polling interval: `working` while a job is active, then `done` or `failed`,
//! else `idle`. `data-events` says that this browser has an account, and so events. Only a visible tab listens: over HTTP/1.1, the tabs of
//! a browser share six connections to a server (<https://developer.mozilla.org/docs/Web/API/EventSource>, read 2026-11-30).

use std::cell::{Cell, RefCell};

use gloo_timers::callback::Timeout;
use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, EventSource, VisibilityState};

use super::morph::morph;
use super::page::{Answer, page_at};
use super::pages;
use super::times::localize;
use super::toast::{hide_disconnected, show_disconnected};
use super::{elements_of, focus};

const EVENTS: &str = "/v1/events";
/// The polling interval while events come, in case one is lost.
const LISTENING_MS: u32 = 30_000;
/// The polling interval without events.
const ASKING_MS: u32 = 3_000;
/// The polling interval of a hidden tab, whose title must stay current.
const HIDDEN_MS: u32 = 10_000;
/// The pause after the server refused a stream, because other tabs have as many open as are allowed.
const REFUSED_MS: u32 = 60_000;
/// The number of failed polls after which the page says so.
const QUIET_FAILURES: u32 = 2;

#[derive(Default)]
struct Live {
    stream: RefCell<Option<EventSource>>,
    timer: RefCell<Option<Timeout>>,
    /// The timer of the pause after a refused stream.
    refused: RefCell<Option<Timeout>>,
    polling: Cell<bool>,
    /// A change came during a poll, which may have missed it.
    again: Cell<bool>,
    failures: Cell<u32>,
}

thread_local! {
    static LIVE: Live = Live::default();
}

/// Starts, if the page has a live part.
pub(crate) fn begin() {
    let Some(part) = part_of(&document()) else { return };
    show_icon(&part);
    on(&document(), "visibilitychange", visibility_changed);
    on(&window(), "online", visibility_changed);
    // The event stream may not notice that the network is gone.
    on(&window(), "offline", poll);
    connect();
    schedule();
}

/// Polls and listens in a visible tab, only polls in a hidden one.
fn visibility_changed() {
    if visible() {
        poll();
    } else {
        disconnect();
        schedule();
    }
}

/// Polls at once.
pub(crate) fn poll() {
    if LIVE.with(|live| live.polling.replace(true)) {
        return LIVE.with(|live| live.again.set(true));
    }
    leptos::task::spawn_local(async {
        loop {
            LIVE.with(|live| live.again.set(false));
            let reached = refresh().await;
            report(reached.is_ok());
            if !LIVE.with(|live| live.again.get()) {
                break;
            }
        }
        LIVE.with(|live| live.polling.set(false));
        schedule();
    });
}

/// Fetches the page and applies what has changed. `Err` if the server cannot be reached.
async fn refresh() -> Result<(), ()> {
    let address = window().location().href().map_err(|_| ())?;
    let answer = page_at(&address).await.map_err(|_| ())?;
    let page = match answer {
        Answer::Page(page) => page,
        // Replace the history entry, so that going back does not lead here again.
        Answer::Moved(address) => return window().location().replace(&address).map_err(|_| ()),
        Answer::Gone => return window().location().reload().map_err(|_| ()),
    };
    apply(&page);
    Ok(())
}

/// Replaces the live parts of the shown page by those of a fetched one.
pub(crate) fn apply(page: &web_sys::Document) {
    localize(page);
    let (shown, fetched) = (parts_of(&document()), parts_of(page));
    if shown.len() != fetched.len() || who_on(&document()) != who_on(page) {
        // A different page: another account is signed in now, or none.
        let _ = window().location().reload();
        return;
    }
    focus::kept(|| shown.iter().zip(&fetched).for_each(|(shown, fetched)| morph(shown, fetched)));
    if let Some(part) = part_of(&document()) {
        document().set_title(&page.title());
        show_icon(&part);
        pages::renew();
    }
}

/// Says once that the server cannot be reached, and takes it back when it answers.
fn report(reached: bool) {
    let failures = if reached { 0 } else { LIVE.with(|live| live.failures.get()) + 1 };
    LIVE.with(|live| live.failures.set(failures));
    if reached {
        hide_disconnected();
        connect();
    } else {
        // The stream may look open on a broken connection.
        disconnect();
        if failures == QUIET_FAILURES {
            show_disconnected();
        }
    }
}

fn connect() {
    let wanted = visible() && part_of(&document()).is_some_and(|part| part.has_attribute("data-events"));
    if !wanted || LIVE.with(|live| live.stream.borrow().is_some() || live.refused.borrow().is_some()) {
        return;
    }
    let Ok(stream) = EventSource::new(EVENTS) else { return };
    on(&stream, "change", poll);
    let failed = stream.clone();
    on(&stream, "error", move || {
        // The browser reconnects a broken stream; a refused one is closed.
        if failed.ready_state() == EventSource::CLOSED {
            pause_streams();
        }
        disconnect();
        schedule();
    });
    LIVE.with(|live| *live.stream.borrow_mut() = Some(stream));
}

fn pause_streams() {
    let over = Timeout::new(REFUSED_MS, || LIVE.with(|live| *live.refused.borrow_mut() = None));
    LIVE.with(|live| *live.refused.borrow_mut() = Some(over));
}

fn disconnect() {
    if let Some(stream) = LIVE.with(|live| live.stream.borrow_mut().take()) {
        stream.close();
    }
}

/// Schedules the next poll, if this page needs one.
fn schedule() {
    let Some(part) = part_of(&document()) else { return };
    let working = part.get_attribute("data-live").as_deref() == Some("working");
    let listening = LIVE.with(|live| live.stream.borrow().is_some());
    let pause_ms = match (listening, visible(), working) {
        (true, _, true) => Some(LISTENING_MS),
        (false, true, _) if part.has_attribute("data-events") => Some(ASKING_MS),
        (false, false, true) => Some(HIDDEN_MS),
        _ => None,
    };
    // Dropping the old timer cancels it.
    LIVE.with(|live| *live.timer.borrow_mut() = pause_ms.map(|pause_ms| Timeout::new(pause_ms, poll)));
}

fn show_icon(part: &Element) {
    let icon = match part.get_attribute("data-live").as_deref() {
        Some("working") => "/favicon-working.svg",
        Some("done") => "/favicon-done.svg",
        Some("failed") => "/favicon-failed.svg",
        _ => "/favicon.svg",
    };
    if let Ok(Some(link)) = document().query_selector("link[rel=icon]") {
        let _ = link.set_attribute("href", icon);
    }
}

fn part_of(page: &web_sys::Document) -> Option<Element> {
    page.query_selector("[data-live]").ok().flatten()
}

fn parts_of(page: &web_sys::Document) -> Vec<Element> {
    elements_of(page, "[data-live]")
}

/// The account that the page belongs to, if it says so (`data-who`).
fn who_on(page: &web_sys::Document) -> Option<String> {
    page.query_selector("[data-who]").ok().flatten()?.get_attribute("data-who")
}

fn visible() -> bool {
    document().visibility_state() == VisibilityState::Visible
}

/// Calls `react` at each event, until the page is closed.
pub(crate) fn on(target: &web_sys::EventTarget, event: &str, react: impl Fn() + 'static) {
    let react = Closure::<dyn Fn()>::new(react);
    let _ = target.add_event_listener_with_callback(event, react.as_ref().unchecked_ref());
    react.forget();
}
