"""Writes a tar archive with one small image in the OCI layout: a program on an empty base. Pushes nothing."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

_OCI = "application/vnd.oci.image"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_image_archive(
    archive: Path,
    name: str,
    programs: Sequence[Path],
    command: Sequence[str],
    *,
    note: str = "",
    files: Mapping[str, Path] = MappingProxyType({}),
    architecture: str | None = None,
) -> str:
    """An image of static programs, each in `/bin`; its manifest's digest.

    `name` is what `ctr images import` calls it. A `note` is kept in the image, so that two of the same
    programs differ. `files` are further ones, by their place in the image. `architecture` is what the image
    says that it is for; this machine's, if nothing is said.
    """
    content = _layer(programs, note, files)
    # Compressed here, because clients that push an archive would, and the digest would be another one then.
    layer = gzip.compress(content, compresslevel=1, mtime=0)
    config = {
        "architecture": architecture or _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": list(command), "Env": ["PATH=/bin:/usr/local/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(content)]},
        "history": [{"created_by": "a test", "comment": note}],
    }
    blobs = [layer, _json(config)]
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.manifest.v1+json",
        "config": _descriptor(blobs[1], f"{_OCI}.config.v1+json"),
        "layers": [_descriptor(layer, f"{_OCI}.layer.v1.tar+gzip")],
    }
    blobs.append(_json(manifest))
    top = _descriptor(blobs[2], f"{_OCI}.manifest.v1+json")
    # Clients differ in which of the two they take the name from.
    top["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    index = {"schemaVersion": 2, "mediaType": f"{_OCI}.index.v1+json", "manifests": [top]}
    with tarfile.open(archive, "w") as tar:
        _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(tar, "index.json", _json(index))
        for blob in blobs:
            _add(tar, f"blobs/sha256/{_digest(blob).removeprefix('sha256:')}", blob)
    return str(top["digest"])


def _layer(programs: Sequence[Path], note: str, files: Mapping[str, Path]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for folder in ("bin", "etc", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        _add(tar, "etc/note", note.encode())
        for program in programs:
            _add(tar, f"bin/{program.name}", program.read_bytes(), mode=0o755)
        for place, file in files.items():
            _add(tar, place, file.read_bytes(), mode=0o755)
    return written.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def _descriptor(blob: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
