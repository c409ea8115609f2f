//! What a selection costs either way, what is left, and a word beforehand if that is not enough.

use leptos::prelude::*;

use crate::model::{Mode, Quote, count_words};

/// `≈ 412k tokens now · ≈ 206k as a batch · 1.2M left`, with the way that is chosen set off. A selection that means nothing has no
/// price; one that is read as text is free. Each dot goes with what it follows, so that no line begins with one.
#[component]
pub fn PriceLine(
    quote: Memo<Option<Quote>>,
    mode: Memo<Mode>,
    left: ReadSignal<Option<u64>>,
    has_price: bool,
    is_free: bool,
) -> impl IntoView {
    let over = move |tokens: u64| left.get().is_some_and(|left| tokens > left);
    let price = move |class: &'static str, of: Mode| {
        let tokens = quote.get().filter(|_| has_price || of == Mode::Text)?.of(of);
        let count = count_words(tokens);
        let (words, is_last) = match of {
            Mode::Text if is_free && mode.get() == of => ("Free".to_owned(), false),
            Mode::Text => return None,
            Mode::Realtime => (format!("≈ {count} tokens now"), false),
            Mode::Batch => (format!("≈ {count} as a batch"), left.get().is_none()),
        };
        Some(view! {
            <span>
                <span class=class class:is-chosen=move || mode.get() == of class:is-over=move || over(tokens)>
                    {words}
                </span>
                {(!is_last).then_some(" ·")}
            </span>
            " "
        })
    };
    view! {
        <p class="price" data-testid="price-line" aria-live="polite">
            {move || price("price-free", Mode::Text)}
            {move || price("price-now", Mode::Realtime)}
            {move || price("price-batch", Mode::Batch)}
            {move || {
                left.get().map(|left| view! { <span class="price-left">{format!("{} left", count_words(left))}</span> })
            }}
        </p>
    }
}

/// Says before submitting that a selection does not fit, and which way it would.
#[component]
pub fn TooDear(quote: Memo<Option<Quote>>, mode: Memo<Mode>, left: ReadSignal<Option<u64>>) -> impl IntoView {
    move || {
        let words = too_dear(quote.get()?, mode.get(), left.get()?)?;
        Some(view! {
            <p class="notice warn" role="status">
                {words}
            </p>
        })
    }
}

fn too_dear(quote: Quote, mode: Mode, left: u64) -> Option<String> {
    let needed = quote.of(mode);
    if needed <= left {
        return None;
    }
    let (name, way_out) = match mode {
        Mode::Batch => ("This batch", "Choose fewer pages."),
        _ if quote.batch_tokens <= left => ("Realtime", "As a batch it fits."),
        _ => ("Realtime", "As a batch it does not fit either. Choose fewer pages."),
    };
    Some(format!("{name} needs {} tokens and you have {} left. {way_out}", count_words(needed), count_words(left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_way_fits() {
        let quote = Quote { realtime_tokens: 33_000, batch_tokens: 16_500 };
        let words = |mode, left| too_dear(quote, mode, left).unwrap_or_default();
        assert_eq!(words(Mode::Realtime, 33_000), "");
        assert_eq!(
            words(Mode::Realtime, 20_000),
            "Realtime needs 33k tokens and you have 20k left. As a batch it fits."
        );
        let neither =
            "Realtime needs 33k tokens and you have 9k left. As a batch it does not fit either. Choose fewer pages.";
        assert_eq!(words(Mode::Realtime, 9_000), neither);
        assert_eq!(words(Mode::Batch, 16_500), "");
        assert_eq!(
            words(Mode::Batch, 9_000),
            "This batch needs 16.5k tokens and you have 9k left. Choose fewer pages."
        );
        assert_eq!(words(Mode::Text, 0), "");
    }
}
