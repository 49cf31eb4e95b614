"""Fills a registry before the fuzzer comes, and afterwards checks that what it kept is whole."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from engines.servers import Wherry
from tests.hostile.seeds import BLOBS, MANIFESTS, PUBLIC, REPOSITORIES, VAULT, Credentials, basic, digest_of

PLAIN_USER = "plain"
PLAIN_PASSWORD = "nobody-in-particular"


def administer(
    data: Path, *arguments: str, typed: str = "", settings: Mapping[str, str] | None = None
) -> str:
    """One `wherry` command on the data folder, with the settings of its server; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "wherry", *arguments, "--data", str(data)],
        input=typed,
        env={**os.environ, **(settings or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill(server: Wherry, settings: Mapping[str, str] | None = None) -> Credentials:
    """The same content in every repository, a public one among them, and a user without rights."""
    with httpx.Client(base_url=server.url, auth=(server.username, server.password), timeout=30) as client:
        for name in (*REPOSITORIES, VAULT):
            for blob in BLOBS:
                pushed = client.post(
                    f"/v2/{name}/blobs/uploads/", params={"digest": digest_of(blob)}, content=blob
                )
                assert pushed.status_code == 201, pushed.text
            for content, media_type, tag in MANIFESTS:
                kept = client.put(
                    f"/v2/{name}/manifests/{tag}", content=content, headers={"Content-Type": media_type}
                )
                assert kept.status_code == 201, kept.text
        administer(server.data, "repository", "set", PUBLIC, "--public", settings=settings)
        create = ("user", "create", PLAIN_USER, "--password-stdin")
        administer(server.data, *create, typed=PLAIN_PASSWORD + "\n", settings=settings)
        tokens = []
        for login in ((server.username, server.password), (PLAIN_USER, PLAIN_PASSWORD), None):
            asked: list[tuple[str, str | int | float | bool | None]] = [
                ("service", "wherry"),
                ("scope", "registry:catalog:*"),
            ]
            asked += [("scope", f"repository:{name}:pull,push,delete") for name in REPOSITORIES]
            # None as `auth` means no credentials at all; the default would be the client's.
            answer = client.get("/token", params=asked, auth=login)
            tokens.append(f"Bearer {answer.raise_for_status().json()['token']}")
    return Credentials(basic(server.username, server.password), basic(PLAIN_USER, PLAIN_PASSWORD), tokens)


def damage(server: Wherry) -> list[str]:
    """What is not as it has to be: in the vault everything, elsewhere each tag with all that it names."""
    with httpx.Client(base_url=server.url, auth=(server.username, server.password), timeout=30) as client:
        return [*_unhealthy(client), *_vault(client), *_incomplete(client)]


def _unhealthy(client: httpx.Client) -> Iterator[str]:
    ready = client.get("/readyz")
    if ready.status_code != 200:
        yield f"/readyz answers {ready.status_code} {ready.text}"


def _vault(client: httpx.Client) -> Iterator[str]:
    for blob in BLOBS:
        if client.get(f"/v2/{VAULT}/blobs/{digest_of(blob)}").content != blob:
            yield f"blob {digest_of(blob)} of {VAULT} is not what was pushed"
    for content, media_type, tag in MANIFESTS:
        for reference in (tag, digest_of(content)):
            answer = client.get(f"/v2/{VAULT}/manifests/{reference}")
            if (answer.content, answer.headers.get("content-type")) != (content, media_type):
                yield f"manifest {reference} of {VAULT} is not what was pushed"
    tags = client.get(f"/v2/{VAULT}/tags/list").json()["tags"]
    if tags != sorted(tag for _, _, tag in MANIFESTS):
        yield f"{VAULT} has the tags {tags}"


def _incomplete(client: httpx.Client, limit: int = 1000) -> Iterator[str]:
    for name in client.get("/v2/_catalog", params={"n": 100}).json()["repositories"]:
        answer = client.get(f"/v2/{name}/tags/list", params={"n": limit})
        for tag in answer.json()["tags"]:
            yield from _tag_faults(client, name, tag)


def _tag_faults(client: httpx.Client, name: str, tag: str) -> Iterator[str]:
    answer = client.get(f"/v2/{name}/manifests/{tag}")
    algorithm, _, encoded = answer.headers.get("docker-content-digest", ":").partition(":")
    if answer.status_code != 200 or hashlib.new(algorithm, answer.content).hexdigest() != encoded:
        yield f"{name}:{tag} answers {answer.status_code} with bytes of another digest"
        return
    document = json.loads(answer.content)
    named = [("blobs", item) for item in document.get("layers") or []]
    named += [("blobs", document["config"])] if document.get("config") else []
    named += [("manifests", item) for item in document.get("manifests") or []]
    for kind, item in named:
        if "nondistributable" in str(item.get("mediaType")) or "foreign" in str(item.get("mediaType")):
            continue
        if client.head(f"/v2/{name}/{kind}/{item['digest']}").status_code != 200:
            yield f"{name}:{tag} names {item['digest']}, which is not there"
