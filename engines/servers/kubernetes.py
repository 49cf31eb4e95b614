"""A real Kubernetes control plane of one's own: etcd, apiserver, controllers, scheduler, and fake nodes."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from engines.locate import find
from engines.servers import kubernetes_programs as programs
from engines.servers.authority import Authority, KeyPair
from engines.servers.process import ServerFailed, ServerProcess, answers, free_port

ADMIN: Final = "wherry-tests-admin"

_READY_SECONDS = 60.0


class KubectlFailed(Exception):
    """kubectl ended with an error; the message is what it said."""


class APIRefused(Exception):
    """The apiserver answered with an error status; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(slots=True)
class ControlPlane:
    """A running control plane; its cluster is empty at first, and `token` is its administrator's."""

    home: Path
    address: str
    port: int
    token: str
    authority: Authority
    etcd: ServerProcess
    etcd_url: str
    apiserver: ServerProcess
    apiserver_arguments: list[str | Path]
    tls: ssl.SSLContext
    begin_controllers: Callable[[ControlPlane], list[ServerProcess]]
    controllers: list[ServerProcess] = field(default_factory=list)
    kwok: ServerProcess | None = None

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, with the CA and the token in the file itself."""
        return self.home / "admin.kubeconfig"

    @property
    def ca(self) -> bytes:
        """The PEM certificate that signed the apiserver's."""
        return self.authority.certificate.read_bytes()

    @property
    def processes(self) -> list[ServerProcess]:
        """All programs of this control plane that run now."""
        fakes = [] if self.kwok is None else [self.kwok]
        return [
            process for process in (self.etcd, self.apiserver, *self.controllers, *fakes) if process.running
        ]

    def kubeconfig_of(self, credentials: str | KeyPair, *, namespace: str = "default") -> str:
        """A kubeconfig for a bearer token or a client certificate, as text; its context is `wherry-tests`."""
        user: dict[str, str]
        if isinstance(credentials, str):
            user = {"token": credentials}
        else:
            user = {
                "client-certificate-data": _encoded(credentials.certificate.read_bytes()),
                "client-key-data": _encoded(credentials.key.read_bytes()),
            }
        return _kubeconfig(self.url, self.ca, user, namespace)

    def service_account_token(
        self, name: str, *, namespace: str = "default", cluster_role: str | None = None
    ) -> str:
        """A token of a new service account, good for an hour, or until ten seconds after its deletion."""
        self.kubectl("create", "serviceaccount", name, "-n", namespace)
        if cluster_role is not None:
            role, account = f"--clusterrole={cluster_role}", f"--serviceaccount={namespace}:{name}"
            self.kubectl("create", "clusterrolebinding", f"{namespace}-{name}", role, account)
        return self.kubectl("create", "token", name, "-n", namespace, "--duration=1h").strip()

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl printed, as the administrator. Raises KubectlFailed with its words."""
        done = subprocess.run(
            [find("kubectl"), "--cache-dir", self.home / "kubectl", *arguments],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise KubectlFailed(done.stderr.strip())
        return done.stdout

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What the API answers its administrator. Raises APIRefused, and OSError where there is no answer."""
        asked = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(asked, timeout=30, context=self.tls) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise APIRefused(error.code, error.read().decode(errors="replace")) from None

    def stop_apiserver(self) -> None:
        """End the apiserver; what etcd holds stays, and the other programs wait for it."""
        # It would wait for the last watch to end, which is up to its clients.
        self.apiserver.stop(grace=1.0)

    def start_apiserver(self) -> None:
        """Start the apiserver again on its old port; returns when it is ready.

        The controllers start anew with it: those that have seen it gone look for it again after up to a
        minute only, and longer with each time, which no test should have to wait for.
        """
        self.apiserver = ServerProcess(
            "kube-apiserver", self.apiserver_arguments, log=self.home / "kube-apiserver.log"
        )
        self.apiserver.wait_until(self.is_ready, _READY_SECONDS)
        for process in self.controllers:
            process.kill()
        self.controllers = self.begin_controllers(self)
        if self.kwok is not None:
            self.kwok.kill()
            self.kwok = programs.kwok(self.home, self.kubeconfig)

    def restart_apiserver(self) -> None:
        """Break every watch; the recent events that the apiserver keeps in its memory are gone."""
        self.stop_apiserver()
        self.start_apiserver()

    def compact(self) -> int:
        """Have etcd forget all but the present; the revision up to which it has.

        The apiserver keeps recent events of its own beside etcd. Only after `restart_apiserver` as well is a
        watch from an older resource version, or a list that was being paged through, answered 410 Gone.
        """
        revision = int(self._ask_etcd("range", {"key": "AA=="})["header"]["revision"])
        self._ask_etcd("compaction", {"revision": str(revision), "physical": True})
        return revision

    def is_ready(self) -> bool:
        """Whether the apiserver says so of itself."""
        try:
            urllib.request.urlopen(f"{self.url}/readyz", timeout=2, context=self.tls).close()
        except OSError:
            return False
        return True

    def has(self, path: str) -> bool:
        """Whether the API has an object at this path."""
        try:
            self.request("GET", path)
        except APIRefused as refusal:
            if refusal.status == 404:
                return False
            raise
        return True

    def add_nodes(self, count: int = 1, *, architecture: str = "amd64", prefix: str = "node") -> list[str]:
        """Make nodes without a kubelet; returns their names when they are ready.

        kwok plays the kubelet: a pod there is Running at once, and no image is pulled. What annotations of a
        pod make of that (a pull that fails, the digest that runs) is at the top of fake-kubelets.yaml.
        """
        names = [f"{prefix}-{architecture}-{number}" for number in range(count)]
        for name in names:
            self.request("POST", "/api/v1/nodes", _fake_node(name, architecture))
        if self.kwok is None:
            self.kwok = programs.kwok(self.home, self.kubeconfig)
        self.kwok.wait_until(lambda: self.ready_nodes().issuperset(names), _READY_SECONDS)
        return names

    def ready_nodes(self) -> set[str]:
        """The names of the nodes that say they are ready."""
        nodes = self.request("GET", "/api/v1/nodes")["items"]
        return {node["metadata"]["name"] for node in nodes if _is_ready(node)}

    def end(self) -> None:
        """End every program at once: nobody needs what an orderly end would save."""
        for process in reversed(self.processes):
            process.kill()

    def _ask_etcd(self, method: str, body: Mapping[str, Any]) -> Any:
        asked = urllib.request.Request(f"{self.etcd_url}/v3/kv/{method}", data=json.dumps(body).encode())
        with urllib.request.urlopen(asked, timeout=30) as response:
            return json.load(response)


@contextmanager
def control_plane(
    *,
    controllers: Sequence[str] = ("*",),
    scheduler: bool = True,
    address: str = "127.0.0.1",
    port: int | None = None,
    services: str = programs.SERVICE_ADDRESSES,
) -> Iterator[ControlPlane]:
    """A control plane for the length of the block; several at once do not meet.

    `controllers` are what kube-controller-manager runs: without any there are no replicas, no service
    accounts and no garbage collection. Without `scheduler` no pod gets a node. `address` is the
    apiserver's: nodes in network namespaces of their own do not reach 127.0.0.1.
    """
    home = Path(tempfile.mkdtemp(prefix="wherry-kubernetes-"))
    try:
        etcd_url = f"http://127.0.0.1:{free_port()}"
        etcd = programs.etcd(home, etcd_url)
        try:
            etcd.wait_until(lambda: answers(f"{etcd_url}/health", 200), _READY_SECONDS)
            begin = partial(_begin_controllers, controllers=controllers, scheduler=scheduler)
            plane = _with_apiserver(home, (address, port or free_port()), services, etcd, etcd_url, begin)
        except BaseException:
            etcd.kill()
            raise
        try:
            _start_controllers(plane, has_accounts="*" in controllers)
            yield plane
        finally:
            plane.end()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _with_apiserver(
    home: Path,
    listen: tuple[str, int],
    services: str,
    etcd: ServerProcess,
    etcd_url: str,
    begin_controllers: Callable[[ControlPlane], list[ServerProcess]],
) -> ControlPlane:
    address, port = listen
    authority = Authority(home / "pki")
    token = secrets.token_urlsafe(24)
    tokens = home / "tokens.csv"
    tokens.write_text(f'{token},{ADMIN},{ADMIN},"system:masters"\n')
    arguments = programs.apiserver_arguments(
        home,
        address=address,
        port=port,
        services=services,
        etcd_url=etcd_url,
        authority=authority,
        tokens=tokens,
    )
    return ControlPlane(
        home=home,
        address=address,
        port=port,
        token=token,
        authority=authority,
        etcd=etcd,
        etcd_url=etcd_url,
        apiserver=ServerProcess("kube-apiserver", arguments, log=home / "kube-apiserver.log"),
        apiserver_arguments=arguments,
        tls=ssl.create_default_context(cafile=str(authority.certificate)),
        begin_controllers=begin_controllers,
    )


def _begin_controllers(
    plane: ControlPlane, *, controllers: Sequence[str], scheduler: bool
) -> list[ServerProcess]:
    begun = []
    if controllers:
        begun.append(programs.controller_manager(plane.home, plane.kubeconfig, plane.authority, controllers))
    if scheduler:
        begun.append(programs.scheduler(plane.home, plane.kubeconfig))
    return begun


def _start_controllers(plane: ControlPlane, *, has_accounts: bool) -> None:
    plane.kubeconfig.write_text(plane.kubeconfig_of(plane.token))
    plane.apiserver.wait_until(plane.is_ready, _READY_SECONDS)
    plane.controllers = plane.begin_controllers(plane)
    if has_accounts:
        # No pod is taken before it is there, and it is the last thing to come.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        plane.controllers[0].wait_until(lambda: plane.has(account), _READY_SECONDS)
    for process in plane.controllers:
        if not process.running:
            raise ServerFailed(f"{process.name} ended:\n{process.log_tail()}")


def _fake_node(name: str, architecture: str) -> dict[str, Any]:
    labels = {
        "kubernetes.io/arch": architecture,
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": name,
    }
    room = {"cpu": "64", "memory": "256Gi", "pods": "2000"}
    return {
        "metadata": {"name": name, "labels": labels, "annotations": dict([programs.FAKE])},
        "status": {
            "allocatable": room,
            "capacity": room,
            "nodeInfo": {"architecture": architecture, "operatingSystem": "linux"},
        },
    }


def _is_ready(node: Mapping[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _kubeconfig(url: str, ca: bytes, user: Mapping[str, str], namespace: str) -> str:
    credentials = "\n".join(f"    {name}: {value}" for name, value in user.items())
    return f"""\
apiVersion: v1
kind: Config
current-context: wherry-tests
clusters:
- name: wherry-tests
  cluster:
    server: {url}
    certificate-authority-data: {_encoded(ca)}
contexts:
- name: wherry-tests
  context:
    cluster: wherry-tests
    user: admin
    namespace: {namespace}
users:
- name: admin
  user:
{credentials}
"""


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
