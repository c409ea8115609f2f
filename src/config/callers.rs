//! How often one caller and one network may ask, and what they may have at once.

use std::time::Duration;

use super::Source;

/// Limits of callers. Those of a single account's requests are in [`super::Limits`].
#[derive(Clone, Copy, Debug)]
pub struct Callers {
    /// Requests a minute from one network; 0 is without limit.
    pub network_reads_per_minute: u32,
    pub network_changes_per_minute: u32,
    pub network_entries_per_minute: u32,
    /// Event streams that one server keeps open for an account and for a network; 0 is without limit.
    pub event_streams_max: u32,
    pub network_event_streams_max: u32,
    /// Answers that are kept for requests with an `Idempotency-Key`, of one account.
    pub idempotency_keys_max: u32,
    /// Wrong passwords for an e-mail address before each further one has to wait longer.
    pub password_failures_max: u32,
    /// The longest such wait.
    pub password_delay_max: Duration,
    /// Passwords that wait to be hashed on one server.
    pub password_queue_max: usize,
}

impl Callers {
    pub(super) fn read(source: &mut Source) -> Self {
        Self {
            network_reads_per_minute: source.value(
                "limits.network-reads-per-minute",
                "COLDBREW_NETWORK_READS_PER_MINUTE",
                6_000,
            ),
            network_changes_per_minute: source.value(
                "limits.network-changes-per-minute",
                "COLDBREW_NETWORK_CHANGES_PER_MINUTE",
                1_500,
            ),
            network_entries_per_minute: source.value(
                "limits.network-entries-per-minute",
                "COLDBREW_NETWORK_ENTRIES_PER_MINUTE",
                300,
            ),
            event_streams_max: source.value("limits.event-streams-max", "COLDBREW_EVENT_STREAMS_MAX", 8),
            network_event_streams_max: source.value(
                "limits.network-event-streams-max",
                "COLDBREW_NETWORK_EVENT_STREAMS_MAX",
                64,
            ),
            idempotency_keys_max: source.at_least_1(
                "limits.idempotency-keys-max",
                "COLDBREW_IDEMPOTENCY_KEYS_MAX",
                1_000,
            ),
            password_failures_max: source.at_least_1(
                "limits.password-failures-max",
                "COLDBREW_PASSWORD_FAILURES_MAX",
                5,
            ),
            password_delay_max: source.interval(
                "limits.password-delay-max-ms",
                "COLDBREW_PASSWORD_DELAY_MAX_MS",
                900_000,
            ),
            password_queue_max: source.value("limits.password-queue-max", "COLDBREW_PASSWORD_QUEUE_MAX", 32),
        }
    }
}
