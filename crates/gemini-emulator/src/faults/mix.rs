//! Faults that are armed together, for demonstrations.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ArmedFault, Fault, Faults};

/// A mix of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultMix {
    /// What operators that read books with Gemini report (`docs/GEMINI.md`, "Recitation" and "Loops"): of the pages 20 % are refused
    /// as recitation and 5 % loop, 3 % of the requests fail once, and 1 % of the rows are missing. The first batch expires.
    #[serde(rename = "books")]
    BookPages,
}

impl FromStr for FaultMix {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "books" => Ok(Self::BookPages),
            _ => Err("the only mix is books"),
        }
    }
}

impl Faults {
    /// Arms all faults of the mix. `seed` chooses the pages that they meet.
    pub fn arm_mix(&self, mix: FaultMix, seed: u64) {
        let FaultMix::BookPages = mix;
        let often = |fault, probability| ArmedFault::often(fault, probability, seed);
        for fault in [
            often(Fault::RowRecitationSticky, 0.20),
            often(Fault::RowLoops, 0.025),
            often(Fault::RowLoopsStop, 0.025),
            often(Fault::RowError, 0.03),
            often(Fault::GenerateUnavailable, 0.03),
            often(Fault::RowMissing, 0.01),
            ArmedFault { times: Some(1), ..often(Fault::BatchExpires, 1.0) },
        ] {
            self.arm(fault);
        }
    }
}
