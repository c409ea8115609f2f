"""The hosts of the laboratory: what runs on each, and what can happen to it."""

import functools
import glob
import http.client
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

START_TIMEOUT_S = 90
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


class Host:
    """A host with one program, and a folder of data that outlives the program."""

    def __init__(self, lab, name, number):
        self.lab, self.name, self.number = lab, name, number
        self.data = lab.folder / "data" / name
        self.data.mkdir(parents=True)
        self.process = None
        lab.network.add(name, number)

    @property
    def address(self):
        return self.lab.network.address(self.name)

    def inside(self, command):
        return ["nsenter", f"--net=/run/netns/{self.name}", *command]

    def start(self):
        if self.process and self.process.poll() is None:
            return
        with open(self.lab.folder / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(
                self.inside(self.command()), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def command(self):
        raise NotImplementedError

    def signal(self, which):
        """Signals the program and its children."""
        try:
            os.killpg(self.process.pid, which)
        except ProcessLookupError:
            pass

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def end(self):
        """Ends the program as hard as its data permits."""
        self.kill()

    def vanish(self, address_number=None):
        """The host falls silent, and no peer is told that its connections have ended. Its successor has the same address or another one."""
        self.lab.network.unplug(self.name)
        self.end()
        self.lab.network.remove(self.name)
        self.number = address_number or self.number
        self.lab.network.add(self.name, self.number)


class Postgres(Host):
    PORT = 5432

    def command(self):
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        postgres = programs[-1] if programs else shutil.which("postgres")
        if not (self.data / "PG_VERSION").exists():
            initdb = str(pathlib.Path(postgres).with_name("initdb"))
            initialize = [initdb, "-D", str(self.data), "--no-sync", "--auth=trust", "--username=postgres", "--locale=C", "--encoding=UTF8"]
            subprocess.run(self._not_as_root(initialize), check=True, capture_output=True, cwd=self.data)
            with open(self.data / "pg_hba.conf", "a", encoding="ascii") as access:
                access.write("host all all 10.77.0.0/24 trust\n")
        settings = ["listen_addresses=*", "unix_socket_directories=", "fsync=off", "max_connections=200"]
        return self._not_as_root([postgres, "-D", str(self.data), *(word for setting in settings for word in ("-c", setting))])

    @staticmethod
    def _not_as_root(command):
        """PostgreSQL refuses to run as root, also as the root of a user namespace."""
        return ["unshare", "--user", "--map-user=1000", "--map-group=1000", *command]

    def end(self):
        # SIGQUIT makes the server end its own processes first, without a checkpoint.
        self.process.send_signal(signal.SIGQUIT)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait()

    def rows(self, statement):
        """The rows that a statement selects, each a list of texts."""
        psql = ["psql", "-h", self.address, "-U", "postgres", "-At", "-F", "\t", "-c", statement]
        done = subprocess.run(psql, capture_output=True, text=True, timeout=60, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]


class Redis(Host):
    """Stores nothing: a restart loses all."""

    PORT = 6379

    def command(self):
        return ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--appendonly", "no"]


class S3(Host):
    """moto keeps files in memory. So this host is frozen and cut off, and never restarted."""

    PORT = 5000

    def command(self):
        return [str(REPOSITORY / "end2end/tools/.venv/bin/moto_server"), "-H", "0.0.0.0", "-p", str(self.PORT)]


class Program(Host):
    """A host with a command of Coldbrew: its data folder is a small disk, and its clock can be wrong."""

    DISK_BYTES = 64 << 20

    def __init__(self, lab, name, number, command, settings):
        super().__init__(lab, name, number)
        self.arguments, self.settings = command, settings
        self.started, self.wanted, self.lock = 0.0, False, threading.RLock()
        self.clock = lab.folder / f"{name}.clock"
        # Clocks are never quite right. The doctor complains of more than two seconds.
        self.usual_offset_s = lab.random.randint(-1, 1)
        self.set_clock(0)
        self.mount()

    def mount(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.DISK_BYTES}", "none", str(self.data)], check=True)

    def vanish(self, address_number=None):
        super().vanish(address_number)
        subprocess.run(["umount", "--lazy", str(self.data)], check=True)
        self.mount()

    def set_clock(self, offset_s):
        """Makes the clock jump to this offset from its usual time."""
        unfinished = self.clock.with_suffix(".part")
        unfinished.write_text(f"{self.usual_offset_s + offset_s:+d}\n", encoding="ascii")
        unfinished.rename(self.clock)

    def environment(self):
        vendor = REPOSITORY / "vendor"
        return self.settings | {
            "PATH": os.environ["PATH"],
            "COLDBREW_DATA_DIR": str(self.data),
            "LEPTOS_SITE_ROOT": str(self.lab.site),
            "COLDBREW_PDFIUM": str(vendor / "libpdfium.so"),
            "COLDBREW_FONTS": str(vendor / "fonts"),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "LD_PRELOAD": faketime(),
        }

    def command(self):
        return self.coldbrew(*self.arguments)

    def coldbrew(self, *arguments):
        variables = [f"{name}={value}" for name, value in self.environment().items()]
        return ["env", "--ignore-environment", *variables, self.lab.program, *arguments]

    def start(self):
        with self.lock:
            self.started, self.wanted = time.monotonic(), True
            super().start()

    def end(self):
        with self.lock:
            self.wanted = False
            self.kill()

    def stop(self, within_s=60):
        """Stops the program as a service manager does. Returns its status, `None` if it had to be killed."""
        with self.lock:
            self.wanted = False
            self.process.terminate()
            try:
                return self.process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.kill()
                return None

    def fill_disk(self):
        """Returns the file that takes all the space."""
        filler = self.data / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 20)):
                    pass
            except OSError:
                pass
        return filler


@functools.cache
def faketime():
    found = [*glob.glob("/usr/lib*/faketime/libfaketimeMT.so.1"), *glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")]
    if not found:
        raise SystemExit("lab: libfaketime is missing; run `scripts/setup test`")
    return found[0]


def answers(address, port, path="/"):
    """Whether an HTTP server answers with success."""
    connection = http.client.HTTPConnection(address, port, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until(condition, what, timeout_s=START_TIMEOUT_S):
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {timeout_s} s")
        time.sleep(0.2)
