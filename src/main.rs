//! The command line. Each command is one function elsewhere.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use coldbrew::config::Config;
use coldbrew::error::{Error, Result};
use coldbrew::serve::{Server, examine, serve_emulator, work};
use coldbrew::{pdf, telemetry};
use tokio_util::sync::CancellationToken;

/// Turns large PDFs into clean Markdown with Gemini, at half price for those who can wait.
#[derive(Parser)]
#[command(name = "coldbrew", version, about)]
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
    /// Read pages for another process of ours.
    #[command(hide = true)]
    PageWorker,
}

fn main() -> ExitCode {
    let command = Cli::parse().command.unwrap_or(Command::Serve { no_worker: false });
    // A page worker limits its own memory: it must not have threads or a runtime by then.
    if matches!(command, Command::PageWorker) {
        return pdf::worker::run();
    }
    telemetry::start();
    let config = match Config::load() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("coldbrew: {error}");
            return ExitCode::from(2);
        }
    };
    let ended =
        tokio::runtime::Runtime::new().map_err(Error::from).and_then(|runtime| runtime.block_on(run(command, &config)));
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
        Command::Worker | Command::PageWorker => work(config, stop).await?,
        Command::Serve { no_worker } => {
            let server =
                if no_worker { Server::open_without_worker(config).await? } else { Server::open(config).await? };
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

/// Ctrl-C, or a service manager that wants us to end.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
