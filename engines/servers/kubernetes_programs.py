"""How each program of a Kubernetes control plane is started: its flags, and why. Waits for none."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from engines.locate import find
from engines.servers.authority import Authority
from engines.servers.process import ServerProcess, free_port

SERVICE_ADDRESSES: Final = "10.96.0.0/16"

FAKE: Final = ("kwok.x-k8s.io/node", "fake")
"""The annotation of the nodes that kwok plays the kubelet of."""

FRONT_PROXY: Final = "front-proxy-client"

_FAKE_KUBELETS: Final = Path(__file__).with_name("fake-kubelets.yaml")

_ETCD: Final = "server"
"""Go names a program after its module's folder."""


def program(name: str) -> Path:
    """One of Kubernetes' programs: they are in one folder. Raises EngineMissing."""
    return find("kubernetes").with_name(name)


def etcd(home: Path, url: str) -> ServerProcess:
    """A single etcd that listens for clients at `url`."""
    peer = f"http://127.0.0.1:{free_port()}"
    flags: dict[str, object] = {
        "data-dir": home / "etcd",
        "listen-client-urls": url,
        "advertise-client-urls": url,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "log-level": "warn",
        # A cluster that lives as long as a test has no power cut to fear.
        "unsafe-no-fsync": "true",
    }
    return ServerProcess("etcd", [program(_ETCD), *_as_arguments(flags)], log=home / "etcd.log")


def apiserver_arguments(
    home: Path,
    *,
    address: str,
    port: int,
    services: str,
    etcd_url: str,
    authority: Authority,
    tokens: Path,
) -> list[str | Path]:
    """The whole command of a kube-apiserver, to be started as often as one likes."""
    first_service = str(next(ipaddress.ip_network(services).hosts()))
    hosts = [address, "127.0.0.1", "localhost", first_service, "kubernetes.default.svc"]
    listener = authority.server("kube-apiserver", sorted(set(hosts)))
    signing = authority.signing_key("service-accounts")
    front = authority.client(FRONT_PROXY)
    flags: dict[str, object] = {
        "etcd-servers": etcd_url,
        "bind-address": address,
        "secure-port": port,
        # Endpoints of the service `kubernetes` may not be loopback addresses, and no pod asks for them here.
        "advertise-address": address,
        "endpoint-reconciler-type": "none",
        "cert-dir": home / "pki",
        "tls-cert-file": listener.certificate,
        "tls-private-key-file": listener.key,
        "client-ca-file": authority.certificate,
        "token-auth-file": tokens,
        "authorization-mode": "Node,RBAC",
        "service-cluster-ip-range": services,
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-signing-key-file": signing,
        "service-account-key-file": signing,
        "allow-privileged": "true",
        "kubelet-preferred-address-types": "InternalIP",
        # How an apiserver behind this one, as Karmada's, knows that it is asked in somebody's name.
        "proxy-client-cert-file": front.certificate,
        "proxy-client-key-file": front.key,
        "requestheader-client-ca-file": authority.certificate,
        "requestheader-allowed-names": FRONT_PROXY,
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "profiling": "false",
    }
    return [program("kube-apiserver"), *_as_arguments(flags)]


def controller_manager(
    home: Path, kubeconfig: Path, authority: Authority, controllers: Sequence[str]
) -> ServerProcess:
    """Kubernetes' own controllers, or some of them."""
    flags: dict[str, object] = {
        "controllers": ",".join(controllers),
        "service-account-private-key-file": home / "pki" / "service-accounts.key",
        "root-ca-file": authority.certificate,
    }
    return _controller("kube-controller-manager", home, kubeconfig, flags)


def scheduler(home: Path, kubeconfig: Path) -> ServerProcess:
    """What gives each pod its node."""
    return _controller("kube-scheduler", home, kubeconfig, {})


def kwok(home: Path, kubeconfig: Path) -> ServerProcess:
    """What plays the kubelets of all nodes with the annotation FAKE."""
    flags: dict[str, object] = {
        "config": _FAKE_KUBELETS,
        "kubeconfig": kubeconfig,
        "manage-all-nodes": "false",
        "manage-nodes-with-annotation-selector": "=".join(FAKE),
        "node-lease-duration-seconds": 40,
    }
    return ServerProcess(
        "kwok",
        [program("kwok"), *_as_arguments(flags)],
        log=home / "kwok.log",
        # It reads a configuration below HOME, and the user's is not meant.
        env={**os.environ, "HOME": str(home)},
    )


def _controller(name: str, home: Path, kubeconfig: Path, flags: Mapping[str, object]) -> ServerProcess:
    common: dict[str, object] = {
        "kubeconfig": kubeconfig,
        # Alone there is nobody to elect a leader among.
        "leader-elect": "false",
        # The pace of a test: 5,000 pods in a minute or two.
        "kube-api-qps": 300,
        "kube-api-burst": 600,
        # No port of its own: nobody asks for its health or its metrics.
        "secure-port": 0,
        "profiling": "false",
    }
    return ServerProcess(name, [program(name), *_as_arguments({**common, **flags})], log=home / f"{name}.log")


def _as_arguments(flags: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]
