"""The daemons behind `docker` and `ctr`, each with its own root, state and socket, and without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engines.locate import find
from engines.servers.process import ServerProcess, ending


@dataclass(frozen=True, slots=True)
class Dockerd:
    """A docker daemon that answers at `address` (a DOCKER_HOST)."""

    address: str
    process: ServerProcess


@dataclass(frozen=True, slots=True)
class Containerd:
    """A containerd that answers at `socket` (ctr's `--address`), and the `ctr` that goes with it."""

    socket: Path
    ctr: Path
    process: ServerProcess


@contextmanager
def dockerd() -> Iterator[Dockerd]:
    """A docker daemon for the length of the block; needs root. No firewall rule, no bridge is made."""
    with _short_folder("wherry-dockerd-") as home:
        socket = home / "d.sock"
        places: list[str | Path] = [
            "--data-root",
            home / "data",
            "--exec-root",
            home / "exec",
            "-p",
            home / "pid",
        ]
        quiet = ["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none"]
        process = ServerProcess(
            "dockerd",
            [find("dockerd"), *places, "-H", f"unix://{socket}", *quiet],
            log=home / "dockerd.log",
        )
        with ending(process):
            docker: list[str | Path] = [find("docker"), "-H", f"unix://{socket}", "info"]
            process.wait_until(lambda: socket.exists() and _succeeds(docker), 60)
            yield Dockerd(address=f"unix://{socket}", process=process)


@contextmanager
def containerd(engine: str = "containerd") -> Iterator[Containerd]:
    """A containerd for the length of the block; needs root. `engine` may be containerd-2, the newest."""
    program = find(engine)
    newest = engine == "containerd-2"
    # The newest one has its ctr and its shim beside it; Debian's are found as everywhere.
    ctr = program.with_name("ctr") if newest else find("ctr")
    with _short_folder("wherry-containerd-") as home:
        socket = home / "c.sock"
        config = home / "config.toml"
        config.write_text(_containerd_2_config(home, socket) if newest else _containerd_config(home, socket))
        process = ServerProcess(
            engine,
            [program, "--config", config],
            log=home / "containerd.log",
            env={**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"},
        )
        with ending(process):
            ready: list[str | Path] = [ctr, "--address", socket, "version"]
            process.wait_until(lambda: socket.exists() and _succeeds(ready), 60)
            yield Containerd(socket=socket, ctr=ctr, process=process)


def _containerd_config(home: Path, socket: Path) -> str:
    snapshotters = [f"io.containerd.snapshotter.v1.{name}" for name in ("btrfs", "zfs", "aufs", "devmapper")]
    disabled = ["io.containerd.grpc.v1.cri", *snapshotters]
    return (
        f'version = 2\nroot = "{home}/root"\nstate = "{home}/state"\n'
        f"disabled_plugins = {json.dumps(disabled)}\n"
        f'[grpc]\n  address = "{socket}"\n'
    )


def _containerd_2_config(home: Path, socket: Path) -> str:
    disabled = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
    return (
        f'version = 3\nroot = "{home}/root"\nstate = "{home}/state"\n'
        f"disabled_plugins = {json.dumps(disabled)}\n"
        f'[grpc]\n  address = "{socket}"\n'
        # A layer in pieces, by range requests side by side: what only the newest asks a registry for.
        '[plugins."io.containerd.transfer.v1.local"]\n'
        f"  concurrent_layer_fetch_buffer = {256 * 1024}\n"
    )


@contextmanager
def _short_folder(prefix: str) -> Iterator[Path]:
    """A unix socket's path has 107 characters at most: too few for the folders of a test run."""
    home = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield home
    finally:
        _unmount_below(home)
        shutil.rmtree(home, ignore_errors=True)


def _unmount_below(folder: Path) -> None:
    """Take away what a daemon left mounted, deepest first, or the folder could not be removed."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)


def _succeeds(argv: list[str | Path]) -> bool:
    return subprocess.run(argv, check=False, capture_output=True, timeout=30).returncode == 0
