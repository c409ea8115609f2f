//! Landlock: the kernel refuses this process all access to files, to TCP, and to processes outside.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, Ruleset, RulesetAttr, RulesetError,
    RulesetStatus, Scope,
};

/// The rights that the process has given up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Renounced {
    pub files: bool,
    pub tcp: bool,
    pub scopes: bool,
}

/// The newest kernel interface whose rights are handled: that of Linux 6.12.
const NEWEST: ABI = ABI::V6;

/// Adds no rule, so the process loses all rights that the kernel can restrict. Landlock restricts only the calling thread. A process with
/// several threads therefore counts as unrestricted.
pub(super) fn renounce() -> Renounced {
    let is_alone = std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1);
    renounce_all().ok().filter(|_| is_alone).unwrap_or_default()
}

fn renounce_all() -> Result<Renounced, RulesetError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .restrict_self()?;
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } if status.ruleset != RulesetStatus::NotEnforced => {
            effective_abi
        }
        _ => ABI::Unsupported,
    };
    Ok(Renounced { files: abi >= ABI::V1, tcp: abi >= ABI::V4, scopes: abi >= ABI::V6 })
}
