//! Attempts from inside the sandbox of a page process, as an attacker's code in a parser would make them.
//!
//! `page-worker --probe NAME confined` enters the sandbox as every worker does and makes one attempt. The kernel ends the process, or the
//! attempt fails, or it succeeds. `without-seccomp` leaves out seccomp, to test Landlock and the limits alone. `unconfined` uses no
//! sandbox, to detect attempts that can never succeed.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::thread;

use memmap2::MmapMut;
use nix::sys::ptrace;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, getppid, kill_process, set_dumpable_behavior, setrlimit,
    test_kill_process,
};

use crate::protocol::Limits;
use crate::worker::sandbox::{Without, enter};

/// Exit code of an attempt that succeeded: the sandbox has a hole.
pub const SUCCEEDED: u8 = 0;
/// Exit code of an attempt that was refused without the end of the process.
pub const REFUSED: u8 = 10;
/// Exit code of an attempt that could not be prepared.
pub const UNKNOWN: u8 = 20;

/// The limits of every probe.
const LIMITS: Limits = Limits { memory_bytes_max: 1 << 30, cpu_seconds_max: 60 };

/// An attempt. It is prepared before the process enters the sandbox, and made inside it.
type Attempt = Box<dyn FnOnce() -> io::Result<()>>;

/// The targets of the attempts.
struct Targets {
    /// A file.
    path: String,
    /// A port of the loopback interface with a listener.
    port: u16,
    parent: Pid,
}

/// Prepares an attempt.
type Prepare = fn(&Targets) -> io::Result<Attempt>;

/// All attempts by name.
const ATTEMPTS: [(&str, Prepare); 28] = [
    ("open", |to| with(to, |path| File::open(path).map(drop))),
    ("open-environ-of-parent", |to| {
        let path = format!("/proc/{}/environ", to.parent);
        attempt(move || File::open(path)?.read_to_end(&mut Vec::new()).map(drop))
    }),
    ("open-own-executable", |_| attempt(|| File::open("/proc/self/exe").map(drop))),
    ("open-own-descriptor-for-writing", |to| {
        let file = File::open(&to.path)?;
        attempt(move || OpenOptions::new().write(true).open(format!("/proc/self/fd/{}", file.as_raw_fd())).map(drop))
    }),
    ("stat", |to| with(to, |path| std::fs::metadata(path).map(drop))),
    ("list-folder", |_| attempt(|| std::fs::read_dir("/").map(drop))),
    ("create", |to| with(to, |path| File::create(format!("{path}.new")).map(drop))),
    ("write-to-open-file", |to| {
        let mut file = OpenOptions::new().append(true).open(&to.path)?;
        attempt(move || file.write_all(b"more"))
    }),
    ("cut-open-file", |to| {
        let file = OpenOptions::new().read(true).write(true).open(&to.path)?;
        attempt(move || file.set_len(9))
    }),
    ("rename", |to| with(to, |path| std::fs::rename(path, format!("{path}.renamed")))),
    ("remove", |to| with(to, |path| std::fs::remove_file(path))),
    ("connect-tcp", |to| {
        let port = to.port;
        attempt(move || TcpStream::connect(("127.0.0.1", port)).map(drop))
    }),
    ("bind-tcp", |_| attempt(|| TcpListener::bind("127.0.0.1:0").map(drop))),
    ("send-udp", |to| {
        let port = to.port;
        attempt(move || UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", ("127.0.0.1", port)).map(drop))
    }),
    ("connect-unix", |to| with(to, |path| UnixStream::connect(format!("{path}.socket")).map(drop))),
    ("connect-abstract", |to| {
        let address = SocketAddr::from_abstract_name(format!("coldbrew-probe-{}", to.port))?;
        attempt(move || UnixStream::connect_addr(&address).map(drop))
    }),
    ("socket-pair", |_| attempt(|| UnixDatagram::pair().map(drop))),
    ("send-descriptor", |_| {
        let (ours, theirs) = UnixStream::pair()?;
        attempt(move || send_descriptor(&ours, &theirs))
    }),
    ("find-parent", |to| {
        let parent = to.parent;
        attempt(move || Ok(test_kill_process(parent)?))
    }),
    ("signal-parent", |to| {
        let parent = to.parent;
        attempt(move || Ok(kill_process(parent, Signal::CONT)?))
    }),
    ("trace-parent", |to| {
        let parent = nix::unistd::Pid::from_raw(to.parent.as_raw_pid());
        attempt(move || Ok(ptrace::seize(parent, ptrace::Options::empty())?))
    }),
    ("exec", |_| attempt(|| Err(Command::new("/bin/true").exec()))),
    ("fork", |_| attempt(|| Command::new("/bin/true").status().map(drop))),
    ("thread", |_| attempt(|| thread::Builder::new().spawn(|| ())?.join().map_err(|_| io::ErrorKind::Other.into()))),
    ("make-memory-executable", |_| {
        let memory = MmapMut::map_anon(4_096)?;
        attempt(move || memory.make_exec().map(drop))
    }),
    ("lower-limit", |_| attempt(|| Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(9), maximum: Some(9) })?))),
    ("make-memory-file", |_| attempt(|| Ok(memfd_create("probe", MemfdFlags::CLOEXEC).map(drop)?))),
    ("become-dumpable", |_| attempt(|| Ok(set_dumpable_behavior(DumpableBehavior::Dumpable)?))),
];

/// The names of all probes.
pub fn names() -> impl Iterator<Item = &'static str> {
    ATTEMPTS.iter().map(|(name, _)| *name)
}

/// Runs the probe that the arguments `--probe NAME MODE` name. `None` if they name none. The variable `PROBE_PATH` names a file, and
/// `PROBE_PORT` a port.
pub fn run(mut arguments: impl Iterator<Item = String>) -> Option<ExitCode> {
    arguments.by_ref().find(|argument| argument == "--probe")?;
    let (name, mode) = (arguments.next()?, arguments.next()?);
    let prepared = prepare(&name);
    let confine = match mode.as_str() {
        "confined" => Some(Without::Nothing),
        "without-seccomp" => Some(Without::SystemCalls),
        _ => None,
    };
    let Ok(attempt) = prepared else { return Some(UNKNOWN.into()) };
    confine.map(|without| enter(LIMITS, without));
    Some(if attempt().is_ok() { SUCCEEDED } else { REFUSED }.into())
}

fn prepare(name: &str) -> io::Result<Attempt> {
    let targets = Targets {
        path: std::env::var("PROBE_PATH").unwrap_or_default(),
        port: std::env::var("PROBE_PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(0),
        parent: getppid().ok_or(io::ErrorKind::NotFound)?,
    };
    let (_, prepare) = ATTEMPTS.iter().find(|(known, _)| *known == name).ok_or(io::ErrorKind::NotFound)?;
    prepare(&targets)
}

fn attempt(attempt: impl FnOnce() -> io::Result<()> + 'static) -> io::Result<Attempt> {
    Ok(Box::new(attempt))
}

fn with(targets: &Targets, with: fn(&str) -> io::Result<()>) -> io::Result<Attempt> {
    let path = targets.path.clone();
    attempt(move || with(&path))
}

fn send_descriptor(socket: &UnixStream, descriptor: &UnixStream) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor.as_fd()];
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    sendmsg(socket, &[IoSlice::new(b"x")], &mut control, SendFlags::empty())?;
    Ok(())
}
