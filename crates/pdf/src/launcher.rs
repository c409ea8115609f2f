//! Starts all worker processes from one thread.
//!
//! A worker asks the kernel to kill it when its parent dies. For the kernel, the parent is the *thread* that started it. A thread of the
//! runtime can end early, and its workers would end with it. This thread lives as long as the engine.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::{io, thread};

use close_fds::set_fds_cloexec_threadsafe;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The first descriptor after standard input, output and error.
const STANDARD_DESCRIPTORS: i32 = 3;

/// Sends orders for new workers to the thread. Dropping it ends the thread, and so every worker that is still alive.
#[derive(Debug)]
pub(crate) struct Launcher {
    orders: mpsc::Sender<Order>,
}

/// The runtime that waits for the child, the child's end of its socket, and where to send the child.
struct Order {
    runtime: Handle,
    socket: OwnedFd,
    child: oneshot::Sender<io::Result<Child>>,
}

impl Launcher {
    /// Starts the thread. `worker_exe` is the program that answers to `page-worker`.
    ///
    /// # Errors
    /// An I/O error if the thread cannot be started.
    pub(crate) fn new(worker_exe: &Path) -> io::Result<Self> {
        let worker_exe = worker_exe.to_owned();
        let (orders, queue) = mpsc::channel::<Order>();
        thread::Builder::new().name("page-launcher".to_owned()).spawn(move || {
            for order in queue {
                let _runtime = order.runtime.enter();
                // If the caller has gone, the child comes back in the error. Dropping it kills it.
                let _ = order.child.send(command(&worker_exe, order.socket).spawn());
            }
        })?;
        Ok(Self { orders })
    }

    /// Starts a child with this socket. Dropping the child kills it. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// An I/O error if the process cannot be started.
    pub(crate) async fn launch(&self, socket: OwnedFd) -> io::Result<Child> {
        metrics::counter!("coldbrew_page_workers_started_total").increment(1);
        let (child, started) = oneshot::channel();
        self.orders.send(Order { runtime: Handle::current(), socket, child }).map_err(io::Error::other)?;
        started.await.map_err(io::Error::other)?
    }
}

/// The worker inherits only its end of the socket. A process that parses hostile files must hold no key and no other descriptor.
fn command(worker_exe: &Path, socket: OwnedFd) -> Command {
    // Descriptors that this process inherited, or that a library opened, can lack the flag.
    set_fds_cloexec_threadsafe(STANDARD_DESCRIPTORS, &[]);
    let mut command = Command::new(worker_exe);
    command
        .arg0("coldbrew")
        .arg("page-worker")
        .env_clear()
        // Without this variable, ONNX Runtime reports its use to its makers. The worker must talk only to its parent.
        .env("ORT_DISABLE_TELEMETRY", "1")
        // Without it, the C library reads the system's time zone file for each date. The sandbox refuses that.
        .env("TZ", "UTC0")
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}
