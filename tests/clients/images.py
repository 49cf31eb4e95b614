"""The real images that the clients carry: busybox on an empty base for two platforms, and their index."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.clients.driving import Client

_PLATFORMS = ("amd64", "arm64")


@dataclass(frozen=True, slots=True)
class Layout:
    """An OCI image layout with one tag, `1`."""

    folder: Path

    @property
    def oci(self) -> str:
        """As skopeo, podman and buildah name it."""
        return f"oci:{self.folder}:1"

    @property
    def digest(self) -> str:
        index = json.loads((self.folder / "index.json").read_text())
        return str(index["manifests"][0]["digest"])

    @property
    def blobs(self) -> dict[str, bytes]:
        """Every file of it by its digest."""
        return {f"sha256:{path.name}": path.read_bytes() for path in (self.folder / "blobs/sha256").iterdir()}


@dataclass(frozen=True, slots=True)
class Images:
    """One image of this machine's platform, the other platform's, and the index of the two."""

    amd64: Layout
    arm64: Layout
    index: Layout


def build(buildah: Client, busybox: Path, folder: Path) -> Images:
    """Build them with buildah. The program inside is the same in both: nobody runs the foreign one."""
    for platform in _PLATFORMS:
        container = buildah("from", "--arch", platform, "scratch").strip()
        root = Path(buildah("mount", container).strip())
        (root / "bin").mkdir()
        shutil.copy(busybox, root / "bin/busybox")
        (root / "platform").write_text(platform)
        buildah("umount", container)
        buildah("config", "--arch", platform, "--os", "linux", "--cmd", '["/bin/busybox","true"]', container)
        buildah("commit", "--quiet", container, f"app:{platform}")
        buildah("push", "--quiet", f"app:{platform}", f"oci:{folder / platform}:1")
    buildah("manifest", "create", "app:index")
    for platform in _PLATFORMS:
        buildah("manifest", "add", "app:index", f"app:{platform}")
    buildah("manifest", "push", "--all", "app:index", f"oci:{folder / 'index'}:1")
    return Images(*(Layout(folder / name) for name in (*_PLATFORMS, "index")))


def blobs_below(folder: Path) -> set[str]:
    """The digests of every file below a folder, whatever layout a client wrote it in."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files}


def held_by_containerd(ctr: Client, layout: Layout) -> dict[str, bytes]:
    """An image's blobs as containerd has them; it fails where one is absent.

    Not by `ctr images export`: with containerd 2 that may end before the last of its file is written, since
    the call that it waits for is answered while another stream still brings bytes.
    """
    return {digest: ctr.bytes_of("content", "get", digest) for digest in layout.blobs}
