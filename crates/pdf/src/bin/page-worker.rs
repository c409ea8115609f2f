//! A page worker as a program of its own, for programs that do not want to be started again as one: name it in
//! [`coldbrew_pdf::EngineConfig::worker_exe`].

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "testing")]
    if let Some(code) = coldbrew_pdf::testing::probe::run(std::env::args()) {
        return code;
    }
    coldbrew_pdf::worker::run()
}
