//! What is fetched from addresses that people name, and how much of it.

use std::fmt::Display;
use std::str::FromStr;

use super::Source;
use crate::uploads::fetch::{Denied, ImportLimits};

/// What may be imported.
#[derive(Clone, Debug)]
pub struct Import {
    pub limits: ImportLimits,
    /// Ports that are connected to.
    pub ports: List<u16>,
    /// Hosts and addresses that are not, though they are public.
    pub deny: List<Denied>,
}

impl Import {
    /// On a server of their own guests may import as much as members.
    pub(super) fn read(source: &mut Source, guests_are_owners: bool) -> Self {
        let bytes_per_hour = source.value("import.bytes-per-hour", "COLDBREW_IMPORT_BYTES_PER_HOUR", 2 << 30);
        let guest_bytes_per_hour = source.value(
            "import.guest-bytes-per-hour",
            "COLDBREW_GUEST_IMPORT_BYTES_PER_HOUR",
            if guests_are_owners { bytes_per_hour } else { 200 << 20 },
        );
        let limits = ImportLimits {
            at_once_max: source.at_least_1("import.at-once-max", "COLDBREW_IMPORTS_MAX", 16),
            account_at_once_max: source.at_least_1("import.account-at-once-max", "COLDBREW_ACCOUNT_IMPORTS_MAX", 2),
            bytes_per_hour,
            guest_bytes_per_hour,
        };
        let ports = source.value("import.ports", "COLDBREW_IMPORT_PORTS", List(vec![80, 443, 8080, 8443]));
        let deny = source.value("import.deny", "COLDBREW_IMPORT_DENY", List(Vec::new()));
        Self { limits, ports, deny }
    }
}

/// Values that a setting separates by commas.
#[derive(Clone, Debug)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr<Err: Display>> FromStr for List<T> {
    type Err = T::Err;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        list.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}
