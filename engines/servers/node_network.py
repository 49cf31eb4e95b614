"""A bridge that Kubernetes nodes in network namespaces are plugged into. Makes no firewall rule."""

from __future__ import annotations

import ipaddress
import json
import random
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

# Not the seeded generator: two test runs side by side must not draw the same addresses.
_chosen = random.SystemRandom()

_FIRST_NODE: Final = 10
_MOST_NODES: Final = 200


@dataclass(frozen=True, slots=True)
class NodeNetwork:
    """10.N.0.0/16: this machine is 10.N.0.1, node M is 10.N.0.(10+M), its pods are in 10.N.(10+M).0/24."""

    bridge: str
    prefix: str

    @property
    def address(self) -> str:
        """This machine's, as the nodes and their pods see it."""
        return f"{self.prefix}.0.1"

    @property
    def services(self) -> str:
        """The cluster addresses of services. The first, the apiserver's, is this machine's too."""
        return f"{self.prefix}.240.0/20"

    @property
    def apiserver_address(self) -> str:
        """Where pods look for the apiserver: it listens there itself, and nothing has to send them on."""
        return f"{self.prefix}.240.1"

    def node_address(self, number: int) -> str:
        return f"{self.prefix}.0.{_FIRST_NODE + number}"

    def pod_addresses(self, number: int) -> str:
        return f"{self.prefix}.{_FIRST_NODE + number}.0/24"

    def plug(self, number: int, process: int) -> None:
        """Give the network namespace of this process a leg in the network, as node `number`."""
        assert 0 <= number < _MOST_NODES
        outer = f"{self.bridge}n{number}"
        _ip(
            "link",
            "add",
            outer,
            "master",
            self.bridge,
            "up",
            "type",
            "veth",
            "peer",
            "eth0",
            "netns",
            str(process),
        )
        inside = ["nsenter", f"--net=/proc/{process}/ns/net"]
        _run(*inside, "ip", "link", "set", "lo", "up")
        _run(*inside, "ip", "address", "add", f"{self.node_address(number)}/16", "dev", "eth0")
        _run(*inside, "ip", "link", "set", "eth0", "up")
        _run(*inside, "ip", "route", "add", "default", "via", self.address)
        # The node answers for its pods' addresses, so that nobody else needs a route to them.
        _run(*inside, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/proxy_arp")


@contextmanager
def node_network() -> Iterator[NodeNetwork]:
    """A network for the length of the block, of addresses that this machine does not use yet; needs root."""
    network = NodeNetwork(bridge=f"wn{secrets.token_hex(3)}", prefix=_free_prefix())
    _ip("link", "add", network.bridge, "type", "bridge")
    try:
        _ip("address", "add", f"{network.address}/16", "dev", network.bridge)
        _ip("address", "add", f"{network.apiserver_address}/32", "dev", network.bridge)
        _ip("link", "set", network.bridge, "up")
        yield network
    finally:
        _ip("link", "delete", network.bridge)


def _free_prefix() -> str:
    told = subprocess.run(["ip", "-json", "route"], check=True, capture_output=True, text=True).stdout
    used = [
        ipaddress.ip_network(route["dst"], strict=False)
        for route in json.loads(told or "[]")
        if route["dst"] != "default"
    ]
    while True:
        prefix = f"10.{_chosen.randrange(100, 250)}"
        if not any(ipaddress.ip_network(f"{prefix}.0.0/16").overlaps(other) for other in used):
            return prefix


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)
