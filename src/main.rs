//! The command line. Each command is one function elsewhere.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use coldbrew::error::{Error, Result};
use coldbrew::serve::{Config, Server, examine, serve_emulator, work};
use coldbrew::{api, serve, telemetry};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_util::sync::CancellationToken;

/// Turns large PDFs into clean Markdown with Gemini, at half price for those who can wait.
#[derive(Parser)]
#[command(name = "coldbrew", version = version(option_env!("BUILD_COMMIT")), about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the web app and the API, and work on jobs (the default).
    Serve {
        /// Leave the jobs to `coldbrew worker` processes.
        #[arg(long)]
        no_worker: bool,
    },
    /// Work on jobs only. Any number of workers may share a database and the folder of files.
    Worker,
    /// Serve the emulator of the Gemini API alone.
    FakeGemini {
        #[arg(long, default_value = "127.0.0.1:8099")]
        addr: SocketAddr,
    },
    /// Look at everything the server stands on, and say what is wrong. Ends with 1 if something is.
    Doctor,
    /// Copy the embedded database and all files to a new folder, while the server runs.
    Backup { folder: PathBuf },
    /// Make a data folder of a backup, where there is none.
    Restore { folder: PathBuf },
    /// Change an account.
    User {
        #[command(subcommand)]
        change: Change,
    },
    /// Print the OpenAPI document of the REST API.
    ExportOpenapi,
    /// Read pages for another process of ours.
    #[command(hide = true)]
    PageWorker,
    /// Hold one claimed job for a server of ours.
    #[command(hide = true)]
    HoldJob {
        job_id: String,
        fence: i64,
        #[arg(long)]
        emulator: Option<String>,
    },
}

/// What an operator does to an account, which is named by its e-mail address or its id.
#[derive(Subcommand)]
enum Change {
    /// Give it a quota of its own, in token equivalents; without a number, the default again.
    Quota { account: String, tokens: Option<u64> },
    /// Give it a password in the place of a forgotten one, which is printed, and end its sessions and tokens.
    Password { account: String },
    /// End all its sessions and tokens.
    LockOut { account: String },
    /// Delete it with everything it owns.
    Delete { account: String },
}

/// Version and commit. A release build sets the variable; a development build does not, so that a commit compiles nothing again.
fn version(commit: Option<&str>) -> &'static str {
    // Called once, for what clap keeps as long as the program runs.
    format!("{} ({})", env!("CARGO_PKG_VERSION"), commit.unwrap_or("development")).leak()
}

fn main() -> ExitCode {
    let command = Cli::parse().command.unwrap_or(Command::Serve { no_worker: false });
    // A page worker limits its own memory: it must not have threads or a runtime by then.
    if matches!(command, Command::PageWorker) {
        return coldbrew_pdf::worker::run();
    }
    if matches!(command, Command::ExportOpenapi) {
        println!("{}", api::openapi_json());
        return ExitCode::SUCCESS;
    }
    let config = match Config::load() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("coldbrew: {error}");
            return ExitCode::from(2);
        }
    };
    // Every HTTPS client of this process asks for it. It fails only if it was done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ended = telemetry::start(config.collector.as_ref()).and_then(|_sending| {
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(run(command, &config))
    });
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("coldbrew: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, config: &Config) -> Result<ExitCode> {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        asked_to_stop().await;
        asked.cancel();
    });
    match command {
        Command::FakeGemini { addr } => serve_emulator(config, addr, stop).await?,
        Command::Doctor => return see_doctor(config).await,
        Command::Backup { folder } => serve::backup(config, &folder).await?,
        Command::Restore { folder } => serve::restore(config, &folder).await?,
        Command::User { change: Change::Quota { account, tokens } } => {
            serve::set_quota(config, &account, tokens).await?
        }
        Command::User { change: Change::Password { account } } => {
            let (password, ended) = serve::reset_password(config, &account).await?;
            // The password is all that standard output has.
            eprintln!("{}", ended.words());
            println!("{password}");
        }
        Command::User { change: Change::LockOut { account } } => {
            println!("{}", serve::lock_out(config, &account).await?.words());
        }
        Command::User { change: Change::Delete { account } } => serve::delete_account(config, &account).await?,
        Command::HoldJob { job_id, fence, emulator } => {
            serve::hold_job(config, &job_id, fence, emulator.as_deref(), stop).await?;
        }
        Command::Worker | Command::ExportOpenapi | Command::PageWorker => work(config, stop).await?,
        Command::Serve { no_worker } => {
            open_many_files()?;
            let mut server =
                if no_worker { Server::open_without_worker(config).await? } else { Server::open(config).await? };
            server.isolate_suspected_jobs(own_program()?);
            println!("{}", server.greeting()?);
            server.run(stop).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn see_doctor(config: &Config) -> Result<ExitCode> {
    let diagnoses = examine(config).await?;
    for diagnosis in &diagnoses {
        println!("{diagnosis}");
    }
    let well = diagnoses.iter().all(|diagnosis| diagnosis.complaints.is_empty());
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// This program. On Linux also after its file was replaced.
fn own_program() -> Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok("/proc/self/exe".into())
    } else {
        std::env::current_exe().map_err(Error::internal)
    }
}

/// Each open page keeps a connection, which is a file; the usual 1,024 is for programs that cannot count further.
fn open_many_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    // macOS refuses more than OPEN_MAX of its <sys/syslimits.h>, even where there is no limit.
    let current = if cfg!(target_os = "macos") { Some(10_240) } else { limit.maximum };
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).map_err(Error::internal)
}

/// Ctrl-C, or a service manager that wants us to end.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn version_printed_names_version_and_commit() {
        assert_eq!(version(Some("8233cb4a1f2e")), concat!(env!("CARGO_PKG_VERSION"), " (8233cb4a1f2e)"));
        assert_eq!(version(None), concat!(env!("CARGO_PKG_VERSION"), " (development)"));
        let printed = Cli::command().render_version();
        assert_eq!(printed, format!("coldbrew {}\n", version(option_env!("BUILD_COMMIT"))));
    }
}
