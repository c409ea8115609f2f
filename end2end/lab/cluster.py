"""A cluster of eight hosts with Coldbrew, and the rounds of faults that it goes through."""

import contextlib
import dataclasses
import http.client
import itertools
import random
import subprocess
import threading
import time

from clients import DONE, Balancer, Client, Crowd
from faults import FAULTS, choose
from hosts import S3, Postgres, Program, Redis, answers, wait_until
from network import Network

RECOVERY_MAX_S = 120
# How long a fault holds: mostly short, and one of ten long enough for time limits to pass.
SHORT_S, LONG_S = (3, 12), (20, 25)
KEY = "laboratory"

SETTINGS = {
    # Short, so that a round takes seconds. TCP can deliver a create as late as the longest cut took, after it ended. So sixteen listings
    # take longer than twice that time.
    "COLDBREW_LEASE_MS": "4000",
    "COLDBREW_POLL_INTERVAL_MS": "500",
    "COLDBREW_SEEK_INTERVAL_MS": "4000",
    "COLDBREW_RETRY_INTERVAL_MS": "1000",
    # The balancer asks once a second.
    "COLDBREW_LAME_DUCK_MS": "4000",
    "COLDBREW_DEMO_PENDING_MS": "500",
    "COLDBREW_DEMO_RUNNING_MS": "500",
    "COLDBREW_FIGURE_RUNTIME": "none",
    # Guests may do what the clients do.
    "COLDBREW_ACCESS_GUESTS": "on",
    "COLDBREW_GUEST_QUOTA_TOKENS": "20000000",
    "COLDBREW_SPEND_DAILY_USD_MAX": "none",
    "COLDBREW_SPEND_GUESTS_DAILY_USD_MAX": "none",
    "COLDBREW_GUEST_ACTIVE_JOBS_MAX": "1000",
    "COLDBREW_ACTIVE_JOBS_MAX": "1000",
    "COLDBREW_GUEST_DOCUMENTS_MAX": "10000",
    "COLDBREW_GUEST_ENGINE_SECONDS_PER_HOUR": "0",
    "COLDBREW_ENGINE_SECONDS_PER_HOUR": "0",
    **{f"COLDBREW_{limit}_PER_MINUTE": "0" for limit in ("READS", "CHANGES", "ENTRIES", "NETWORK_READS", "NETWORK_CHANGES", "NETWORK_ENTRIES")},
    "RUST_LOG": "warn",
}


class Web(Program):
    PORT = 3000


class Google(Program):
    """The emulator. It is neither killed nor replaced: Google keeps its batches."""

    PORT = 8099
    DISK_BYTES = 1 << 30


@dataclasses.dataclass
class Period:
    name: str
    is_calm: bool
    faults: tuple = ()


class Cluster:
    def __init__(self, program, folder, seed):
        self.program, self.folder, self.random = program, folder, random.Random(seed)
        self.site = folder / "site"
        self.site.mkdir()
        (self.site / "hash.txt").write_text("js: a\nwasm: b\ncss: c\n", encoding="ascii")
        self.period, self.answers, self.complaints, self.recoveries = Period("start", False), [], [], []
        # Contents that were not read in time, of which one round has complained.
        self.stuck = set()
        self.network = Network()
        # The last byte of addresses for hosts that replace others.
        self.spare_numbers = itertools.cycle(range(100, 250))
        self.postgres, self.redis, self.s3 = Postgres(self, "postgres", 10), Redis(self, "redis", 11), S3(self, "s3", 12)
        self.google = Google(self, "google", 13, ["fake-gemini", "--addr", f"0.0.0.0:{Google.PORT}"], SETTINGS)
        self.services = [self.postgres, self.redis, self.s3, self.google]
        settings = SETTINGS | {
            "LEPTOS_SITE_ADDR": f"0.0.0.0:{Web.PORT}",
            "DATABASE_URL": f"postgres://postgres@{self.postgres.address}/postgres",
            "REDIS_URL": f"redis://{self.redis.address}",
            "BLOB_URL": "s3://coldbrew/files",
            "AWS_ENDPOINT_URL": f"http://{self.s3.address}:{S3.PORT}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "GEMINI_BASE_URL": f"http://{self.google.address}:{Google.PORT}",
            "GEMINI_API_KEY": KEY,
        }
        self.webs = [Web(self, f"web{n}", 20 + n, ["serve", "--no-worker"], settings) for n in (1, 2)]
        self.workers = [Program(self, f"worker{n}", 30 + n, ["worker"], settings) for n in (1, 2)]
        self.programs = [*self.webs, *self.workers]

    def start(self):
        for host in self.services:
            host.start()
        wait_until(self._has_database, "the start of PostgreSQL")
        wait_until(lambda: answers(self.s3.address, S3.PORT), "the start of the S3 server")
        bucket = http.client.HTTPConnection(self.s3.address, S3.PORT)
        bucket.request("PUT", "/coldbrew")
        assert bucket.getresponse().status == 200
        for host in self.programs:
            host.start()
            self.wait_until_started(host)
        threading.Thread(target=self._supervise, daemon=True).start()
        self.balancer = Balancer(self.webs)
        self.probe = Client(self, "probe", random.Random(0))
        self.probe.sign_in()
        self.crowd = Crowd(self, [Client(self, f"client {n}", random.Random(self.random.random())) for n in range(3)])

    def _has_database(self):
        try:
            return bool(self.postgres.rows("SELECT 1"))
        except subprocess.CalledProcessError:
            return False

    def wait_until_started(self, host):
        """A web has started when it answers, and a worker when it has a connection to the database."""
        connected = f"SELECT 1 FROM pg_stat_activity WHERE client_addr = '{host.address}' AND backend_start > now() - interval '{{:.1f}} s'"
        wait_until(
            lambda: answers(host.address, Web.PORT, "/healthz")
            if isinstance(host, Web)
            else self.postgres.rows(connected.format(time.monotonic() - host.started)),
            f"the start of {host.name}",
        )

    def _supervise(self):
        """Starts programs that end by themselves again, as a service manager does."""
        while True:
            for host in self.programs:
                with host.lock:
                    if host.wanted and host.process.poll() is not None:
                        ran_s = time.monotonic() - host.started
                        # A program may end if it cannot start without what is faulty at the moment.
                        if self.period.is_calm or ran_s > 30:
                            what = f"{host.name} ended with {host.process.returncode} after {ran_s:.0f} s, in {self.period.name}"
                            self.complain("no_program_ends_by_itself", what)
                        host.start()
            time.sleep(1)

    def complain(self, rule, what):
        self.complaints.append((rule, what))
        print(f"         VIOLATED {rule}: {what}", flush=True)

    def round(self, number, only):
        names = choose(self.random, only)
        hold_s = self.random.uniform(*(LONG_S if self.random.random() < 0.1 else SHORT_S))
        self.period = Period(f"round {number}", False, tuple(names))
        with contextlib.ExitStack() as stack:
            hit = [f"{name} ({stack.enter_context(FAULTS[name][2](self, self.random))})" for name in names]
            self.period.name = f"round {number}: {' + '.join(hit)}"
            print(f"{self.period.name}, {hold_s:.0f} s", flush=True)
            time.sleep(hold_s)
        promised = {document.content_hash for _, document in self.crowd.documents if document.accepted} - self.stuck
        is_calm = True
        try:
            probe_s, backlog_s = self.recover(promised)
            self.recoveries.append((" + ".join(names), probe_s, backlog_s))
            print(f"         probe {probe_s:.1f} s, backlog {backlog_s:.1f} s", flush=True)
        except TimeoutError as error:
            self.complain("service_recovers_by_itself", f"{self.period.name}: {error}; {self.condition()}")
            is_calm, self.stuck = False, self.stuck | promised & self.active_contents()
            for host in self.programs:
                host.end()
                host.start()
        self.period = Period(f"after round {number}", is_calm)
        time.sleep(self.random.uniform(1, 3))

    def recover(self, promised):
        """Waits until a new document is read through each web, and all accepted ones are read. Returns both times in seconds."""
        started = time.monotonic()
        for web in self.webs:
            self.read_one(web, self.webs)
        probe_s = time.monotonic() - started
        wait_until(lambda: not promised & self.active_contents(), "the end of all accepted documents", RECOVERY_MAX_S)
        return probe_s, time.monotonic() - started

    def read_one(self, web, webs):
        """Submits a document through this web, and waits until it is read. Any of `webs` may be asked."""
        document = self.probe.new_document(1, batch_mode=False)
        end = time.monotonic() + RECOVERY_MAX_S
        while not self.probe.try_to_submit(document, web):
            if time.monotonic() > end:
                raise TimeoutError(f"{web.name} accepted no document within {RECOVERY_MAX_S} s")
            time.sleep(0.2)
        while True:
            state = self.probe.state(document, webs[self.probe.turn % len(webs)])
            if state and state["status"] in DONE:
                if state["status"] != "SUCCEEDED":
                    self.complain("every_document_is_read_completely", f"{document.key}: {state}")
                return
            if time.monotonic() > end:
                raise TimeoutError(f"a document was not read within {RECOVERY_MAX_S} s")
            time.sleep(0.1)

    def active_contents(self):
        return {content for content, in self.postgres.rows("SELECT content_hash FROM jobs WHERE active = 1")}

    def condition(self):
        """What an operator would look at first."""
        health = [f"{web.name} {'ready' if answers(web.address, Web.PORT, '/readyz') else 'not ready'}" for web in self.webs]
        jobs = self.postgres.rows("SELECT status, hindered_by, lease_owner IS NOT NULL, COUNT(*) FROM jobs WHERE active = 1 GROUP BY 1, 2, 3")
        return f"{', '.join(health)}; active jobs (status, blocked by, claimed, number): {jobs}"
