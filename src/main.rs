//! The command line. Each command calls one function of another module.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use coldbrew::error::{Error, Result};
use coldbrew::model::Role;
use coldbrew::model::operator::InvitationRequest;
use coldbrew::serve::{Config, Server, examine, serve_emulator, work};
use coldbrew::{api, serve, telemetry};
use coldbrew_gemini_emulator::FaultMix;
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use tokio_util::sync::CancellationToken;

/// Turns large PDFs into clean Markdown with Gemini, at half price for those who can wait.
#[derive(Parser)]
#[command(name = "coldbrew", version = version(option_env!("COLDBREW_COMMIT")), about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the web app and the API, and run jobs (the default).
    Serve {
        /// Run no jobs: `coldbrew worker` processes run them.
        #[arg(long)]
        no_worker: bool,
    },
    /// Run jobs only. Any number of workers may share a database and the folder of files.
    Worker,
    /// Run the missing migrations of the database, and end. Servers of the version before run meanwhile.
    Migrate,
    /// Serve only the emulator of the Gemini API.
    FakeGemini {
        #[arg(long, default_value = "127.0.0.1:8099")]
        addr: SocketAddr,
        /// Arm a mix of faults: `books`, as book pages meet them.
        #[arg(long)]
        faults: Option<FaultMix>,
        /// Chooses which pages the faults meet.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Print the model in use and what will change at Google within 60 days.
    Models,
    /// Examine everything that the server depends on, and report problems. Exits with 1 if there are any.
    Doctor,
    /// Copy the embedded database and all files to a new folder, while the server runs.
    Backup { folder: PathBuf },
    /// Make a data folder from a backup. There must be none yet. All sessions and tokens end.
    Restore {
        folder: PathBuf,
        /// Keep the sessions and tokens of the backup.
        #[arg(long)]
        keep_access: bool,
    },
    /// Change an account.
    User {
        #[command(subcommand)]
        change: Change,
    },
    /// Print the OpenAPI document of the REST API.
    ExportOpenapi,
    /// Read pages for a server.
    #[command(hide = true)]
    PageWorker,
    /// Hold one claimed job for a server.
    #[command(hide = true)]
    HoldJob {
        job_id: String,
        fence: i64,
        #[arg(long)]
        emulator: Option<String>,
    },
}

/// Changes of an account by the operator. `account` is its e-mail address or its id.
#[derive(Subcommand)]
enum Change {
    /// Set the quota of the account, in token equivalents. Without a number: back to the default.
    Quota { account: String, tokens: Option<u64> },
    /// Set a new password, print it, and end all sessions and tokens of the account.
    Password { account: String },
    /// Make the account an operator's. Without an account, makes one and prints a link to set its password.
    Operator {
        email: String,
        /// Take the role away instead.
        #[arg(long)]
        remove: bool,
    },
    /// List members: address, role, state, quota, used tokens, dollars today and in total, last seen.
    List {
        /// Only addresses that contain this.
        #[arg(default_value = "")]
        search: String,
    },
    /// Print a link with which one person can sign up.
    Invite {
        /// Whom it is for. Only operators see it.
        #[arg(default_value = "")]
        note: String,
        /// For how many days it is valid.
        #[arg(long, default_value_t = 7)]
        days: u32,
        /// A quota of their own, in token equivalents.
        #[arg(long)]
        quota: Option<u64>,
        /// Make them an operator.
        #[arg(long)]
        operator: bool,
    },
    /// Refuse all sessions and tokens of the account until it is enabled again. Its active jobs finish.
    Disable { account: String },
    /// Let a disabled account in again.
    Enable { account: String },
    /// Print a link with which its owner sets a new password, once and within a day.
    ResetLink { account: String },
    /// End all sessions and tokens of the account.
    LockOut { account: String },
    /// Delete the account and everything that it owns.
    Delete { account: String },
}

/// Version and commit. A release build sets the variable; a development build does not, so that a commit compiles nothing again.
fn version(commit: Option<&str>) -> &'static str {
    // Called once, for what clap keeps as long as the program runs.
    format!("{} ({})", env!("CARGO_PKG_VERSION"), commit.unwrap_or("development")).leak()
}

fn main() -> ExitCode {
    let command = Cli::parse().command.unwrap_or(Command::Serve { no_worker: false });
    // A page process confines itself, so it must not have started threads or a runtime before.
    if matches!(command, Command::PageWorker) {
        return coldbrew_pdf::worker::run();
    }
    // Other processes of this user shall not read the key in its memory or environment, and no core dump shall hold it.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if matches!(command, Command::ExportOpenapi) {
        println!("{}", api::openapi_json());
        return ExitCode::SUCCESS;
    }
    // Other users of the machine cannot read what this process stores.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let config = match Config::load() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("coldbrew: {error}");
            return ExitCode::from(2);
        }
    };
    // All HTTPS clients of this process use this provider. The call fails only if one was installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ended = telemetry::start(config.collector.as_ref()).and_then(|_sending| {
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let runtime = tokio::runtime::Runtime::new()?;
        let ended = runtime.block_on(run(command, &config));
        // A blocking call that hangs would keep the process.
        runtime.shutdown_timeout(Duration::from_secs(1));
        ended
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
    let requested = stop.clone();
    tokio::spawn(async move {
        stop_requested().await;
        requested.cancel();
    });
    match command {
        Command::FakeGemini { addr, faults, seed } => {
            serve_emulator(config, addr, faults.map(|mix| (mix, seed)), stop).await?;
        }
        Command::Migrate => match stop.run_until_cancelled(serve::migrate(config)).await {
            Some(migrated) => migrated?,
            None => return Err(Error::unavailable("stopped before the last migration")),
        },
        Command::Models => println!("{}", serve::models_report(config)),
        Command::Doctor => return run_doctor(config).await,
        Command::Backup { folder } => serve::backup(config, &folder).await?,
        Command::Restore { folder, keep_access } => println!("{}", serve::restore(config, &folder, keep_access).await?),
        Command::User { change } => change_user(config, change).await?,
        Command::HoldJob { job_id, fence, emulator } => {
            serve::hold_job(config, &job_id, fence, emulator.as_deref(), stop).await?;
        }
        Command::Worker | Command::ExportOpenapi | Command::PageWorker => work(config, stop).await?,
        Command::Serve { no_worker } => {
            open_many_files()?;
            let opening = async {
                if no_worker { Server::open_without_worker(config).await } else { Server::open(config).await }
            };
            let Some(server) = stop.run_until_cancelled(opening).await else { return Ok(ExitCode::SUCCESS) };
            let mut server = server?;
            server.isolate_suspected_jobs(own_program()?);
            println!("{}", server.greeting()?);
            server.run(stop).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is printed on standard output is only what a script takes: a link, a password or a list.
async fn change_user(config: &Config, change: Change) -> Result<()> {
    match change {
        Change::Operator { email, remove: true } => serve::remove_operator(config, &email).await?,
        Change::Operator { email, remove: false } => match serve::make_operator(config, &email).await? {
            Some(link) => {
                eprintln!("{email} is an operator. Open this link within a day to set a password:");
                println!("{link}");
            }
            None => eprintln!("{email} is an operator, and signs in as before."),
        },
        Change::List { search } => {
            for person in serve::list_people(config, &search).await? {
                println!("{}", serve::person_line(&person));
            }
        }
        Change::Invite { note, days, quota, operator } => {
            let role = operator.then_some(Role::Operator);
            let asked = InvitationRequest { note, role, quota_tokens: quota, days };
            println!("{}", serve::invite(config, asked).await?);
        }
        Change::Disable { account } => serve::set_disabled(config, &account, true).await?,
        Change::Enable { account } => serve::set_disabled(config, &account, false).await?,
        Change::ResetLink { account } => println!("{}", serve::reset_link(config, &account).await?),
        Change::Quota { account, tokens } => serve::set_quota(config, &account, tokens).await?,
        Change::Password { account } => {
            let (password, ended) = serve::reset_password(config, &account).await?;
            eprintln!("{}", ended.words());
            println!("{password}");
        }
        Change::LockOut { account } => println!("{}", serve::lock_out(config, &account).await?.words()),
        Change::Delete { account } => serve::delete_account(config, &account).await?,
    }
    Ok(())
}

async fn run_doctor(config: &Config) -> Result<ExitCode> {
    let diagnoses = examine(config).await?;
    for diagnosis in &diagnoses {
        println!("{diagnosis}");
    }
    let is_well = diagnoses.iter().all(|diagnosis| diagnosis.complaints.is_empty());
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

/// Waits for Ctrl-C, or for SIGTERM from a service manager.
async fn stop_requested() {
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
        assert_eq!(printed, format!("coldbrew {}\n", version(option_env!("COLDBREW_COMMIT"))));
    }
}
