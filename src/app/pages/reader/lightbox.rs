//! The lightbox: a picture as large as the window. Without script its link, `a.zoom`, opens the image file.

use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Dialog;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::app::browser::elements;

/// The shown picture. Its caption is HTML that the server has sanitized.
#[derive(Clone, Default)]
struct Picture {
    src: Option<String>,
    alt: String,
    caption: String,
    is_first: bool,
    is_last: bool,
}

/// A native dialog that steps through the pictures. It listens for clicks on the whole page, because links come and go with the pages.
#[island]
pub fn Lightbox() -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    let picture = RwSignal::new(Picture::default());
    // The index of the picture among those of its kind: original pages, or figures of the text.
    let place = StoredValue::new((0, ""));
    let show = move |nth: usize, kind: &'static str| {
        let links = elements(kind);
        if let Some(link) = links.get(nth) {
            place.set_value((nth, kind));
            picture.set(Picture { is_first: nth == 0, is_last: nth + 1 == links.len(), ..picture_of(link) });
        }
    };
    let step = move |by: isize| {
        let (nth, kind) = place.get_value();
        if let Some(nth) = nth.checked_add_signed(by) {
            show(nth, kind);
        }
    };
    let open = move |event: &MouseEvent| {
        let target = event.target()?.dyn_into::<Element>().ok()?;
        let link = target.closest("a.zoom").ok()??;
        if event.ctrl_key() || event.meta_key() || event.shift_key() {
            return None;
        }
        event.prevent_default();
        let kind = if link.closest(".original").ok()?.is_some() { ".original a.zoom" } else { ".prose a.zoom" };
        show(elements(kind).iter().position(|other| *other == link)?, kind);
        dialog.get_untracked()?.show_modal().ok()
    };
    Effect::new(move |_| {
        window_event_listener(leptos::ev::click, move |event| {
            open(&event);
        });
    });
    let key = move |event: KeyboardEvent| match event.key().as_str() {
        "ArrowLeft" => step(-1),
        "ArrowRight" => step(1),
        _ => {}
    };
    view! {
        <dialog class="lightbox" id="lightbox" aria-label="Picture" closedby="any" node_ref=dialog on:keydown=key>
            <img
                src=move || picture.with(|picture| picture.src.clone())
                alt=move || picture.with(|picture| picture.alt.clone())
            />
            <p class="lightbox-caption" inner_html=move || picture.with(|picture| picture.caption.clone())></p>
            <form class="cluster" method="dialog">
                <button class="button small">"Close"</button>
                <button
                    class="button small"
                    type="button"
                    disabled=move || picture.with(|picture| picture.is_first)
                    on:click=move |_| step(-1)
                >
                    "Previous"
                </button>
                <button
                    class="button small"
                    type="button"
                    disabled=move || picture.with(|picture| picture.is_last)
                    on:click=move |_| step(1)
                >
                    "Next"
                </button>
            </form>
        </dialog>
    }
}

fn picture_of(link: &Element) -> Picture {
    let figure = link.closest("figure").ok().flatten();
    let caption = figure.and_then(|figure| figure.query_selector("figcaption").ok().flatten());
    let image = link.query_selector("img").ok().flatten();
    Picture {
        src: link.get_attribute("href"),
        alt: image.and_then(|image| image.get_attribute("alt")).unwrap_or_default(),
        caption: caption.map(|caption| caption.inner_html()).unwrap_or_default(),
        ..Picture::default()
    }
}
