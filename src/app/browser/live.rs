//! Keeps the parts of a page that are marked `data-live` current: by the server's events where they come, else by asking.
//!
//! The first one's `data-live` is `working` while something is in progress, `done` or `failed` after it, else `idle`: the tab's icon, and how often to ask.
//! `data-events` is there if this browser has an account, and so events. Only a tab that is looked at listens: a browser opens few
//! connections to one server, and shares them among its tabs.

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
use super::toast::{away, back};
use super::{elements_of, focus};

const EVENTS: &str = "/v1/events";
/// Between two looks while events come: only in case that one was lost.
const LISTENING_MS: u32 = 30_000;
/// Between two looks without events.
const ASKING_MS: u32 = 3_000;
/// The same for a tab that nobody looks at, whose title should tell all the same.
const HIDDEN_MS: u32 = 10_000;
/// How long no stream is asked for after one was refused: as many as may be are open in other tabs.
const REFUSED_MS: u32 = 60_000;
/// Looks that may fail before it is said.
const QUIET_FAILURES: u32 = 2;

#[derive(Default)]
struct Live {
    stream: RefCell<Option<EventSource>>,
    timer: RefCell<Option<Timeout>>,
    /// There since a stream was refused, until another one may be asked for.
    refused: RefCell<Option<Timeout>>,
    looking: Cell<bool>,
    /// Something happened during a look, which may have come too late for it.
    again: Cell<bool>,
    failures: Cell<u32>,
}

thread_local! {
    static LIVE: Live = Live::default();
}

/// Begins, if this page has such a part.
pub(crate) fn begin() {
    let Some(part) = part_of(&document()) else { return };
    show_icon(&part);
    on(&document(), "visibilitychange", attend);
    on(&window(), "online", attend);
    // The stream may not notice.
    on(&window(), "offline", look);
    connect();
    schedule();
}

/// The tab was turned to or away from, or the network is back.
fn attend() {
    if visible() {
        look();
    } else {
        disconnect();
        schedule();
    }
}

/// Looks at once whether anything has changed.
pub(crate) fn look() {
    if LIVE.with(|live| live.looking.replace(true)) {
        return LIVE.with(|live| live.again.set(true));
    }
    leptos::task::spawn_local(async {
        loop {
            LIVE.with(|live| live.again.set(false));
            let reached = refresh().await;
            note(reached.is_ok());
            if !LIVE.with(|live| live.again.get()) {
                break;
            }
        }
        LIVE.with(|live| live.looking.set(false));
        schedule();
    });
}

/// Takes over what has changed. `Err`: the server cannot be reached.
async fn refresh() -> Result<(), ()> {
    let address = window().location().href().map_err(|_| ())?;
    let answer = page_at(&address).await.map_err(|_| ())?;
    let page = match answer {
        Answer::Page(page) => page,
        // Going back must not lead here again.
        Answer::Moved(address) => return window().location().replace(&address).map_err(|_| ()),
        Answer::Gone => return window().location().reload().map_err(|_| ()),
    };
    take_over(&page);
    Ok(())
}

/// Makes the live parts of the shown page those of a fetched one.
pub(crate) fn take_over(page: &web_sys::Document) {
    localize(page);
    let (shown, fetched) = (parts_of(&document()), parts_of(page));
    if shown.len() != fetched.len() || who_on(&document()) != who_on(page) {
        // Another page altogether: another account is signed in by now, or none.
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

/// Says, calmly and once, that the server is away, and when it is back.
fn note(reached: bool) {
    let failures = if reached { 0 } else { LIVE.with(|live| live.failures.get()) + 1 };
    LIVE.with(|live| live.failures.set(failures));
    if reached {
        back();
        connect();
    } else {
        // Whatever it seems to be.
        disconnect();
        if failures == QUIET_FAILURES {
            away();
        }
    }
}

fn connect() {
    let wanted = visible() && part_of(&document()).is_some_and(|part| part.has_attribute("data-events"));
    if !wanted || LIVE.with(|live| live.stream.borrow().is_some() || live.refused.borrow().is_some()) {
        return;
    }
    let Ok(stream) = EventSource::new(EVENTS) else { return };
    on(&stream, "change", look);
    let failed = stream.clone();
    on(&stream, "error", move || {
        // A stream that broke would be opened again by the browser; one that was refused is closed.
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

/// Sets the time of the next look, if there is to be one without an event.
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
    // The timer that was there is cancelled by being dropped.
    LIVE.with(|live| *live.timer.borrow_mut() = pause_ms.map(|pause_ms| Timeout::new(pause_ms, look)));
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

/// Whose page it is, where it says so (`data-who`).
fn who_on(page: &web_sys::Document) -> Option<String> {
    page.query_selector("[data-who]").ok().flatten()?.get_attribute("data-who")
}

fn visible() -> bool {
    document().visibility_state() == VisibilityState::Visible
}

/// Calls `react` at each event, for as long as the page lives.
pub(crate) fn on(target: &web_sys::EventTarget, event: &str, react: impl Fn() + 'static) {
    let react = Closure::<dyn Fn()>::new(react);
    let _ = target.add_event_listener_with_callback(event, react.as_ref().unchecked_ref());
    react.forget();
}
