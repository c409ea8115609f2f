//! Logs and [`traces`]. A terminal gets a text line for each event, anything else a JSON object.
//!
//! Ids, states, counts, durations and kinds of errors may be logged. Document text, titles, file names and secrets must not. A trace
//! contains only what may be logged.

pub mod traces;

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::error::Result;

/// Starts logging to standard error, and sending traces to `destination` if there is one. `RUST_LOG` selects the events; the default is
/// `info` for this program and `warn` for its libraries. Traces are sent as long as the returned value lives.
///
/// # Errors
/// The exporter of traces cannot be built.
///
/// # Panics
/// If this process has started logging before.
pub fn start(destination: Option<&traces::Collector>) -> Result<traces::Sending> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,coldbrew=info"));
    // A log that cannot be written, on a full disk for example, must not end the program.
    let log = fmt::layer().log_internal_errors(false).with_writer(std::io::stderr);
    let log = if std::io::stderr().is_terminal() { log.compact().boxed() } else { log.json().boxed() };
    let sending = traces::Sending::start(destination)?;
    tracing_subscriber::registry().with(filter).with(log).with(sending.layer()).init();
    Ok(sending)
}
