"""The faults. Each is a context that holds from its entry to its exit. Its value says what it has hit.

`random` is the generator of the round, so a seed repeats the choices.
"""

import contextlib
import itertools
import signal
import time

from hosts import wait_until
from network import CLIENTS

# By name: the weight, whether it may join another fault, and the context.
FAULTS = {}


def fault(weight, joins=True):
    """Adds a fault to the table. Faults with more weight are more frequent."""

    def add(function):
        FAULTS[function.__name__] = (weight, joins, contextlib.contextmanager(function))
        return function

    return add


def choose(random, only=None):
    """The names of the faults of a round: one, or two at once."""

    def pick(names):
        return random.choices(names, [FAULTS[name][0] for name in names])[0]

    first = pick([name for name in FAULTS if only in (None, name)])
    others = [name for name, (_, joins, _) in FAULTS.items() if joins and name != first]
    if only or not FAULTS[first][1] or random.random() > 0.25:
        return [first]
    return [first, pick(others)]


def links(lab):
    """All pairs of hosts that talk with each other."""
    between = itertools.product([host.name for host in lab.programs], ["postgres", "redis", "s3"])
    to_google = [(host.name, "google") for host in lab.workers]
    return [*between, *to_google, *((CLIENTS, web.name) for web in lab.webs)]


@fault(3)
def program_killed(lab, random):
    host = random.choice(lab.programs)
    host.end()
    yield host.name
    host.start()


@fault(1, joins=False)
def power_lost(lab, _random):
    for host in lab.programs:
        host.end()
    yield "all webs and workers"
    for host in lab.programs:
        host.start()


@fault(2)
def host_frozen(lab, random):
    host = random.choice([*lab.programs, *lab.services])
    host.signal(signal.SIGSTOP)
    yield host.name
    host.signal(signal.SIGCONT)


@fault(3)
def link_cut(lab, random):
    one, other = random.choice(links(lab))
    for pair in ((one, other), (other, one)):
        lab.network.cut(*pair)
    yield f"{one} and {other}"
    for pair in ((one, other), (other, one)):
        lab.network.restore(*pair)


@fault(3)
def link_cut_in_one_direction(lab, random):
    pair = random.choice(links(lab))
    sender, receiver = random.sample(pair, 2)
    lab.network.cut(sender, receiver)
    yield f"{sender} to {receiver}"
    lab.network.restore(sender, receiver)


@fault(2)
def host_unplugged(lab, random):
    host = random.choice([*lab.programs, *lab.services])
    lab.network.unplug(host.name)
    yield host.name
    lab.network.plug(host.name)


@fault(4)
def program_host_replaced(lab, random):
    """The host dies silently, and leaves open transactions. Later a new one with an empty disk takes its place, also at another address."""
    host, keeps_address = random.choice(lab.programs), random.random() < 0.5
    # The last statements are carried out, and their answers are lost.
    lab.network.cut("postgres", host.name)
    time.sleep(1)
    if keeps_address:
        lab.network.restore("postgres", host.name)
        host.vanish()
    else:
        host.vanish(next(lab.spare_numbers))
    yield f"{host.name}, {'same' if keeps_address else 'another'} address"
    host.start()


@fault(2)
def service_host_replaced(lab, random):
    """The same of the database or Redis. The new PostgreSQL has the data, the new Redis has none."""
    host = random.choice([lab.postgres, lab.redis])
    host.vanish()
    yield host.name
    host.start()


@fault(1)
def redis_lost(lab, _random):
    lab.redis.end()
    yield "redis"
    lab.redis.start()


@fault(1)
def postgres_restarted(lab, _random):
    lab.postgres.end()
    yield "postgres"
    lab.postgres.start()


@fault(2)
def disk_full(lab, random):
    host = random.choice(lab.programs)
    filler = host.fill_disk()
    yield host.name
    filler.unlink(missing_ok=True)


@fault(2)
def clocks_wrong(lab, random):
    """One to three clocks jump, and jump back."""
    hosts = random.sample(lab.programs, random.randint(1, 3))
    offsets = [random.choice([-1, 1]) * random.choice([2, 10, 60, 600]) for _ in hosts]
    for host, offset in zip(hosts, offsets):
        host.set_clock(offset)
    yield ", ".join(f"{host.name} {offset:+d} s" for host, offset in zip(hosts, offsets))
    for host in hosts:
        host.set_clock(0)


@fault(2)
def program_killed_with_wrong_clock(lab, random):
    """What it recorded with the wrong time remains."""
    host, offset = random.choice(lab.programs), random.choice([-600, 600])
    host.set_clock(offset)
    yield f"{host.name} {offset:+d} s"
    host.end()
    host.set_clock(0)
    host.start()


@fault(2, joins=False)
def rolling_restart(lab, random):
    """An upgrade: one program after the other is stopped, and starts again. The next one waits until the balancer knows."""
    for host in random.sample(lab.programs, len(lab.programs)):
        status = host.stop()
        if status != 0:
            lab.complain("program_asked_to_stop_ends_with_success", f"{host.name} ended with {status}")
        host.start()
        lab.wait_until_started(host)
        if host in lab.webs:
            wait_until(lambda host=host: lab.balancer.ready[host.name], f"the readiness of {host.name}")
    yield "all webs and workers"
