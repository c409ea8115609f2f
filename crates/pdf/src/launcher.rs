//! Starts worker processes, all from one thread of its own.
//!
//! A worker asks the kernel to kill it when its parent dies, and to the kernel "parent" means the *thread* that started
//! it. The runtime's threads come and go, and each would take its workers with it; this one lives as long as the engine.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::{io, thread};

use close_fds::set_fds_cloexec_threadsafe;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The first descriptor after input, output and errors.
const STANDARD_DESCRIPTORS: i32 = 3;

/// Where to ask for a new worker process. Dropping it ends the thread, and with it every worker still alive.
#[derive(Debug)]
pub(crate) struct Launcher {
    orders: mpsc::Sender<Order>,
}

/// The runtime that shall wait for the child, the child's end of its socket, and where to send the child.
struct Order {
    runtime: Handle,
    socket: OwnedFd,
    child: oneshot::Sender<io::Result<Child>>,
}

impl Launcher {
    /// Starts the thread. `worker_exe` is the program that answers to `page-worker`.
    pub(crate) fn new(worker_exe: &Path) -> io::Result<Self> {
        let worker_exe = worker_exe.to_owned();
        let (orders, queue) = mpsc::channel::<Order>();
        thread::Builder::new().name("page-launcher".to_owned()).spawn(move || {
            for order in queue {
                let _runtime = order.runtime.enter();
                // If nobody waits any more, the child comes back in the error and is killed as it drops.
                let _ = order.child.send(command(&worker_exe, order.socket).spawn());
            }
        })?;
        Ok(Self { orders })
    }

    /// A new child with that socket, which is killed when dropped. Must be called within a tokio runtime.
    pub(crate) async fn launch(&self, socket: OwnedFd) -> io::Result<Child> {
        metrics::counter!("coldbrew_page_workers_started_total").increment(1);
        let (child, started) = oneshot::channel();
        self.orders.send(Order { runtime: Handle::current(), socket, child }).map_err(io::Error::other)?;
        started.await.map_err(io::Error::other)?
    }
}

/// The worker inherits nothing but its end of the socket: a process that parses hostile files shall hold no key and no other descriptor.
fn command(worker_exe: &Path, socket: OwnedFd) -> Command {
    // What this process itself inherited, or a library opened, may lack the flag.
    set_fds_cloexec_threadsafe(STANDARD_DESCRIPTORS, &[]);
    let mut command = Command::new(worker_exe);
    command
        .arg0("coldbrew")
        .arg("page-worker")
        .env_clear()
        // ONNX Runtime reports its use to its makers unless it is told not to; the worker is to talk to nobody but us.
        .env("ORT_DISABLE_TELEMETRY", "1")
        // Without it, the C library looks at the system's file for each date, which the sandbox does not let it.
        .env("TZ", "UTC0")
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}
