//! The price line, and a notice if the quota is too small for the selection.

use leptos::prelude::*;

use crate::model::{Mode, Quote, count_words};

/// The price line, with the chosen mode emphasized: `≈ 412k tokens now · ≈ 206k as a batch · 1.2M left`. An invalid selection has no price;
/// text mode is free. Each dot is in the same box as the text before it, so that no line starts with a dot.
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

/// Says before the submission that the selection exceeds the quota, and which mode would fit.
#[component]
pub fn QuotaNotice(quote: Memo<Option<Quote>>, mode: Memo<Mode>, left: ReadSignal<Option<u64>>) -> impl IntoView {
    move || {
        let words = over_quota_words(quote.get()?, mode.get(), left.get()?)?;
        Some(view! {
            <p class="notice warn" role="status">
                {words}
            </p>
        })
    }
}

fn over_quota_words(quote: Quote, mode: Mode, left: u64) -> Option<String> {
    let needed = quote.of(mode);
    if needed <= left {
        return None;
    }
    let (what, advice) = match mode {
        Mode::Batch => ("This batch", "Choose fewer pages."),
        _ if quote.batch_tokens <= left => ("Reading now", "A batch would fit."),
        _ => ("Reading now", "A batch would not fit either. Choose fewer pages."),
    };
    Some(format!("{what} takes about {} tokens; you have {} left. {advice}", count_words(needed), count_words(left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_quota_words_name_the_mode_that_fits() {
        let quote = Quote { realtime_tokens: 33_000, batch_tokens: 16_500 };
        let words = |mode, left| over_quota_words(quote, mode, left).unwrap_or_default();
        assert_eq!(words(Mode::Realtime, 33_000), "");
        assert_eq!(
            words(Mode::Realtime, 20_000),
            "Reading now takes about 33k tokens; you have 20k left. A batch would fit."
        );
        let neither =
            "Reading now takes about 33k tokens; you have 9k left. A batch would not fit either. Choose fewer pages.";
        assert_eq!(words(Mode::Realtime, 9_000), neither);
        assert_eq!(words(Mode::Batch, 16_500), "");
        assert_eq!(
            words(Mode::Batch, 9_000),
            "This batch takes about 16.5k tokens; you have 9k left. Choose fewer pages."
        );
        assert_eq!(words(Mode::Text, 0), "");
    }
}
