//! Prices in token equivalents. All numbers are integers; each page's price is rounded up once.

use serde::{Deserialize, Serialize};

use super::{Mode, PageSet};

/// The token counts of one answer, from Gemini's `usageMetadata`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    pub input: u64,
    pub output: u64,
    pub thoughts: u64,
}

/// How Gemini's tokens are converted to quota. The server has one, from its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pricing {
    /// How many input tokens one output or thought token counts as.
    pub output_multiplier: u64,
    /// The price of a batch page in percent of a realtime page.
    pub batch_percent: u64,
}

impl Default for Pricing {
    fn default() -> Self {
        Self { output_multiplier: 6, batch_percent: 50 }
    }
}

/// The fixed parts of an estimate, in tokens: the page as Gemini counts it, the prompt and the thoughts.
const PAGE_INPUT: u64 = 1_120;
const PROMPT_INPUT: u64 = 600;
const THOUGHTS: u64 = 150;
/// The estimate of a scanned page, in token equivalents: it has no text to measure.
const SCANNED_PAGE: u64 = 10_000;
/// The output that is expected of a scanned page, in tokens, thoughts included.
const SCANNED_OUTPUT: u64 = 1_380;
const CHARS_PER_TOKEN: u64 = 4;

impl Pricing {
    /// The charge of one page: `input + (output + thoughts) × multiplier` at the mode's rate, rounded up.
    pub fn charge(&self, usage: TokenUsage, mode: Mode) -> u64 {
        let written = usage.output.saturating_add(usage.thoughts);
        self.at_rate(usage.input.saturating_add(written.saturating_mul(self.output_multiplier)), mode)
    }

    /// The estimated realtime price of a page. `text_chars` is the length of its own text; `None` for a scan.
    pub fn estimate_page(&self, text_chars: Option<u64>) -> u64 {
        let Some(chars) = text_chars else { return SCANNED_PAGE };
        let text = chars.div_ceil(CHARS_PER_TOKEN);
        self.charge(
            TokenUsage { input: PAGE_INPUT + PROMPT_INPUT + text, output: text, thoughts: THOUGHTS },
            Mode::Realtime,
        )
    }

    /// The tokens of a page's own text, from its realtime price; `None` for a scan. The inverse of [`Self::estimate_page`].
    pub fn native_tokens(&self, page_tokens: u64) -> Option<u64> {
        let blank = self.estimate_page(Some(0));
        let text = page_tokens.saturating_sub(blank) / self.output_multiplier.saturating_add(1);
        (page_tokens != SCANNED_PAGE).then_some(text)
    }

    /// The usage that Gemini is expected to report for a page with this realtime price.
    pub fn expected_usage(&self, page_tokens: u64) -> TokenUsage {
        match self.native_tokens(page_tokens) {
            Some(text) => TokenUsage { input: PAGE_INPUT + PROMPT_INPUT + text, output: text, thoughts: THOUGHTS },
            None => TokenUsage { input: PAGE_INPUT + PROMPT_INPUT, output: SCANNED_OUTPUT, thoughts: 0 },
        }
    }

    /// Converts a page's realtime price to the rate of `mode`, rounded up.
    pub fn at_rate(&self, realtime_tokens: u64, mode: Mode) -> u64 {
        match mode {
            Mode::Text => 0,
            Mode::Realtime => realtime_tokens,
            Mode::Batch => realtime_tokens.saturating_mul(self.batch_percent).div_ceil(100),
        }
    }

    /// Both prices of the selected pages. `page_tokens` has each page's realtime price, 0 for a free page.
    pub fn quote(&self, page_tokens: &[u32], pages: &PageSet) -> Quote {
        let total = |mode| {
            let selected = pages.iter().filter_map(|index| page_tokens.get(index as usize));
            selected.map(|&tokens| self.at_rate(u64::from(tokens), mode)).sum()
        };
        Quote { realtime_tokens: total(Mode::Realtime), batch_tokens: total(Mode::Batch) }
    }
}

/// The estimated price of a selection, in token equivalents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Quote {
    pub realtime_tokens: u64,
    pub batch_tokens: u64,
}

impl Quote {
    /// The price in `mode`.
    pub const fn of(self, mode: Mode) -> u64 {
        match mode {
            Mode::Text => 0,
            Mode::Realtime => self.realtime_tokens,
            Mode::Batch => self.batch_tokens,
        }
    }
}

/// A short form of a count: `950`, `4.1k`, `412k`, `1.2M`.
pub fn count_words(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..999_500 => scaled(count, 1_000, "k"),
        999_500..999_500_000 => scaled(count, 1_000_000, "M"),
        _ => scaled(count, 1_000_000_000, "B"),
    }
}

/// A short form of a file size, in decimal units: `12.4 MB`.
pub fn size_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..999_500 => scaled(bytes, 1_000, " kB"),
        _ => scaled(bytes, 1_000_000, " MB"),
    }
}

/// A short form of a size limit. Whole MiB are written as MB, so 100 MiB are `100 MB`.
pub fn limit_words(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    match bytes / MIB {
        mib if mib == 0 || !bytes.is_multiple_of(MIB) => size_words(bytes),
        mib if mib.is_multiple_of(1_024) => format!("{} GB", mib / 1_024),
        mib => format!("{mib} MB"),
    }
}

/// One decimal below 100 units, none above. A decimal of 0 is left out.
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
    fn counts_and_sizes_are_shortened() {
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
        for (bytes, words) in [(100 << 20, "100 MB"), (1 << 30, "1 GB"), (2_000_000, "2 MB"), (65_536, "65.5 kB")] {
            assert_eq!(limit_words(bytes), words);
        }
    }

    #[test]
    fn batch_page_costs_half_rounded_up() {
        let pricing = Pricing::default();
        let usage = TokenUsage { input: 1_203, output: 684, thoughts: 124 };
        assert_eq!(pricing.charge(usage, Mode::Realtime), 1_203 + (684 + 124) * 6);
        assert_eq!(pricing.charge(usage, Mode::Batch), 3_026);
        assert_eq!(pricing.charge(usage, Mode::Text), 0);
    }

    #[test]
    fn scanned_page_is_recognised_by_its_price() {
        let pricing = Pricing::default();
        let price = pricing.estimate_page(None);
        assert_eq!(pricing.native_tokens(price), None);
        assert_eq!(pricing.charge(pricing.expected_usage(price), Mode::Realtime), price);
    }

    proptest! {
        #[test]
        fn batch_charge_is_half_of_realtime(input: u32, output: u32, thoughts: u32) {
            let pricing = Pricing::default();
            let usage = TokenUsage { input: input.into(), output: output.into(), thoughts: thoughts.into() };
            let (now, batch) = (pricing.charge(usage, Mode::Realtime), pricing.charge(usage, Mode::Batch));
            prop_assert!(batch * 2 == now || batch * 2 == now + 1);
        }

        #[test]
        fn quote_is_sum_of_its_pages(tokens in prop::collection::vec(0u32..50_000, 1..60)) {
            let pricing = Pricing::default();
            let all = PageSet::all(tokens.len() as u32);
            let quote = pricing.quote(&tokens, &all);
            let one_by_one = all.iter().map(|index| pricing.quote(&tokens, &PageSet::from_iter([index])));
            let (now, batch) = one_by_one.fold((0, 0), |sum, q| (sum.0 + q.realtime_tokens, sum.1 + q.batch_tokens));
            prop_assert_eq!((quote.realtime_tokens, quote.batch_tokens), (now, batch));
        }

        #[test]
        fn text_length_is_recovered_from_price(chars in 0u64..1_000_000, output_multiplier in 1u64..20) {
            let pricing = Pricing { output_multiplier, ..Pricing::default() };
            let price = pricing.estimate_page(Some(chars));
            prop_assume!(price != pricing.estimate_page(None));
            prop_assert_eq!(pricing.native_tokens(price), Some(chars.div_ceil(4)));
            prop_assert_eq!(pricing.charge(pricing.expected_usage(price), Mode::Realtime), price);
        }

        #[test]
        fn charge_of_any_usage_does_not_overflow(input: u64, output: u64, thoughts: u64) {
            Pricing::default().charge(TokenUsage { input, output, thoughts }, Mode::Batch);
        }
    }
}
