//! How likely failures are in one schedule.

use super::schedule::TROUBLED_MS;
use super::timeline::{START_MS, Timeline};

/// The likelihoods of failures.
#[derive(Clone)]
pub struct Odds {
    loss: f64,
    refusal: f64,
    /// 1 if Google has rare faults, otherwise 0.
    pub oddity: f64,
    timeline: Timeline,
}

impl Odds {
    pub fn draw(timeline: &Timeline) -> Self {
        let loss = [0.0, 0.01, 0.05, 0.2][usize::try_from(timeline.pick(0..4)).unwrap()];
        let refusal = [0.0, 0.02, 0.1][usize::try_from(timeline.pick(0..3)).unwrap()];
        Self { loss, refusal, oddity: f64::from(u8::from(timeline.happens(0.7))), timeline: timeline.clone() }
    }

    /// The likelihood while failures happen, and 0 afterwards.
    fn troubled(&self, likelihood: f64) -> f64 {
        if self.timeline.now_ms() < START_MS + TROUBLED_MS { likelihood } else { 0.0 }
    }

    /// The likelihood that a call is lost.
    pub fn loss(&self) -> f64 {
        self.troubled(self.loss)
    }

    /// The likelihood that Google refuses a call.
    pub fn refusal(&self) -> f64 {
        self.troubled(self.refusal)
    }
}
