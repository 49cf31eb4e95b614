"""A real Karmada: its API server, webhook, controllers and scheduler over a control plane without nodes."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from engines.servers.authority import Authority
from engines.servers.kubernetes import ControlPlane, control_plane
from engines.servers.kubernetes_programs import program
from engines.servers.process import ServerProcess, accepts, free_port

# Those that Karmada's own installation runs: with `deployment` among them, workloads would run here too.
_CONTROLLERS: Final = (
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-token-controller",
    "ttl-after-finished-controller",
    "clusterrole-aggregation-controller",
)
_SYSTEM: Final = "karmada-system"
_MEMBERS: Final = "karmada-cluster"
_AGGREGATED: Final = "karmada-aggregated-apiserver"
_WEBHOOK_HOST: Final = "https://karmada-webhook.karmada-system.svc:443"

_CLUSTERS: Final = "/apis/cluster.karmada.io/v1alpha1/clusters"

_READY_SECONDS = 90.0


@dataclass(slots=True)
class Karmada:
    """A running Karmada. `plane` is its API, for kubectl and for clients: a federation's address."""

    plane: ControlPlane
    processes: list[ServerProcess] = field(default_factory=list)

    def join(self, name: str, member: ControlPlane) -> None:
        """Make a cluster a member, in push mode; returns when Karmada says it is ready."""
        token = member.service_account_token(f"karmada-{name}", cluster_role="cluster-admin")
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": _MEMBERS},
            "stringData": {"token": token, "caBundle": member.ca.decode()},
        }
        reference = {"namespace": _MEMBERS, "name": name}
        identity = member.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
        cluster = {
            "apiVersion": "cluster.karmada.io/v1alpha1",
            "kind": "Cluster",
            "metadata": {"name": name},
            "spec": {
                "id": identity,
                "apiEndpoint": member.url,
                "secretRef": reference,
                "impersonatorSecretRef": reference,
                "syncMode": "Push",
            },
        }
        # Not by kubectl: the list of types that it asks for first is a moment behind what is served.
        self.plane.request("POST", f"/api/v1/namespaces/{_MEMBERS}/secrets", secret)
        self.plane.request("POST", _CLUSTERS, cluster)
        self.plane.apiserver.wait_until(lambda: self.is_ready(name), _READY_SECONDS)

    def is_ready(self, name: str) -> bool:
        """Whether Karmada says that it reaches this member."""
        told = self.plane.request("GET", f"{_CLUSTERS}/{name}")
        conditions = told.get("status", {}).get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def end(self) -> None:
        """End every program at once; the control plane below goes on."""
        for process in reversed(self.processes):
            process.kill()

    def apply(self, thing: Mapping[str, Any]) -> None:
        """Make or change one object of Karmada's API."""
        self.plane.kubectl("apply", "-f", "-", stdin=json.dumps(thing))

    def start(self, name: str, flags: Mapping[str, object], ready: Callable[[], bool]) -> None:
        """Start one of Karmada's programs and await it."""
        common: dict[str, object] = {"kubeconfig": self.plane.kubeconfig}
        arguments = [f"--{flag}={value}" for flag, value in {**common, **flags}.items()]
        log = self.plane.home / f"karmada-{name}.log"
        process = ServerProcess(f"karmada-{name}", [program(name), *arguments], log=log)
        self.processes.append(process)
        process.wait_until(ready, _READY_SECONDS)


@contextmanager
def karmada() -> Iterator[Karmada]:
    """A federation without members for the length of the block."""
    with control_plane(controllers=_CONTROLLERS, scheduler=False) as plane:
        running = Karmada(plane)
        try:
            _install_types(plane)
            _start_aggregated_apiserver(running)
            _start_webhook(running)
            _start_controllers(running)
            yield running
        finally:
            running.end()


def _install_types(plane: ControlPlane) -> None:
    for name in (_SYSTEM, _MEMBERS):
        plane.kubectl("create", "namespace", name)
    types = program("_crds") / "bases"
    # Server-side: some are longer than the annotation that a client-side apply leaves.
    plane.kubectl("apply", "--server-side", "--recursive", "-f", str(types))
    plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")


def _start_aggregated_apiserver(running: Karmada) -> None:
    """What serves `Cluster`, behind the control plane's own apiserver."""
    plane, port = running.plane, free_port()
    pair = plane.authority.server(_AGGREGATED, [f"{_AGGREGATED}.{_SYSTEM}.svc", "localhost", "127.0.0.1"])
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _AGGREGATED, "namespace": _SYSTEM},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    }
    registration = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1alpha1.cluster.karmada.io"},
        "spec": {
            "group": "cluster.karmada.io",
            "version": "v1alpha1",
            "groupPriorityMinimum": 2000,
            "versionPriority": 10,
            "caBundle": _bundle(plane.authority),
            "service": {"name": _AGGREGATED, "namespace": _SYSTEM, "port": port},
        },
    }
    flags = {
        "authentication-kubeconfig": plane.kubeconfig,
        "authorization-kubeconfig": plane.kubeconfig,
        "etcd-servers": plane.etcd_url,
        # Its own corner of the etcd that the control plane uses.
        "etcd-prefix": "/karmada",
        "bind-address": "127.0.0.1",
        "secure-port": port,
        "tls-cert-file": pair.certificate,
        "tls-private-key-file": pair.key,
    }
    running.start("aggregated-apiserver", flags, lambda: accepts(port))
    running.apply(service)
    running.apply(registration)
    plane.kubectl(
        "wait", "--for=condition=Available", "apiservice/v1alpha1.cluster.karmada.io", "--timeout=60s"
    )


def _start_webhook(running: Karmada) -> None:
    """What fills in and checks policies as they are written."""
    plane, port = running.plane, free_port()
    pair = plane.authority.server("karmada-webhook", ["127.0.0.1"])
    flags = {
        "bind-address": "127.0.0.1",
        "secure-port": port,
        "cert-dir": pair.certificate.parent,
        "tls-cert-file-name": pair.certificate.name,
        "tls-private-key-file-name": pair.key.name,
        "metrics-bind-address": 0,
        "health-probe-bind-address": 0,
    }
    running.start("webhook", flags, lambda: accepts(port))
    written = program("webhook-configuration.yaml").read_text()
    told = written.replace(_WEBHOOK_HOST, f"https://127.0.0.1:{port}")
    plane.kubectl("apply", "-f", "-", stdin=told.replace("{{caBundle}}", _bundle(plane.authority)))


def _start_controllers(running: Karmada) -> None:
    alone = {"leader-elect": "false", "metrics-bind-address": 0}
    pace = {
        # The pace of a test: a member's change is seen within seconds.
        "cluster-status-update-frequency": "2s",
        "cluster-monitor-period": "1s",
        "cluster-success-threshold": "1s",
        "cluster-failure-threshold": "2s",
    }
    for name, flags in (("controller-manager", pace), ("scheduler", {})):
        port = free_port()
        health = {"health-probe-bind-address": f"127.0.0.1:{port}"}
        running.start(name, {**alone, **flags, **health}, functools.partial(accepts, port))


def _bundle(authority: Authority) -> str:
    return base64.b64encode(authority.certificate.read_bytes()).decode()
