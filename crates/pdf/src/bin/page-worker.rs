//! A page worker as a separate program, for programs that cannot run as their own worker. Name it in
//! [`coldbrew_pdf::EngineConfig::worker_exe`].

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "testing")]
    if let Some(code) = coldbrew_pdf::testing::probe::run(std::env::args()) {
        return code;
    }
    coldbrew_pdf::worker::run()
}
