"""A switch and the hosts that are plugged into it. Each host is a network namespace.

All of it is in the namespaces of `run`, so it ends with `run`, and no interface of the machine is touched. A cut loses packets silently, as
a broken switch does: it sends them to a hardware address that no host has. Neither netem nor a packet filter is needed.
"""

import subprocess

NETWORK = "10.77.0."
CLIENTS = "clients"
UNUSED = "02:00:00:00:00:ff"


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class Network:
    def __init__(self):
        # The clients are at the switch itself.
        self.numbers = {CLIENTS: 1}
        subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
        subprocess.run(["mkdir", "/run/netns"], check=True)
        ip("link", "set", "lo", "up")
        ip("link", "add", "switch", "address", self.hardware(CLIENTS), "type", "bridge")
        ip("link", "set", "switch", "up")
        ip("address", "add", f"{self.address(CLIENTS)}/24", "dev", "switch")

    def address(self, host):
        return f"{NETWORK}{self.numbers[host]}"

    def hardware(self, host):
        return f"02:00:00:00:00:{self.numbers[host]:02x}"

    def add(self, host, number):
        """Adds a host. A removed one can be added again: it gets the same addresses, and knows nothing of its predecessor."""
        self.numbers[host] = number
        ip("netns", "add", host)
        ip("link", "add", "name", host, "type", "veth", "peer", "name", "eth0", "address", self.hardware(host), "netns", host)
        ip("-n", host, "link", "set", "lo", "up")
        ip("-n", host, "link", "set", "eth0", "up")
        ip("-n", host, "address", "add", f"{self.address(host)}/24", "dev", "eth0")
        ip("link", "set", host, "up")
        self.plug(host)

    def remove(self, host):
        """Sockets may outlive their process for minutes. Without the link they send nothing more."""
        ip("link", "delete", host)
        ip("netns", "delete", host)

    def plug(self, host):
        ip("link", "set", host, "master", "switch")

    def unplug(self, host):
        """The host keeps its link and its routes: it notices nothing but silence."""
        ip("link", "set", host, "nomaster")

    def cut(self, sender, receiver):
        """From now on, nothing that `sender` sends reaches `receiver`."""
        self._neighbor(sender, receiver, UNUSED, "permanent")

    def restore(self, sender, receiver):
        self._neighbor(sender, receiver, self.hardware(receiver), "reachable")

    def _neighbor(self, sender, receiver, hardware, state):
        namespace, device = ([], "switch") if sender == CLIENTS else (["-n", sender], "eth0")
        address = self.address(receiver)
        ip(*namespace, "neighbor", "replace", address, "lladdr", hardware, "dev", device, "nud", state)
