//! The switches AI Transform and Batch, as far as the format allows a choice.

use leptos::either::Either;
use leptos::prelude::*;

use crate::model::Format;

const TOOLTIP: &str = "Save 50% on your quota. Results usually ready in minutes, but can take up to 24 hours.";
const TEXT_ONLY: &str = "Guests of this server can read the plain text. Sign in to use AI.";

/// Context of the upload panel: whether this browser may not use AI.
#[derive(Clone, Copy)]
pub struct TextOnly(pub bool);

/// Whether this browser may not use AI.
pub fn is_text_only() -> bool {
    use_context::<TextOnly>().is_some_and(|TextOnly(text_only)| text_only)
}

/// The key of the AI Transform switch in the browser's storage.
const AI_KEY: &str = "ai-transform";

/// The switches. AI stays on for an image, which has no text of its own. A text file has no switches.
#[component]
pub fn Modes(
    format: &'static Format,
    ai: ReadSignal<bool>,
    set_ai: WriteSignal<bool>,
    batch: Memo<bool>,
    set_touched: WriteSignal<Option<bool>>,
) -> impl IntoView {
    if !format.ai {
        return Either::Left(
            view! { <p class="controls field-hint">"This is already text. It is added as it is, free."</p> },
        );
    }
    let text_only = is_text_only();
    let hint = match format.free {
        _ if text_only => TEXT_ONLY,
        true => "Reads scans, tables, formulas and figures. Off: only the text in the file, free.",
        false => "Only AI can read an image.",
    };
    let on = move || ai.get() || !format.free;
    Either::Right(view! {
        <div class="controls">
            <div class="control">
                <label class="switch-field">
                    <span>"AI Transform"</span>
                    <input
                        class="switch"
                        type="checkbox"
                        role="switch"
                        data-testid="ai-toggle"
                        aria-describedby="ai-hint"
                        disabled=!format.free || text_only
                        prop:checked=on
                        on:change=move |event| {
                            let on = event_target_checked(&event);
                            remember_ai(on);
                            set_ai.set(on);
                        }
                    />
                </label>
                <p class="field-hint" id="ai-hint">
                    {hint}
                </p>
            </div>
            {move || (format.batch && on()).then(|| view! { <BatchSwitch batch set_touched /> })}
        </div>
    })
}

#[component]
fn BatchSwitch(batch: Memo<bool>, set_touched: WriteSignal<Option<bool>>) -> impl IntoView {
    let (dismissed, set_dismissed) = signal(false);
    // Listen on the window: the pointer may show the tooltip while the focus is elsewhere.
    Effect::new(move |_| {
        let dismissing = window_event_listener(leptos::ev::keydown, move |event| {
            if event.key() == "Escape" {
                set_dismissed.set(true);
            }
        });
        on_cleanup(move || dismissing.remove());
    });
    view! {
        <div
            class="control tip-host"
            data-dismissed=move || dismissed.get().then_some("")
            on:pointerleave=move |_| set_dismissed.set(false)
            on:focusout=move |_| set_dismissed.set(false)
        >
            <label class="switch-field">
                <span>"Batch"</span>
                <input
                    class="switch"
                    type="checkbox"
                    role="switch"
                    data-testid="batch-toggle"
                    aria-describedby="batch-tip"
                    prop:checked=batch
                    on:change=move |event| set_touched.set(Some(event_target_checked(&event)))
                />
            </label>
            <p class="field-hint">"Half price. Usually minutes, at most 24 hours."</p>
            <p class="tip" role="tooltip" id="batch-tip" data-testid="batch-tooltip">
                {TOOLTIP}
            </p>
        </div>
    }
}

/// The last state of the AI Transform switch in this browser; on at first.
pub fn remembered_ai() -> bool {
    let stored = window().local_storage().ok().flatten().and_then(|storage| storage.get_item(AI_KEY).ok().flatten());
    stored.as_deref() != Some("off")
}

/// Stores the switch. Without storage the switch starts as on.
fn remember_ai(on: bool) {
    if let Some(storage) = window().local_storage().ok().flatten() {
        let _ = storage.set_item(AI_KEY, if on { "on" } else { "off" });
    }
}
