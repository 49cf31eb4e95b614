"""What a contract test may do to a cluster behind the connection's back: to the real one, and to the fake."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Protocol

from engines.servers.kubernetes import ControlPlane
from tests.clusters.fake_api import FakeAPI
from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.registered import NOW
from tests.clusters.tunnelled import NAME
from wherry.clusters.addresses import AddressRules
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.drivers.http import HttpConnection
from wherry.clusters.drivers.tunnel_sockets import TunnelSockets
from wherry.clusters.kinds import NAMESPACE, Object, kind_of, name_of, namespace_of
from wherry.clusters.kubeconfig import ClusterLogin, read_kubeconfig

LOOPBACK = AddressRules((ip_network("127.0.0.0/8"),))


class World(Protocol):
    """One cluster."""

    def connect(self) -> ClusterConnection: ...

    def others_apply(self, made: Object, manager: str) -> None: ...

    def forget_history(self) -> None: ...

    def add_namespace(self, name: str) -> None: ...

    def remove(self, made: Object) -> None: ...


class FakeWorld:
    """The fake."""

    def __init__(self, fake: FakeCluster | None = None) -> None:
        self.fake = fake or FakeCluster("world")

    def connect(self) -> ClusterConnection:
        return self.fake.connect()

    def others_apply(self, made: Object, manager: str) -> None:
        self.fake.merge(made, manager, force=True)

    def forget_history(self) -> None:
        self.fake.forget_history()

    def add_namespace(self, name: str) -> None:
        self.fake.write({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def remove(self, made: Object) -> None:
        self.fake.remove(kind_of(made), name_of(made), namespace_of(made))


class ServedWorld(FakeWorld):
    """The fake behind HTTPS."""

    def __init__(self, fake: FakeCluster, api: FakeAPI) -> None:
        super().__init__(fake)
        self._api = api

    def connect(self) -> ClusterConnection:
        return HttpConnection("world", read_kubeconfig(self._api.kubeconfig("world"), NOW).login(), LOOPBACK)


class RealWorld:
    """A kube-apiserver on etcd."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane

    def connect(self) -> ClusterConnection:
        return connect_to(self.plane)

    def others_apply(self, made: Object, manager: str) -> None:
        self.plane.kubectl(
            "apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-",
            stdin=json.dumps(made),
        )  # fmt: skip

    def forget_history(self) -> None:
        self.plane.compact()
        self.plane.restart_apiserver()

    def add_namespace(self, name: str) -> None:
        self.plane.request("POST", NAMESPACE.path(), {"metadata": {"name": name}})

    def remove(self, made: Object) -> None:
        self.plane.request("DELETE", kind_of(made).path(namespace_of(made), name_of(made)))


class TunnelWorld(RealWorld):
    """The same, reached through the tunnel of an agent."""

    def __init__(self, plane: ControlPlane, sockets: TunnelSockets) -> None:
        super().__init__(plane)
        self._sockets = sockets

    def connect(self) -> ClusterConnection:
        return HttpConnection("world", ClusterLogin("agent", "", tunnel=NAME), AddressRules(), self._sockets)


def connect_to(plane: ControlPlane, token: str | None = None) -> HttpConnection:
    """As the administrator, or with a token."""
    text = plane.kubeconfig_of(token or plane.token)
    return HttpConnection("world", read_kubeconfig(text, NOW).login(), LOOPBACK)
