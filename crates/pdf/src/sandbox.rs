//! The layers that confine a page process, and which of them must hold before it gets a document.
//!
//! The worker enters the sandbox and reports which layers hold (`worker::sandbox`). The parent decides whether they are enough.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What happens on a kernel that lacks a part of the sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SandboxPolicy {
    /// No process is used, so no page is read.
    #[default]
    Required,
    /// Pages are read by processes with all layers that the kernel has.
    BestEffort,
}

impl FromStr for SandboxPolicy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "required" => Ok(Self::Required),
            "best-effort" => Ok(Self::BestEffort),
            _ => Err("it is required or best-effort".to_owned()),
        }
    }
}

/// Which layers hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxLayers {
    /// The process and its descendants gain no privilege.
    pub no_new_privs: bool,
    /// Memory, processor time, files, processes, descriptors and core dumps are limited.
    pub limits: bool,
    /// Landlock: no right to any file.
    pub files: bool,
    /// Landlock, from Linux 6.7 on: no TCP. seccomp refuses every socket as well.
    pub tcp: bool,
    /// Landlock, from Linux 6.12 on: no signals and no abstract sockets outside the sandbox. seccomp refuses them as well.
    pub scopes: bool,
    /// seccomp: a system call that is not on the list ends the process.
    pub system_calls: bool,
}

impl SandboxLayers {
    /// Each layer by name, whether it holds, and whether [`SandboxPolicy::Required`] needs it.
    const fn all(self) -> [(&'static str, bool, bool); 6] {
        [
            ("no new privileges", self.no_new_privs, true),
            ("resource limits", self.limits, true),
            ("Landlock for files", self.files, true),
            ("Landlock for TCP", self.tcp, false),
            ("Landlock for signals and abstract sockets", self.scopes, false),
            ("seccomp", self.system_calls, true),
        ]
    }

    /// The layers that do not hold.
    pub fn missing(self) -> Vec<&'static str> {
        self.all().into_iter().filter(|(_, holds, _)| !holds).map(|(name, ..)| name).collect()
    }

    /// The required layers that do not hold.
    pub fn required_missing(self) -> Vec<&'static str> {
        let missing = |(name, holds, required): (&'static str, bool, bool)| (required && !holds).then_some(name);
        self.all().into_iter().filter_map(missing).collect()
    }

    /// The layers that hold in both processes.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            no_new_privs: self.no_new_privs && other.no_new_privs,
            limits: self.limits && other.limits,
            files: self.files && other.files,
            tcp: self.tcp && other.tcp,
            scopes: self.scopes && other.scopes,
            system_calls: self.system_calls && other.system_calls,
        }
    }
}

impl fmt::Display for SandboxLayers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds: Vec<_> = self.all().into_iter().filter(|(_, holds, _)| *holds).map(|(name, ..)| name).collect();
        let list = |names: Vec<&str>| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        write!(formatter, "{}", list(holds))?;
        let missing = self.missing();
        if missing.is_empty() { Ok(()) } else { write!(formatter, "; missing: {}", missing.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_missing_are_named_and_only_some_are_required() {
        let none = SandboxLayers::default();
        assert_eq!(none.missing().len(), 6);
        assert_eq!(none.required_missing(), ["no new privileges", "resource limits", "Landlock for files", "seccomp"]);
        let old_kernel = SandboxLayers { no_new_privs: true, limits: true, files: true, system_calls: true, ..none };
        assert_eq!(old_kernel.required_missing(), [] as [&str; 0]);
        assert_eq!(
            old_kernel.to_string(),
            "no new privileges, resource limits, Landlock for files, seccomp; \
             missing: Landlock for TCP, Landlock for signals and abstract sockets"
        );
        assert_eq!(none.to_string().split(';').next(), Some("nothing"));
        assert_eq!(old_kernel.and(none), none);
    }
}
