//! What reading costs, in token equivalents. Integers only; what is not whole is rounded up, once per page.

use serde::{Deserialize, Serialize};

use super::{Mode, PageSet};

/// Token counts of one answer, as Gemini's `usageMetadata` reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    pub input: u64,
    pub output: u64,
    pub thoughts: u64,
}

/// How tokens become quota. One value for the whole service, from its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pricing {
    /// How many input tokens one output (or thought) token weighs.
    pub output_multiplier: u64,
    /// What a batch page costs, in percent of a realtime page.
    pub batch_percent: u64,
}

impl Default for Pricing {
    fn default() -> Self {
        Self { output_multiplier: 6, batch_percent: 50 }
    }
}

/// Fixed parts of an estimate, in tokens: the page as Gemini sees it, the prompt, and room for thoughts.
const PAGE_INPUT: u64 = 1_120;
const PROMPT_INPUT: u64 = 600;
const THOUGHTS: u64 = 150;
/// A scanned page has no text to measure.
const SCANNED_PAGE: u64 = 10_000;
/// What Gemini is expected to write for one, with the thoughts about it.
const SCANNED_OUTPUT: u64 = 1_380;
const CHARS_PER_TOKEN: u64 = 4;

impl Pricing {
    /// What one page is charged: `input + (output + thoughts) × multiplier` at the mode's rate, rounded up.
    pub fn charge(&self, usage: TokenUsage, mode: Mode) -> u64 {
        let written = usage.output.saturating_add(usage.thoughts);
        self.at_rate(usage.input.saturating_add(written.saturating_mul(self.output_multiplier)), mode)
    }

    /// What a page will cost in realtime, from the length of its own text; `None` for a scan.
    pub fn estimate_page(&self, text_chars: Option<u64>) -> u64 {
        let Some(chars) = text_chars else { return SCANNED_PAGE };
        let text = chars.div_ceil(CHARS_PER_TOKEN);
        self.charge(
            TokenUsage { input: PAGE_INPUT + PROMPT_INPUT + text, output: text, thoughts: THOUGHTS },
            Mode::Realtime,
        )
    }

    /// How many tokens of its own text a page has, by its realtime price; `None` for a scan. The inverse of [`Self::estimate_page`].
    pub fn native_tokens(&self, page_tokens: u64) -> Option<u64> {
        let blank = self.estimate_page(Some(0));
        let text = page_tokens.saturating_sub(blank) / self.output_multiplier.saturating_add(1);
        (page_tokens != SCANNED_PAGE).then_some(text)
    }

    /// What Gemini is expected to report for a page of that realtime price.
    pub fn expected_usage(&self, page_tokens: u64) -> TokenUsage {
        match self.native_tokens(page_tokens) {
            Some(text) => TokenUsage { input: PAGE_INPUT + PROMPT_INPUT + text, output: text, thoughts: THOUGHTS },
            None => TokenUsage { input: PAGE_INPUT + PROMPT_INPUT, output: SCANNED_OUTPUT, thoughts: 0 },
        }
    }

    /// A page's realtime price at the rate of `mode`.
    pub fn at_rate(&self, realtime_tokens: u64, mode: Mode) -> u64 {
        match mode {
            Mode::Text => 0,
            Mode::Realtime => realtime_tokens,
            Mode::Batch => realtime_tokens.saturating_mul(self.batch_percent).div_ceil(100),
        }
    }

    /// Both prices for the selected pages. `page_tokens` holds each page's realtime price, 0 where it is free.
    pub fn quote(&self, page_tokens: &[u32], pages: &PageSet) -> Quote {
        let total = |mode| {
            let selected = pages.iter().filter_map(|index| page_tokens.get(index as usize));
            selected.map(|&tokens| self.at_rate(u64::from(tokens), mode)).sum()
        };
        Quote { realtime_tokens: total(Mode::Realtime), batch_tokens: total(Mode::Batch) }
    }
}

/// What a selection will cost, in token equivalents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Quote {
    pub realtime_tokens: u64,
    pub batch_tokens: u64,
}

impl Quote {
    /// The price in that mode.
    pub const fn of(self, mode: Mode) -> u64 {
        match mode {
            Mode::Text => 0,
            Mode::Realtime => self.realtime_tokens,
            Mode::Batch => self.batch_tokens,
        }
    }
}

/// A count in few characters: `950`, `4.1k`, `412k`, `1.2M`.
pub fn count_words(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..999_500 => scaled(count, 1_000, "k"),
        999_500..999_500_000 => scaled(count, 1_000_000, "M"),
        _ => scaled(count, 1_000_000_000, "B"),
    }
}

/// A file size in few characters: `12.4 MB`.
pub fn size_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..999_500 => scaled(bytes, 1_000, " kB"),
        _ => scaled(bytes, 1_000_000, " MB"),
    }
}

/// One decimal below ten units, two digits of truth above.
fn scaled(count: u64, unit: u64, suffix: &str) -> String {
    let tenths = (count + unit / 20) / (unit / 10);
    if tenths >= 1_000 || tenths.is_multiple_of(10) {
        format!("{}{suffix}", (count + unit / 2) / unit)
    } else {
        format!("{}.{}{suffix}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_in_few_characters() {
        for (count, words) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1k"),
            (4_120, "4.1k"),
            (412_300, "412k"),
            (999_499, "999k"),
            (999_500, "1M"),
            (1_200_000, "1.2M"),
            (12_345_678, "12.3M"),
            (5_000_000_000, "5B"),
        ] {
            assert_eq!(count_words(count), words);
        }
        assert_eq!(size_words(12_400_000), "12.4 MB");
        assert_eq!(size_words(10_237_000), "10.2 MB");
    }

    #[test]
    fn a_batch_page_costs_half_rounded_up() {
        let pricing = Pricing::default();
        let usage = TokenUsage { input: 1_203, output: 684, thoughts: 124 };
        assert_eq!(pricing.charge(usage, Mode::Realtime), 1_203 + (684 + 124) * 6);
        assert_eq!(pricing.charge(usage, Mode::Batch), 3_026);
        assert_eq!(pricing.charge(usage, Mode::Text), 0);
    }

    #[test]
    fn price_of_scanned_page_tells_that_it_is_one() {
        let pricing = Pricing::default();
        let price = pricing.estimate_page(None);
        assert_eq!(pricing.native_tokens(price), None);
        assert_eq!(pricing.charge(pricing.expected_usage(price), Mode::Realtime), price);
    }

    proptest! {
        #[test]
        fn two_batch_pages_are_one_realtime_page(input: u32, output: u32, thoughts: u32) {
            let pricing = Pricing::default();
            let usage = TokenUsage { input: input.into(), output: output.into(), thoughts: thoughts.into() };
            let (now, batch) = (pricing.charge(usage, Mode::Realtime), pricing.charge(usage, Mode::Batch));
            prop_assert!(batch * 2 == now || batch * 2 == now + 1);
        }

        #[test]
        fn a_quote_is_the_sum_of_its_pages(tokens in prop::collection::vec(0u32..50_000, 1..60)) {
            let pricing = Pricing::default();
            let all = PageSet::all(tokens.len() as u32);
            let quote = pricing.quote(&tokens, &all);
            let one_by_one = all.iter().map(|index| pricing.quote(&tokens, &PageSet::from_iter([index])));
            let (now, batch) = one_by_one.fold((0, 0), |sum, q| (sum.0 + q.realtime_tokens, sum.1 + q.batch_tokens));
            prop_assert_eq!((quote.realtime_tokens, quote.batch_tokens), (now, batch));
        }

        #[test]
        fn price_of_text_page_tells_its_tokens(chars in 0u64..1_000_000, output_multiplier in 1u64..20) {
            let pricing = Pricing { output_multiplier, ..Pricing::default() };
            let price = pricing.estimate_page(Some(chars));
            prop_assume!(price != pricing.estimate_page(None));
            prop_assert_eq!(pricing.native_tokens(price), Some(chars.div_ceil(4)));
            prop_assert_eq!(pricing.charge(pricing.expected_usage(price), Mode::Realtime), price);
        }

        #[test]
        fn no_usage_overflows(input: u64, output: u64, thoughts: u64) {
            Pricing::default().charge(TokenUsage { input, output, thoughts }, Mode::Batch);
        }
    }
}
