//! How likely it is that something goes wrong in one story.

use super::clock::{Clock, START_MS};
use super::schedule::TROUBLED_MS;

/// How likely things are to go wrong.
#[derive(Clone)]
pub struct Odds {
    loss: f64,
    refusal: f64,
    /// 0 or 1: whether Google is at its oddest.
    pub oddity: f64,
    clock: Clock,
}

impl Odds {
    pub fn draw(clock: &Clock) -> Self {
        let loss = [0.0, 0.01, 0.05, 0.2][usize::try_from(clock.pick(0..4)).unwrap()];
        let refusal = [0.0, 0.02, 0.1][usize::try_from(clock.pick(0..3)).unwrap()];
        Self { loss, refusal, oddity: f64::from(u8::from(clock.happens(0.7))), clock: clock.clone() }
    }

    fn troubled(&self, likelihood: f64) -> f64 {
        if self.clock.now_ms() < START_MS + TROUBLED_MS { likelihood } else { 0.0 }
    }

    /// That a call is lost.
    pub fn loss(&self) -> f64 {
        self.troubled(self.loss)
    }

    /// That Google refuses one.
    pub fn refusal(&self) -> f64 {
        self.troubled(self.refusal)
    }
}
