//! Redis, PostgreSQL, its pooler and an S3-compatible store for tests: real servers on free ports, with their own data, stopped with the test.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// The time limit for a server to become ready on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// PostgreSQL refuses to run as root, so it runs as Debian's user `nobody`.
const ANONYMOUS: u32 = 65_534;

/// A process that listens on a port until it is dropped.
struct Process {
    child: Child,
    end: Signal,
}

impl Process {
    /// Starts a server that prints `ready` to standard error when it is ready, and that the signal `end` stops. Returns `None` if it ends
    /// before it is ready.
    fn start(command: &mut Command, ready: &'static str, end: Signal) -> Option<Self> {
        let program = command.get_program().to_owned();
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{program:?}: {error}; run `scripts/setup test`"));
        let output = child.stderr.take().unwrap();
        let process = Self { child, end };
        wait_for(output, ready).then_some(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), self.end);
        let _ = self.child.wait();
    }
}

/// Whether a line with this text appears before the output ends. Later output is read and dropped.
fn wait_for(output: ChildStderr, words: &'static str) -> bool {
    let (found, waiting) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        for _ in lines.filter(|line| line.contains(words)) {
            let _ = found.send(());
        }
    });
    waiting.recv_timeout(START_TIMEOUT).is_ok()
}

/// Starts a server on a free port. If another process takes the port first, it tries another one.
fn on_a_free_port(start: impl Fn(u16) -> Option<Process>) -> (Process, u16) {
    for _ in 0..10 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if let Some(process) = start(port) {
            return (process, port);
        }
    }
    panic!("the server does not start");
}

/// A Redis server that stores nothing on disk.
pub struct Redis {
    process: Option<Process>,
    port: u16,
}

impl Redis {
    pub fn start() -> Self {
        let (process, port) = on_a_free_port(Self::run);
        Self { process: Some(process), port }
    }

    fn run(port: u16) -> Option<Process> {
        let in_memory = ["--save", "", "--appendonly", "no", "--databases", "256"];
        let settings = ["--bind", "127.0.0.1", "--logfile", "/dev/stderr"].into_iter().chain(in_memory);
        let mut command = Command::new("redis-server");
        Process::start(
            command.args(settings).arg("--port").arg(port.to_string()),
            "Ready to accept connections",
            Signal::KILL,
        )
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops the server and loses its data.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts the server again on the same port, without data.
    pub fn start_again(&mut self) {
        self.stop();
        self.process = Self::run(self.port);
        assert!(self.process.is_some(), "another process has taken the port");
    }
}

/// An S3-compatible server that stores nothing on disk: moto.
pub struct S3Server {
    process: Option<Process>,
    port: u16,
}

impl S3Server {
    /// A server with one empty bucket, `coldbrew`.
    pub async fn start() -> Self {
        let (process, port) = on_a_free_port(|port| {
            let mut moto = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/end2end/tools/.venv/bin/moto_server"));
            Process::start(moto.args(["-H", "127.0.0.1", "-p"]).arg(port.to_string()), "Running on", Signal::KILL)
        });
        let server = Self { process: Some(process), port };
        let made = crate::support::harness::http().put(format!("{}/coldbrew", server.endpoint())).send().await.unwrap();
        assert!(made.status().is_success());
        server
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn stop(&mut self) {
        self.process = None;
    }
}

/// A PostgreSQL server with any number of databases.
pub struct Postgres {
    process: Option<Process>,
    port: u16,
    data: TempDir,
}

impl Postgres {
    pub fn start() -> Self {
        let data = TempDir::new().unwrap();
        copy(&empty_cluster(), data.path());
        let (process, port) = on_a_free_port(|port| Self::run(data.path(), port));
        Self { process: Some(process), port, data }
    }

    /// Runs the server without `fsync`, because its data need not survive a power failure.
    fn run(data: &Path, port: u16) -> Option<Process> {
        let settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=200"];
        let mut command = command("postgres", data);
        command.arg("-p").arg(port.to_string()).args(settings.iter().flat_map(|setting| ["-c", setting]));
        // SIGQUIT makes the server end its own processes first.
        Process::start(&mut command, "ready to accept connections", Signal::QUIT)
    }

    /// Makes an empty database, and returns its URL.
    pub async fn database(&self, name: &str) -> String {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(create).execute(&mut connection).await.unwrap();
        self.url(name)
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts the server again on the same port, with its data.
    pub fn start_again(&mut self) {
        self.stop();
        self.process = Self::run(self.data.path(), self.port);
        assert!(self.process.is_some(), "another process has taken the port");
    }
}

/// A PgBouncer in transaction mode before a PostgreSQL server. It has two connections to it.
pub struct Pooler {
    port: u16,
    _process: Process,
    _settings: TempDir,
}

impl Pooler {
    pub fn start(postgres: &Postgres) -> Self {
        let settings = TempDir::new().unwrap();
        if runs_as_root(settings.path()) {
            chown(settings.path(), Some(ANONYMOUS), Some(ANONYMOUS)).unwrap();
        }
        let (process, port) = on_a_free_port(|port| {
            let file = settings.path().join("pgbouncer.ini");
            let text = format!(
                "[databases]\n* = host=127.0.0.1 port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n\
                 ignore_startup_parameters = extra_float_digits\n",
                postgres.port
            );
            std::fs::write(&file, text).unwrap();
            // Debian installs it outside of some search paths.
            let mut command = Command::new("pgbouncer");
            command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default())).arg(&file);
            if runs_as_root(file.as_path()) {
                command.uid(ANONYMOUS).gid(ANONYMOUS);
            }
            Process::start(&mut command, "process up", Signal::KILL)
        });
        Self { port, _process: process, _settings: settings }
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

/// A data folder made by `initdb`. That takes almost a second, so it is made once and copied.
fn empty_cluster() -> PathBuf {
    let version = program("initdb").to_string_lossy().replace('/', "-");
    let cluster = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("postgres{version}"));
    let lock = File::create(cluster.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !cluster.exists() {
        let made = TempDir::new().unwrap();
        if runs_as_root(made.path()) {
            chown(made.path(), Some(ANONYMOUS), Some(ANONYMOUS)).unwrap();
        }
        let mut initdb = command("initdb", made.path());
        initdb.args(["--no-sync", "--no-instructions", "--auth=trust", "--username=postgres"]);
        let done = initdb.args(["--locale=C", "--encoding=UTF8"]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let unfinished = cluster.with_extension("part");
        std::fs::create_dir_all(&unfinished).unwrap();
        copy(made.path(), &unfinished);
        std::fs::rename(unfinished, &cluster).unwrap();
    }
    cluster
}

/// Copies the contents of a folder with owners and permissions.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("--archive").arg(from.join(".")).arg(to).status().unwrap();
    assert!(copied.success());
}

/// The path of a PostgreSQL program. Debian installs them outside of the search path.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let installed = versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists());
    installed.max().unwrap_or_else(|| PathBuf::from(name))
}

/// A command that runs a PostgreSQL program on this data folder as the folder's owner.
fn command(name: &str, data: &Path) -> Command {
    let mut command = Command::new(program(name));
    command.arg("-D").arg(data).current_dir(data);
    if std::fs::metadata(data).unwrap().uid() == ANONYMOUS {
        command.uid(ANONYMOUS).gid(ANONYMOUS);
    }
    command
}

/// Whether this process runs as root: it then owns the folders that it makes.
fn runs_as_root(own_folder: &Path) -> bool {
    std::fs::metadata(own_folder).unwrap().uid() == 0
}

#[tokio::test]
async fn postgres_restarted_keeps_its_database() {
    let mut postgres = Postgres::start();
    let url = postgres.database("kept").await;
    postgres.stop();
    assert!(PgConnection::connect(&url).await.is_err());
    postgres.start_again();
    PgConnection::connect(&url).await.unwrap();
}

#[test]
fn redis_listens_at_its_url_while_it_runs() {
    let mut redis = Redis::start();
    let connects = |redis: &Redis| std::net::TcpStream::connect(redis.url().trim_start_matches("redis://")).is_ok();
    assert!(connects(&redis));
    redis.stop();
    assert!(!connects(&redis));
    redis.start_again();
    assert!(connects(&redis));
}
