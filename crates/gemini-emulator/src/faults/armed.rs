//! The armed faults, and when each of them happens.

use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Fault;

/// A fault that is switched on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmedFault {
    pub fault: Fault,
    /// The number of occurrences that are left. `None` means every time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The number of opportunities to skip first.
    #[serde(default)]
    pub skip: u32,
    /// The probability at each opportunity, from 0 to 1. `seed` determines the sequence or, for a fault of content, the pages.
    #[serde(default = "certain")]
    pub probability: f64,
    #[serde(default)]
    pub seed: u64,
    /// A number whose meaning depends on the fault.
    #[serde(default)]
    pub amount: u32,
    /// Only requests with this text: in the display name of a batch, in the key or prompt of a request, or on its page.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub only: String,
}

const fn certain() -> f64 {
    1.0
}

impl ArmedFault {
    /// The fault with this probability, every time.
    pub const fn often(fault: Fault, probability: f64, seed: u64) -> Self {
        Self { fault, times: None, skip: 0, probability, seed, amount: 0, only: String::new() }
    }
}

/// The armed faults.
#[derive(Default)]
pub struct Faults {
    armed: Mutex<Vec<(ArmedFault, StdRng)>>,
}

impl Faults {
    pub fn arm(&self, fault: ArmedFault) {
        let generator = StdRng::seed_from_u64(fault.seed);
        self.with(|armed| armed.push((fault, generator)));
    }

    pub fn disarm_all(&self) {
        self.with(Vec::clear);
    }

    pub fn armed(&self) -> Vec<ArmedFault> {
        self.with(|armed| armed.iter().map(|(fault, _)| fault.clone()).collect())
    }

    /// Whether `fault` happens at this opportunity.
    pub fn happens(&self, fault: Fault) -> bool {
        self.draw(fault, "").is_some()
    }

    /// The amount of `fault`, if it happens at this opportunity. `subject` has the texts in which [`ArmedFault::only`] is searched.
    pub fn draw(&self, fault: Fault, subject: &str) -> Option<u32> {
        self.decide(fault, subject, |_, generator| generator.random())
    }

    /// Whether `fault` meets this content. The same content gives the same answer.
    pub fn meets(&self, fault: Fault, subject: &str, content: &[&str]) -> bool {
        self.decide(fault, subject, |armed, _| position(armed, content)).is_some()
    }

    /// The first armed `fault` for `subject` happens if `chance` returns less than its probability. `chance` returns 0 to 1.
    fn decide(&self, fault: Fault, subject: &str, chance: impl FnOnce(&ArmedFault, &mut StdRng) -> f64) -> Option<u32> {
        self.with(|armed| {
            let index = armed.iter().position(|(armed, _)| armed.fault == fault && subject.contains(&armed.only))?;
            let (found, generator) = armed.get_mut(index)?;
            if found.skip > 0 {
                found.skip -= 1;
                return None;
            }
            if chance(found, generator) >= found.probability {
                return None;
            }
            let amount = found.amount;
            if let Some(times) = &mut found.times {
                *times = times.saturating_sub(1);
                if *times == 0 {
                    armed.remove(index);
                }
            }
            Some(amount)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<(ArmedFault, StdRng)>) -> T) -> T {
        act(&mut self.armed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A number from 0 to 1 that follows from the fault, its seed and the content.
fn position(armed: &ArmedFault, content: &[&str]) -> f64 {
    let mut hash = Sha256::new();
    hash.update(format!("{:?} {}", armed.fault, armed.seed));
    for part in content {
        hash.update([0]);
        hash.update(part);
    }
    let bits = hash.finalize().iter().take(4).fold(0, |bits, byte| bits << 8 | u32::from(*byte));
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}
