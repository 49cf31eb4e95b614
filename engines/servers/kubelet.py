"""A real Kubernetes node: a kubelet on a containerd of its own, in namespaces of its own on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engines.locate import find
from engines.servers.image_archive import write_image_archive
from engines.servers.kubernetes import ControlPlane, control_plane
from engines.servers.kubernetes_programs import program
from engines.servers.node_network import NodeNetwork, node_network
from engines.servers.process import ServerFailed, ServerProcess

_CGROUPS: Final = Path("/sys/fs/cgroup")
_SANDBOX: Final = "localhost/sandbox:1"

# The kubelet wants these settings so, and they are the whole machine's: it is shown files of its own instead.
_AS_WANTED: Final = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A running node. Its processes see each other only, its disk's /run and /var/log are its own."""

    name: str
    address: str
    home: Path
    """Its folder on this machine; the cgroup of all its pods has the same name."""
    init: ServerProcess
    pid: int
    """Its first process, as this machine counts."""
    containerd: ServerProcess
    kubelet: ServerProcess

    def run(self, *argv: str | Path) -> str:
        """What a program printed that ran on the node, in its namespaces."""
        done = subprocess.run(
            [*_inside(self.pid), *(str(part) for part in argv)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise ServerFailed(f"{argv[0]} on {self.name} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def ctr(self, *arguments: str | Path) -> str:
        """containerd's command line, in the namespace that holds Kubernetes' images."""
        return self.run(_containerd_program("ctr"), "-n", "k8s.io", *arguments)

    def trust(self, registry: str, *, through: Sequence[str] = ()) -> None:
        """Pull from `registry` (host and port) over plain HTTP, or from the mirrors `through` (URLs)."""
        folder = self.home / "certs.d" / registry
        folder.mkdir(parents=True, exist_ok=True)
        blocks = [
            f'[host."{url}"]\n  capabilities = ["pull", "resolve"]\n'
            for url in (*through, f"http://{registry}")
        ]
        (folder / "hosts.toml").write_text(f'server = "http://{registry}"\n' + "".join(blocks))


@dataclass(frozen=True, slots=True)
class RealCluster:
    """A control plane with real nodes; `network.address` is this machine, as they see it."""

    plane: ControlPlane
    network: NodeNetwork
    nodes: Sequence[Node]

    def trust(self, registry: str) -> None:
        """Have every node pull from `registry` (host and port) over plain HTTP."""
        for each in self.nodes:
            each.trust(registry)


@contextmanager
def real_cluster(nodes: int = 1) -> Iterator[RealCluster]:
    """A cluster of real nodes for the length of the block, all ready when it begins; needs root.

    A registry that its nodes pull from listens on `network.address`, not on 127.0.0.1.
    """
    with ExitStack() as running:
        network = running.enter_context(node_network())
        plane = running.enter_context(
            control_plane(address=network.apiserver_address, port=443, services=network.services)
        )
        started = [running.enter_context(node(plane, network, number)) for number in range(nodes)]
        yield RealCluster(plane, network, started)


@contextmanager
def node(plane: ControlPlane, network: NodeNetwork, number: int = 0) -> Iterator[Node]:
    """A node of this control plane for the length of the block, ready when it begins; needs root.

    There is no kube-proxy and no DNS: pods reach each other's addresses, this machine's and the apiserver's,
    but no other service.
    """
    name = f"real-{number}"
    home = Path(tempfile.mkdtemp(prefix="wherry-node-"))
    cgroup = home.name
    with ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, home, ignore_errors=True)
        cleanup.enter_context(_cgroup(cgroup))
        init = cleanup.enter_context(_namespaces(home))
        pid = _init_pid(init)
        network.plug(number, pid)
        containerd = cleanup.enter_context(_containerd(home, pid, network.pod_addresses(number)))
        kubelet = cleanup.enter_context(
            _kubelet(home, pid, plane, name=name, address=network.node_address(number), cgroup=cgroup)
        )
        started = Node(name, network.node_address(number), home, init, pid, containerd, kubelet)
        kubelet.wait_until(lambda: name in plane.ready_nodes(), 90)
        yield started


@contextmanager
def _namespaces(home: Path) -> Iterator[ServerProcess]:
    """A first process with a mount table, process table, network and host name of its own.

    When it ends, the kernel ends all that was started on the node, containers included, and unmounts.
    """
    log, kubelet = home / "log", home / "kubelet"
    for folder in (log, kubelet, Path("/var/lib/kubelet")):
        folder.mkdir(parents=True, exist_ok=True)
    mounts = (
        "mount -t tmpfs tmpfs /run"
        f" && mount --bind {log} /var/log"
        f" && mount --bind {kubelet} /var/lib/kubelet"
        f"{_shown_settings(home)}"
        f" && touch {home}/mounted"
        f" && exec {find('catatonit')} -P"
    )
    own = ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--mount-proc", "--kill-child=KILL"]
    # `unshare` holds SIGTERM back while its child runs: only SIGKILL ends the node along with the test run.
    with_us = ["setpriv", "--pdeathsig", "KILL", "--"]
    process = ServerProcess("node", [*with_us, "unshare", *own, "sh", "-c", mounts], log=home / "node.log")
    try:
        process.wait_until((home / "mounted").exists, 10)
        yield process
    finally:
        # Its first process takes all others with it, and `unshare` ends when the last is gone.
        with contextlib.suppress(ProcessLookupError, IndexError, FileNotFoundError):
            os.kill(_init_pid(process), signal.SIGKILL)
        process.stop()


def _shown_settings(home: Path) -> str:
    """The mounts that put the kubelet's wishes in the place of the machine's settings, on this node only."""
    commands = []
    for name, value in _AS_WANTED.items():
        shown = home / name.replace("/", "-")
        shown.write_text(f"{value}\n")
        commands.append(f" && mount --bind {shown} /proc/sys/{name}")
    return "".join(commands)


def _init_pid(init: ServerProcess) -> int:
    """The node's first process, as this machine counts: `unshare`'s only child."""
    return int(Path(f"/proc/{init.pid}/task/{init.pid}/children").read_text().split()[0])


def _inside(pid: int) -> list[str]:
    return ["nsenter", f"--target={pid}", "--mount", "--pid", "--net", "--uts", "--ipc", "--"]


def _containerd_program(name: str) -> Path:
    return find("containerd-2").with_name(name)


@contextmanager
def _containerd(home: Path, pid: int, pods: str) -> Iterator[ServerProcess]:
    (home / "cni").mkdir()
    (home / "cni" / "10-bridge.conflist").write_text(_cni(home, pods))
    (home / "certs.d").mkdir()
    config = home / "containerd.toml"
    config.write_text(_containerd_config(home))
    folder = _containerd_program("containerd").parent
    process = ServerProcess(
        "containerd",
        [*_inside(pid), folder / "containerd", "--config", config],
        log=home / "containerd.log",
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
    )
    try:
        ctr = [*_inside(pid), str(folder / "ctr"), "-n", "k8s.io"]
        process.wait_until(lambda: _succeeds([*ctr, "version"]), 60)
        archive = home / "sandbox.tar"
        write_image_archive(archive, _SANDBOX, [find("catatonit")], ["/bin/catatonit", "-P"])
        subprocess.run([*ctr, "images", "import", str(archive)], check=True, capture_output=True)
        yield process
    finally:
        process.kill()


def _containerd_config(home: Path) -> str:
    images, runtime = "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"
    plugins = find("cni-plugins").parent
    return (
        f'version = 3\nroot = "{home}/containerd"\n'
        f'[plugins."{images}"]\n  snapshotter = "overlayfs"\n'
        f'[plugins."{images}".pinned_images]\n  sandbox = "{_SANDBOX}"\n'
        f'[plugins."{images}".registry]\n  config_path = "{home}/certs.d"\n'
        # No rights here to lower an oom score, and no apparmor.
        f'[plugins."{runtime}"]\n  restrict_oom_score_adj = true\n  disable_apparmor = true\n'
        "  enable_unprivileged_ports = false\n  enable_unprivileged_icmp = false\n"
        f'[plugins."{runtime}".cni]\n  bin_dirs = ["{plugins}"]\n  conf_dir = "{home}/cni"\n'
    )


def _cni(home: Path, pods: str) -> str:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(home / "addresses"),
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipam": addresses}
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge]})


@contextmanager
def _kubelet(
    home: Path, pid: int, plane: ControlPlane, *, name: str, address: str, cgroup: str
) -> Iterator[ServerProcess]:
    identity = plane.authority.client(f"system:node:{name}", ["system:nodes"])
    kubeconfig = home / "kubelet.kubeconfig"
    kubeconfig.write_text(plane.kubeconfig_of(identity))
    config = home / "kubelet.json"
    config.write_text(json.dumps(_kubelet_config(home, address, cgroup)))
    flags = [
        f"--config={config}",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={name}",
        f"--node-ip={address}",
    ]
    process = ServerProcess("kubelet", [*_inside(pid), program("kubelet"), *flags], log=home / "kubelet.log")
    try:
        yield process
    finally:
        process.kill()


def _kubelet_config(home: Path, address: str, cgroup: str) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "oomScoreAdj": 0,
        # A machine that is nearly full is no reason to evict a test's pod.
        "evictionHard": {"nodefs.available": "0%", "imagefs.available": "0%", "nodefs.inodesFree": "0%"},
        "imageGCHighThresholdPercent": 100,
        "healthzPort": 0,
        "makeIPTablesUtilChains": False,
        "resolvConf": "",
        "podLogsDir": str(home / "log" / "pods"),
        "shutdownGracePeriod": "0s",
        # The pace of a test: what has happened is seen within a second.
        "syncFrequency": "5s",
        "nodeStatusUpdateFrequency": "5s",
    }


@contextmanager
def _cgroup(name: str) -> Iterator[None]:
    """A cgroup under each controller, as the kubelet wants its root to be there; gone again afterwards."""
    controllers = [folder for folder in _CGROUPS.iterdir() if (folder / "cgroup.procs").exists()]
    for controller in controllers:
        own = controller / name
        own.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            # An empty set, which is what a new one has, takes no process.
            if (controller / setting).exists() and controller.name == "cpuset":
                (own / setting).write_text((controller / setting).read_text())
    try:
        yield
    finally:
        for controller in controllers:
            _remove_cgroup(controller / name)


def _remove_cgroup(folder: Path) -> None:
    """Deepest first. The kernel takes a moment to let go of one whose last process was just killed."""
    below = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
    for path in (*below, folder):
        deadline = time.monotonic() + 5
        while path.exists() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                path.rmdir()
                break
            time.sleep(0.05)


def _succeeds(argv: Sequence[str]) -> bool:
    return subprocess.run(argv, check=False, capture_output=True, timeout=30).returncode == 0
