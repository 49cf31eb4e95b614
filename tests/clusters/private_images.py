"""A private image in a running Wherry, for nodes to pull."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from engines.pytest_plugin import require
from engines.servers import Wherry, write_image_archive


def push_private_image(server: Wherry, repository: str, command: Sequence[str], folder: Path) -> str:
    """busybox with this command, as the administrator; answers the image's name."""
    archive = folder / "image.tar"
    write_image_archive(archive, "app:1", [require("busybox-static")], list(command), note=repository)
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
