"""How clients push, on one connection: a blob in one PUT or as docker does, an image with its checks."""

from __future__ import annotations

from urllib.parse import urlsplit

from bench.failure import BenchFailed
from bench.images import OCI_MANIFEST, Blob
from bench.wire import Answer, Connection

_BYTES = ("Content-Type", "application/octet-stream")


def push_in_one_put(connection: Connection, repository: str, blob: Blob) -> None:
    """POST for an upload, then PUT with the digest and the whole body (containerd, crane, oras)."""
    started = connection.ask("POST", f"/v2/{repository}/blobs/uploads/", expect=202)
    connection.ask(
        "PUT", _with_digest(started, blob), expect=201, body=blob.pieces, length=blob.size, headers=[_BYTES]
    )


def push_in_one_patch(connection: Connection, repository: str, blob: Blob) -> None:
    """POST, PATCH with the whole body, PUT with the digest and no body (docker, podman, skopeo)."""
    started = connection.ask("POST", f"/v2/{repository}/blobs/uploads/", expect=202)
    patched = connection.ask(
        "PATCH", _location(started), expect=202, body=blob.pieces, length=blob.size, headers=[_BYTES]
    )
    connection.ask("PUT", _with_digest(patched, blob), expect=201)


def push_image(connection: Connection, repository: str, tag: str, manifest: Blob, blobs: list[Blob]) -> None:
    """Each blob is asked for first, as is the manifest: what is there would not be pushed again."""
    for blob in blobs:
        if not _exists(connection, f"/v2/{repository}/blobs/{blob.digest}"):
            push_in_one_put(connection, repository, blob)
    if _exists(connection, f"/v2/{repository}/manifests/{tag}"):
        raise BenchFailed(f"{repository}:{tag} is there before it was pushed")
    put_manifest(connection, repository, tag, manifest)


def put_manifest(connection: Connection, repository: str, reference: str, manifest: Blob) -> None:
    connection.ask(
        "PUT",
        f"/v2/{repository}/manifests/{reference}",
        expect=201,
        body=manifest.pieces,
        length=manifest.size,
        headers=[("Content-Type", OCI_MANIFEST)],
    )


def _exists(connection: Connection, path: str) -> bool:
    connection.send("HEAD", path, headers=[("Accept", OCI_MANIFEST)])
    status = connection.answer(head_only=True).status
    if status not in {200, 404}:
        raise BenchFailed(f"HEAD {path}: {status}")
    return status == 200


def _location(answer: Answer) -> str:
    """The path and query of Location, absolute or not."""
    parts = urlsplit(answer.headers["location"])
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _with_digest(answer: Answer, blob: Blob) -> str:
    location = _location(answer)
    return f"{location}{'&' if '?' in location else '?'}digest={blob.digest}"
