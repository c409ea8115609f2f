//! What Google charges for an answer, computed from its tokens and the prices of the model that answered.

use jiff::civil::Date;

use crate::model::{Mode, TokenUsage};
use coldbrew_gemini::models::{Models, Prices, highest_prices};
use coldbrew_gemini::{Answer, ServiceTier, Usage};

/// The prices of the answers to one job.
#[derive(Clone, Debug)]
pub struct Rates {
    models: Models,
    asked: Prices,
    mode: Mode,
    today: Date,
}

/// The cost of answers, whether useful or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub answers: u64,
    /// The answers that were refused or had no text.
    pub useless: u64,
    pub usage: TokenUsage,
    pub micro_dollars: u64,
}

impl Spent {
    /// The sum of both.
    pub const fn plus(self, other: Self) -> Self {
        let (one, two) = (self.usage, other.usage);
        Self {
            answers: self.answers.saturating_add(other.answers),
            useless: self.useless.saturating_add(other.useless),
            usage: TokenUsage {
                input: one.input.saturating_add(two.input),
                output: one.output.saturating_add(two.output),
                thoughts: one.thoughts.saturating_add(two.thoughts),
            },
            micro_dollars: self.micro_dollars.saturating_add(other.micro_dollars),
        }
    }
}

impl Rates {
    /// The prices for requests to the model `asked`. A model without a price gets the highest known price.
    pub fn new(models: &Models, asked: &str, mode: Mode, today: Date) -> Self {
        let known = models.answering(asked, today).prices_on(today);
        let asked = known.unwrap_or_else(|| highest_prices(today));
        Self { models: models.clone(), asked, mode, today }
    }

    /// The cost of these tokens, in micro-dollars. `answered_by` is the model that the answer names. An unknown one gets the prices of the
    /// requested model.
    pub fn cost(&self, usage: TokenUsage, answered_by: &str) -> u64 {
        let usage = Usage {
            prompt_tokens: usage.input,
            candidates_tokens: usage.output,
            thoughts_tokens: usage.thoughts,
            ..Usage::default()
        };
        self.prices(answered_by).cost(&usage, self.mode == Mode::Batch)
    }

    fn prices(&self, answered_by: &str) -> Prices {
        self.models.answering(answered_by, self.today).prices_on(self.today).unwrap_or(self.asked)
    }

    /// The cost of an answer, or `most` if the answer reports no tokens. Flex costs what a batch costs.
    pub fn spent(&self, answer: &Answer, most: u64) -> Spent {
        let usage = TokenUsage {
            input: answer.usage.prompt_tokens.saturating_add(answer.usage.tool_use_tokens),
            output: answer.usage.candidates_tokens,
            thoughts: answer.usage.thoughts_tokens,
        };
        let micro_dollars = match usage {
            TokenUsage { input: 0, output: 0, thoughts: 0 } => most,
            _ => {
                let is_half_price = self.mode == Mode::Batch || answer.service_tier == Some(ServiceTier::Flex);
                self.prices(answer.model_version.as_deref().unwrap_or_default()).cost(&answer.usage, is_half_price)
            }
        };
        Spent { answers: 1, useless: u64::from(is_useless(answer)), usage, micro_dollars }
    }
}

/// Whether the table or the configuration has a price for the model.
pub fn is_priced(models: &Models, model: &str, today: Date) -> bool {
    models.answering(model, today).prices_on(today).is_some()
}

fn is_useless(answer: &Answer) -> bool {
    let is_refused =
        !matches!(answer.finish_reason.as_deref(), None | Some("STOP" | "MAX_TOKENS" | "FINISH_REASON_UNSPECIFIED"));
    answer.block_reason.is_some() || is_refused || answer.text.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use coldbrew_gemini::models::DEFAULT;

    const USAGE: TokenUsage = TokenUsage { input: 1_000_000, output: 60_000, thoughts: 40_000 };

    fn rates(asked: &str, mode: Mode, today: Date) -> Rates {
        Rates::new(&Models::default(), asked, mode, today)
    }

    #[test]
    fn answer_is_priced_by_the_model_that_answered() {
        let rates_now = rates(DEFAULT, Mode::Realtime, date(2026, 11, 23));
        assert_eq!(rates_now.cost(USAGE, DEFAULT), 750_000 + 375_000);
        assert_eq!(rates_now.cost(USAGE, "gemini-3.5-flash-lite"), 300_000 + 250_000, "another model answered");
        assert_eq!(rates_now.cost(USAGE, ""), 750_000 + 375_000, "the answer names no model");
        let batch = rates(DEFAULT, Mode::Batch, date(2026, 11, 23));
        assert_eq!(batch.cost(USAGE, DEFAULT), (750_000 + 375_000) / 2);
        let later = rates(DEFAULT, Mode::Realtime, date(2027, 1, 1));
        assert_eq!(later.cost(USAGE, DEFAULT), 1_500_000 + 750_000);
    }

    #[test]
    fn requested_model_that_is_routed_has_the_price_of_the_one_that_answers() {
        for (today, cost) in [(date(2026, 11, 30), 1_250_000 + 1_000_000), (date(2026, 12, 1), 750_000 + 375_000)] {
            let rates = rates("gemini-2.5-pro", Mode::Realtime, today);
            assert_eq!(rates.cost(USAGE, ""), cost, "{today}: the answer names no model");
            assert_eq!(rates.cost(USAGE, "gemini-2.5-pro"), cost, "{today}: the answer names the requested model");
            assert_eq!(rates.cost(USAGE, "gemini-3.8-flash-001"), 750_000 + 375_000, "{today}");
        }
    }

    #[test]
    fn model_without_price_costs_the_highest_known_price() {
        let today = date(2026, 11, 23);
        assert!(!is_priced(&Models::default(), "tuned-thing", today) && is_priced(&Models::default(), DEFAULT, today));
        let unknown = rates("tuned-thing", Mode::Realtime, today);
        assert_eq!(unknown.cost(USAGE, "tuned-thing"), 3_000_000 + 1_500_000);
    }

    #[test]
    fn answer_without_text_costs_and_counts_as_useless() {
        let rates = rates(DEFAULT, Mode::Realtime, date(2026, 11, 23));
        let mut answer = Answer { text: "Text.".into(), finish_reason: Some("STOP".into()), ..Answer::default() };
        assert_eq!(rates.spent(&answer, 77), Spent { answers: 1, micro_dollars: 77, ..Spent::default() }, "no usage");
        answer.usage.prompt_tokens = 1_000;
        answer.usage.thoughts_tokens = 1_000;
        let spent = |answer: &Answer| (rates.spent(answer, 77).micro_dollars, rates.spent(answer, 77).useless);
        assert_eq!(spent(&answer), (4_500, 0));
        let flex = Answer { service_tier: Some(ServiceTier::Flex), ..answer.clone() };
        assert_eq!(spent(&flex), (2_250, 0), "flex costs half");
        let cached = Usage { cached_tokens: 1_000, ..answer.usage };
        assert_eq!(spent(&Answer { usage: cached, ..answer.clone() }), (75 + 3_750, 0), "cached tokens cost less");
        assert_eq!(spent(&Answer { text: " \n".into(), ..answer.clone() }), (4_500, 1));
        assert_eq!(spent(&Answer { finish_reason: Some("RECITATION".into()), ..answer.clone() }), (4_500, 1));
        assert_eq!(spent(&Answer { block_reason: Some("SAFETY".into()), ..answer }), (4_500, 1));
    }
}
