"""Commands as typed, here on a data folder and there over the API of the server on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from typer.testing import CliRunner

from engines.servers.wherry import ADMIN_PASSWORD, Wherry
from wherry.cli.main import build_app

Run = Callable[..., str]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_APP = build_app()


def run(*arguments: str, code: int = 0, stdin: str | None = None) -> str:
    """What it printed; with a `code` its complaint."""
    ended = CliRunner().invoke(_APP, arguments, input=stdin)
    assert ended.exit_code == code, (ended.output, ended.exception)
    return ended.stderr if code else ended.stdout


def rows(text: str) -> Any:
    return json.loads(text)


def administrator(site: Wherry) -> httpx.Client:
    return httpx.Client(base_url=site.url, auth=("admin", ADMIN_PASSWORD))


def push(site: Wherry, *tags: str, name: str = "acme/web", about: str = "") -> None:
    """An image without layers under these tags; with another `about` it is another one."""
    with administrator(site) as admin:
        upload = admin.post(f"/v2/{name}/blobs/uploads/")
        digest = f"sha256:{'44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'}"
        admin.put(upload.headers["location"], params={"digest": digest}, content=b"{}").raise_for_status()
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
        manifest |= {"annotations": {"about": about}} if about else {}
        for tag in tags:
            path, headers = f"/v2/{name}/manifests/{tag}", {"content-type": MANIFEST}
            admin.put(path, content=json.dumps(manifest), headers=headers).raise_for_status()
