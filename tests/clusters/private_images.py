"""A private image in a running Wherry, for nodes to pull."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from engines.pytest_plugin import require
from engines.servers import Wherry, write_image_archive


def push_private_image(
    server: Wherry,
    repository: str,
    command: Sequence[str],
    folder: Path,
    files: Mapping[str, Path] = MappingProxyType({}),
) -> str:
    """busybox and `files` with this command, as the administrator; answers the image's name."""
    archive = folder / "image.tar"
    programs = [require("busybox-static")]
    write_image_archive(archive, "app:1", programs, list(command), note=repository, files=files)
    image = f"{server.host}/{repository}:1"
    subprocess.run(
        [
            require("skopeo"),
            "copy",
            "--quiet",
            "--preserve-digests",
            "--dest-tls-verify=false",
            f"--dest-creds={server.username}:{server.password}",
            f"oci-archive:{archive}",
            f"docker://{image}",
        ],
        check=True,
    )
    return image
