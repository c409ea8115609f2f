//! Code in a page process can reach only what the process was given. Each layer of the sandbox is tried from inside.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use coldbrew_pdf::testing::probe::{REFUSED, SUCCEEDED, names};
use coldbrew_pdf::testing::{chart_pdf, simple_pdf};
use coldbrew_pdf::{Engine, EngineConfig, Priority, SandboxLayers};
use tempfile::TempDir;

use crate::harness::{WORKER_EXE, config, detector, engine, open, requester};

const SIGSYS: i32 = 31;
const SIGXFSZ: i32 = 25;

/// The targets of a probe: files and sockets of one test.
struct Target {
    folder: TempDir,
    tcp: TcpListener,
    _unix: UnixListener,
    _abstract: UnixListener,
}

impl Target {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = format!("coldbrew-probe-{}", tcp.local_addr().unwrap().port());
        Self {
            _unix: UnixListener::bind(folder.path().join("file.socket")).unwrap(),
            _abstract: UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap(),
            folder,
            tcp,
        }
    }

    fn probe(&self, name: &str, mode: &str) -> ExitStatus {
        let path = self.folder.path().join("file");
        fs::write(&path, "content").unwrap();
        let status = Command::new(WORKER_EXE)
            .args(["page-worker", "--probe", name, mode])
            .env("PROBE_PATH", &path)
            .env("PROBE_PORT", self.tcp.local_addr().unwrap().port().to_string())
            .status()
            .unwrap();
        if mode != "unconfined" {
            assert_eq!(fs::read(&path).unwrap(), b"content", "{name} {mode}");
            assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 2, "{name} {mode}");
        }
        status
    }
}

#[test]
fn attempt_to_leave_the_sandbox_ends_the_process() {
    let target = Target::new();
    for name in names() {
        let status = target.probe(name, "confined");
        // Exceeding a resource limit ends the process as well.
        let is_limit = name == "write-to-open-file" && status.signal() == Some(SIGXFSZ);
        assert!(status.signal() == Some(SIGSYS) || is_limit, "{name}: {status}");
    }
}

#[test]
fn attempt_without_a_sandbox_succeeds() {
    let target = Target::new();
    for name in names() {
        // Many systems let a process trace only its children.
        if name != "trace-parent" {
            assert_eq!(target.probe(name, "unconfined").code(), Some(SUCCEEDED.into()), "{name}");
        }
    }
}

#[test]
fn landlock_and_limits_refuse_by_themselves_what_the_filter_of_system_calls_ends() {
    let target = Target::new();
    for name in [
        "open",
        "open-environ-of-parent",
        "open-own-executable",
        "open-own-descriptor-for-writing",
        "list-folder",
        "create",
        "rename",
        "remove",
        "connect-tcp",
        "connect-abstract",
        "find-parent",
        "signal-parent",
        "trace-parent",
        "exec",
        "fork",
    ] {
        assert_eq!(target.probe(name, "without-seccomp").code(), Some(REFUSED.into()), "{name}");
    }
    assert_eq!(target.probe("write-to-open-file", "without-seccomp").signal(), Some(SIGXFSZ));
}

#[tokio::test]
async fn every_layer_of_the_sandbox_holds_on_this_kernel() {
    let engine = Engine::new(EngineConfig { detector: Some(detector()), ..patient() }).unwrap();
    let layers = engine.check().await.unwrap();
    assert_eq!(layers.missing(), [] as [&str; 0], "{layers}");
    assert_ne!(layers, SandboxLayers::default());
}

/// A configuration with more time, for models that were compiled without optimisation.
fn patient() -> EngineConfig {
    let limit = Duration::from_secs(60);
    EngineConfig { page_timeout: limit, open_timeout: limit, ..config() }
}

/// A value from the kernel's status of a process.
fn status_of(pid: u32, key: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(&format!("{key}:"))).unwrap();
    line.split_whitespace().last().unwrap().to_owned()
}

/// The direct children of this process that are in a sandbox.
fn confined_children() -> Vec<u32> {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let lists = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let pids: Vec<u32> =
        lists.collect::<Vec<_>>().join(" ").split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    let is_confined = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line == "Seccomp:\t2") && status.lines().any(|line| line == "NoNewPrivs:\t1")
    };
    pids.into_iter().filter(is_confined).collect()
}

#[tokio::test]
async fn worker_is_confined_and_has_no_descriptor_but_what_it_was_given() {
    // A descriptor that a worker must not inherit.
    let stray = fs::File::open("/etc/hostname").unwrap();
    rustix::io::fcntl_setfd(&stray, rustix::io::FdFlags::empty()).unwrap();
    let engine = Engine::new(EngineConfig { fonts: None, detector: Some(detector()), ..patient() }).unwrap();
    let (folder, document) = open(&engine, &chart_pdf()).await;
    let document = document.unwrap();
    assert_eq!(document.figures(0).await.unwrap().images.len(), 1);
    let pid = document.worker_pid().unwrap();
    assert_eq!((status_of(pid, "Seccomp"), status_of(pid, "NoNewPrivs")), ("2".to_owned(), "1".to_owned()));
    assert_eq!(status_of(pid, "Threads"), "1");
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let mut targets: Vec<String> =
        descriptors.map(|entry| fs::read_link(entry.path()).unwrap().to_string_lossy().into_owned()).collect();
    targets.sort();
    let document_path = folder.path().join("document").to_string_lossy().into_owned();
    let sockets = targets.iter().filter(|target| target.starts_with("socket:")).count();
    // Two for the channel to the parent, as standard input and as itself, and one for the process that has the model.
    assert_eq!(sockets, 3, "{targets:?}");
    targets.retain(|target| !target.starts_with("socket:"));
    let mut given = vec!["/dev/null".to_owned(), "/dev/null".to_owned(), document_path];
    given.sort();
    assert_eq!(targets, given);
    assert!(confined_children().len() >= 2, "the process that has the model is confined too");
    drop(stray);
}

#[tokio::test]
async fn document_is_read_through_its_descriptor_after_its_name_is_gone() {
    let engine = engine();
    let (folder, document) = open(&engine, &simple_pdf(&["one", "two"])).await;
    let document = document.unwrap();
    fs::remove_file(folder.path().join("document")).unwrap();
    assert_eq!(document.text(1).await.unwrap().markdown, "two");
}

#[tokio::test]
async fn process_serves_one_content_and_ends() {
    let engine = Engine::new(EngineConfig { spare_workers: 1, ..config() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document");
    fs::write(&path, simple_pdf(&["one"])).unwrap();
    let mut pids = Vec::new();
    for _ in 0..4 {
        let document = engine.open(&path, Priority::Interactive, &requester()).await.unwrap();
        pids.push(document.worker_pid().unwrap());
        assert_eq!(document.text(0).await.unwrap().markdown, "one");
    }
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 4, "each open document had a process of its own");
}
