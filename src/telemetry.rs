//! The log, a line for a person in a terminal, a JSON object for a machine; and [`traces`], where the operator wants them.
//!
//! What may be logged: ids, states, counts, durations, error kinds. What may not: document text, titles, file names, secrets. A trace
//! holds nothing else than the log.

pub mod traces;

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::error::Result;

/// Starts logging to standard error, and sending traces where `destination` says. `RUST_LOG` chooses what; the default is `info` for
/// ourselves and `warn` for others. What is returned has to live for as long as traces are to be sent.
pub fn start(destination: Option<&traces::Collector>) -> Result<traces::Sending> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,coldbrew=info"));
    // A log that cannot be written, on a disk that is full, must not end what it tells of.
    let log = fmt::layer().log_internal_errors(false).with_writer(std::io::stderr);
    let log = if std::io::stderr().is_terminal() { log.compact().boxed() } else { log.json().boxed() };
    let sending = traces::Sending::start(destination)?;
    tracing_subscriber::registry().with(filter).with(log).with(sending.layer()).init();
    Ok(sending)
}
