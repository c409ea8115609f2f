//! The possible cost of each page of a document, computed before the page is read from the measures taken at upload.

use super::rates::Rates;
use crate::model::{Mode, Pricing, TokenUsage};
use coldbrew_gemini::models::Model;

/// Output tokens for what Gemini adds to a page's own text: tables, formulas, thoughts.
const OUTPUT_EXTRA: u64 = 4_096;
const OUTPUT_MIN: u64 = 8_192;
const OUTPUT_MAX: u64 = 32_768;
/// The limit for a scan, which has no text to estimate from.
const OUTPUT_OF_SCAN: u64 = 16_384;
/// The most input tokens that a list of figures adds to a prompt.
const INPUT_EXTRA: u64 = 4_096;

/// The costs of one document's pages.
#[derive(Clone, Debug)]
pub struct PageCosts {
    page_tokens: Vec<u32>,
    pricing: Pricing,
    /// The requested model.
    pub model: Model,
    pub rates: Rates,
    /// How often a request has the content of the page.
    sent: u64,
}

impl PageCosts {
    /// `page_tokens` has the realtime price of each page, in token equivalents.
    pub const fn new(page_tokens: Vec<u32>, pricing: Pricing, model: Model, rates: Rates) -> Self {
        Self { page_tokens, pricing, model, rates, sent: 1 }
    }

    /// The most tokens that Gemini may write for a page, thoughts included. It never exceeds the limit of the model.
    pub fn output_tokens_max(&self, page: u32) -> u32 {
        let limit = match self.pricing.native_tokens(self.price(page)) {
            Some(text) => text.saturating_mul(3).saturating_add(OUTPUT_EXTRA).clamp(OUTPUT_MIN, OUTPUT_MAX),
            None => OUTPUT_OF_SCAN,
        };
        u32::try_from(limit).unwrap_or(u32::MAX).min(self.model.output_tokens_max)
    }

    /// The costs of requests that send the page twice: as two pictures, or with its own text.
    #[must_use]
    pub fn sent_twice(self) -> Self {
        Self { sent: 2 * self.sent, ..self }
    }

    /// The input tokens that Google is expected to count for a page.
    pub fn input_tokens(&self, page: u32) -> u64 {
        self.sent * self.pricing.expected_usage(self.price(page)).input
    }

    /// The expected cost of a page, in micro-dollars.
    pub fn expected(&self, page: u32) -> u64 {
        let TokenUsage { input, output, thoughts } = self.pricing.expected_usage(self.price(page));
        self.rates.cost(TokenUsage { input: self.sent * input, output, thoughts }, &self.model.id)
    }

    /// The maximum cost of a page, in micro-dollars.
    pub fn most(&self, page: u32) -> u64 {
        self.rates.cost(self.most_usage(page), &self.model.id)
    }

    /// The most that a realtime page can be charged, in token equivalents.
    pub fn tokens_most(&self, page: u32) -> u64 {
        self.pricing.charge(self.most_usage(page), Mode::Realtime)
    }

    fn most_usage(&self, page: u32) -> TokenUsage {
        let TokenUsage { input, .. } = self.pricing.expected_usage(self.price(page));
        let output = self.output_tokens_max(page).into();
        TokenUsage { input: (self.sent * input).saturating_add(INPUT_EXTRA), output, thoughts: 0 }
    }

    /// A page without a measure is priced as a scan.
    fn price(&self, page: u32) -> u64 {
        let measured = self.page_tokens.get(page as usize).copied();
        measured.map_or_else(|| self.pricing.estimate_page(None), u64::from)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use coldbrew_gemini::models::{DEFAULT, Models, model};

    fn costs(prices: &[u64], mode: Mode) -> PageCosts {
        let prices = prices.iter().map(|&price| u32::try_from(price).unwrap_or(u32::MAX)).collect();
        let rates = Rates::new(&Models::default(), DEFAULT, mode, date(2026, 11, 23));
        PageCosts::new(prices, Pricing::default(), model(DEFAULT), rates)
    }

    #[test]
    fn output_limit_follows_from_the_native_text() {
        let pricing = Pricing::default();
        let prices = [Some(0), Some(4 * 1_365), Some(4 * 2_000), Some(4 * 12_000), None]
            .map(|chars| pricing.estimate_page(chars));
        let costs = costs(&prices, Mode::Batch);
        let limits: Vec<_> = (0..6).map(|page| costs.output_tokens_max(page)).collect();
        assert_eq!(limits, [8_192, 8_192, 10_096, 32_768, 16_384, 16_384], "the last page has no measure");
        let small = PageCosts { model: Model { output_tokens_max: 2_000, ..model(DEFAULT) }, ..costs };
        assert_eq!(small.output_tokens_max(3), 2_000, "the limit of the model applies");
    }

    #[test]
    fn batch_page_costs_half_and_expected_cost_is_below_the_maximum() {
        let prices = [2_620, 6_000, 10_000, 90_000];
        let (now, batch) = (costs(&prices, Mode::Realtime), costs(&prices, Mode::Batch));
        for page in 0..4 {
            assert!(now.expected(page) < now.most(page), "page {page}");
            assert_eq!(batch.most(page), now.most(page).div_ceil(2), "page {page}");
        }
        assert_eq!(now.expected(0), 1_853, "1,720 tokens at $0.75 and 150 at $3.75 a million");
    }
}
