//! Redis, PostgreSQL and an S3-compatible store as tests need them: real servers, each on a free port, with data that nobody else has, gone with the test.

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

/// How long a server may take to be ready on a machine that is busy with other tests.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// PostgreSQL does not run as root: Debian's user for those who shall own nothing does it instead.
const ANONYMOUS: u32 = 65_534;

/// A process that listens on a port, until it is stopped or dropped.
struct Process {
    child: Child,
    end: Signal,
}

impl Process {
    /// Starts a server that says `ready` on its standard error once it answers, and that `end` ends. `None`: it ended instead of getting
    /// ready.
    fn start(command: &mut Command, ready: &'static str, end: Signal) -> Option<Self> {
        let program = command.get_program().to_owned();
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{program:?}: {error}; run `scripts/setup test`"));
        let said = child.stderr.take().unwrap();
        let process = Self { child, end };
        wait_for(said, ready).then_some(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), self.end);
        let _ = self.child.wait();
    }
}

/// Whether a line with these words comes before the end. What comes after them is read and dropped.
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

/// Starts a server on a free port. Another process may take the port first: then it is tried with another one.
fn on_a_free_port(start: impl Fn(u16) -> Option<Process>) -> (Process, u16) {
    for _ in 0..10 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if let Some(process) = start(port) {
            return (process, port);
        }
    }
    panic!("the server does not start");
}

/// A Redis of its own that keeps nothing on disk.
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
        let kept = ["--save", "", "--appendonly", "no", "--databases", "256"];
        let settings = ["--bind", "127.0.0.1", "--logfile", "/dev/stderr"].into_iter().chain(kept);
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

    /// Ends it, and with it all that it knew.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again, empty, where it was.
    pub fn start_again(&mut self) {
        self.stop();
        self.process = Self::run(self.port);
        assert!(self.process.is_some(), "somebody took the port");
    }
}

/// An S3-compatible store of its own that keeps nothing on disk: moto, which stands in for Amazon's in many projects' tests.
pub struct S3Server {
    process: Option<Process>,
    port: u16,
}

impl S3Server {
    /// With one empty bucket, `coldbrew`.
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

/// A PostgreSQL of its own, with as many databases as are asked for.
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

    /// What it keeps only has to outlive its own restarts, not a power cut.
    fn run(data: &Path, port: u16) -> Option<Process> {
        let settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=200"];
        let mut command = command("postgres", data);
        command.arg("-p").arg(port.to_string()).args(settings.iter().flat_map(|setting| ["-c", setting]));
        // It ends its own processes first. What the shell has its children ignore does not matter to it, but would to others.
        Process::start(&mut command, "ready to accept connections", Signal::QUIT)
    }

    /// The URL of a new, empty database of that name.
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

    /// Starts it again where it was, with all that was committed.
    pub fn start_again(&mut self) {
        self.stop();
        self.process = Self::run(self.data.path(), self.port);
        assert!(self.process.is_some(), "somebody took the port");
    }
}

/// A data folder as `initdb` makes it. That takes most of a second, so it is made once and copied ever after.
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

/// Copies what is in a folder, owners and rights included.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("--archive").arg(from.join(".")).arg(to).status().unwrap();
    assert!(copied.success());
}

/// One of PostgreSQL's programs. Debian keeps them off the path.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let installed = versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists());
    installed.max().unwrap_or_else(|| PathBuf::from(name))
}

/// A program of PostgreSQL's on that data folder, as the folder's owner.
fn command(name: &str, data: &Path) -> Command {
    let mut command = Command::new(program(name));
    command.arg("-D").arg(data).current_dir(data);
    if std::fs::metadata(data).unwrap().uid() == ANONYMOUS {
        command.uid(ANONYMOUS).gid(ANONYMOUS);
    }
    command
}

/// Whoever makes a folder owns it.
fn runs_as_root(own_folder: &Path) -> bool {
    std::fs::metadata(own_folder).unwrap().uid() == 0
}

#[tokio::test]
async fn a_database_is_there_again_after_a_restart() {
    let mut postgres = Postgres::start();
    let url = postgres.database("kept").await;
    postgres.stop();
    assert!(PgConnection::connect(&url).await.is_err());
    postgres.start_again();
    PgConnection::connect(&url).await.unwrap();
}

#[test]
fn redis_listens_where_it_says() {
    let mut redis = Redis::start();
    let connects = |redis: &Redis| std::net::TcpStream::connect(redis.url().trim_start_matches("redis://")).is_ok();
    assert!(connects(&redis));
    redis.stop();
    assert!(!connects(&redis));
    redis.start_again();
    assert!(connects(&redis));
}
