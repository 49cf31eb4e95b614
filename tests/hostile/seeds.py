"""What the fuzzer starts from: content that is there, credentials of each kind, and correct requests."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.hostile.api_seeds import ApiSeeds
from tests.hostile.requests import Request

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"

REPOSITORIES = ("fuzz/one", "fuzz/two", "open/shared", "single")
PUBLIC = "open/shared"
# Never a part of any request, but made of the same blobs and manifests: it has to be whole in the end.
VAULT = "vault/kept"


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def descriptor(content: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


BLOBS = (b"{}", b"a small layer" * 3, bytes(range(256)) * 64)
IMAGE = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(BLOBS[0], EMPTY_TYPE),
        "layers": [descriptor(blob, "application/vnd.oci.image.layer.v1.tar+gzip") for blob in BLOBS[1:]],
        "annotations": {"org.opencontainers.image.title": "seed", "count": "1"},
    }
).encode()
ARTIFACT = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.example.signature",
        "config": descriptor(BLOBS[0], EMPTY_TYPE),
        "layers": [descriptor(BLOBS[1], "text/plain")],
        "subject": descriptor(IMAGE, OCI_MANIFEST),
        "annotations": {"signed": "yes"},
    }
).encode()
INDEX = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {**descriptor(IMAGE, OCI_MANIFEST), "platform": {"os": "linux", "architecture": "amd64"}},
            descriptor(ARTIFACT, OCI_MANIFEST),
        ],
    }
).encode()
MANIFESTS = (
    (IMAGE, OCI_MANIFEST, "image"),
    (ARTIFACT, OCI_MANIFEST, "artifact"),
    (INDEX, OCI_INDEX, "index"),
)


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@dataclass(slots=True)
class Credentials:
    """Values of Authorization that are good, weighted: most requests have to get past the door."""

    admin: str
    plain: str
    tokens: Sequence[str] = ()

    def any(self, rng: random.Random) -> str | None:
        chance = rng.random()
        if chance < 0.7:
            return self.admin
        if chance < 0.8:
            return self.plain
        if chance < 0.95 and self.tokens:
            return rng.choice(self.tokens)
        return None


@dataclass(slots=True)
class Seeds:
    """Correct requests; `uploads` are sessions that were begun and perhaps not ended yet, the newest last."""

    credentials: Credentials
    uploads: list[str] = field(default_factory=list)
    api: ApiSeeds = field(default_factory=ApiSeeds)

    def draw(self, rng: random.Random) -> Request:
        """One of them, with credentials of some kind."""
        request = rng.choice(_MAKERS)(self, rng)
        authorization = self.credentials.any(rng)
        return request if authorization is None else request.with_header("Authorization", authorization)

    def remember(self, location: str) -> None:
        """An upload was begun; the oldest are forgotten."""
        self.uploads.append(location)
        del self.uploads[:-20]


def _name(rng: random.Random) -> str:
    return rng.choice(REPOSITORIES)


def _read_manifest(_seeds: Seeds, rng: random.Random) -> Request:
    content, media_type, tag = rng.choice(MANIFESTS)
    reference = rng.choice([tag, digest_of(content), "absent"])
    headers = (("Accept", media_type),)
    return Request(rng.choice(["GET", "HEAD"]), f"/v2/{_name(rng)}/manifests/{reference}", headers)


def _read_blob(_seeds: Seeds, rng: random.Random) -> Request:
    blob = rng.choice([*BLOBS, b"absent"])
    request = Request(rng.choice(["GET", "HEAD"]), f"/v2/{_name(rng)}/blobs/{digest_of(blob)}")
    if rng.random() < 0.5:
        request = request.with_header("Range", rng.choice(["bytes=0-9", "bytes=5-", "bytes=-5", "bytes=0-0"]))
    return request


def _write_manifest(_seeds: Seeds, rng: random.Random) -> Request:
    content, media_type, tag = rng.choice(MANIFESTS)
    reference = rng.choice(
        [tag, f"t{rng.randrange(40)}", digest_of(content), f"{digest_of(content)}?tag=a&tag=b"]
    )
    return Request("PUT", f"/v2/{_name(rng)}/manifests/{reference}", (("Content-Type", media_type),), content)


def _delete(_seeds: Seeds, rng: random.Random) -> Request:
    what = rng.choice(
        [
            f"manifests/t{rng.randrange(40)}",
            f"manifests/{digest_of(ARTIFACT)}",
            f"blobs/{digest_of(BLOBS[2])}",
        ]
    )
    return Request("DELETE", f"/v2/{_name(rng)}/{what}")


def _begin_upload(_seeds: Seeds, rng: random.Random) -> Request:
    blob = rng.choice(BLOBS)
    digest = digest_of(blob, rng.choice(["sha256", "sha256", "sha512"]))
    query, body = rng.choice(
        [
            ("", b""),
            (f"?digest={digest}", blob),
            (f"?mount={digest}&from={_name(rng)}", b""),
            (f"?mount={digest}", b""),
            ("?digest-algorithm=sha512", b""),
        ]
    )
    return Request("POST", f"/v2/{_name(rng)}/blobs/uploads/{query}", (), body)


def _go_on_with_upload(seeds: Seeds, rng: random.Random) -> Request:
    if not seeds.uploads:
        return _begin_upload(seeds, rng)
    place = rng.choice(seeds.uploads)
    blob = rng.choice(BLOBS)
    kind = ("Content-Type", "application/octet-stream")
    return rng.choice(
        [
            Request("PATCH", place, (kind,), blob),
            Request("PATCH", place, (kind, ("Content-Range", f"0-{len(blob) - 1}")), blob),
            Request("PATCH", place, (kind,), blob, chunks=3),
            Request("GET", place),
            Request("PUT", f"{place}?digest={digest_of(blob)}", (kind,), blob),
            Request("PUT", f"{place}?digest={digest_of(blob)}"),
            Request("DELETE", place),
        ]
    )


def _list(_seeds: Seeds, rng: random.Random) -> Request:
    name, subject = _name(rng), digest_of(IMAGE)
    targets = [
        f"/v2/{name}/tags/list?n=3&last=a",
        f"/v2/{name}/referrers/{subject}?artifactType=application%2Fvnd.example.signature",
        f"/v2/{name}/referrers/{subject}?n=1",
        "/v2/_catalog?n=2",
        "/v2/",
    ]
    return Request("GET", rng.choice(targets))


def _ask_token(_seeds: Seeds, rng: random.Random) -> Request:
    scope = f"repository:{_name(rng)}:pull,push"
    if rng.random() < 0.7:
        return Request("GET", f"/token?service=wherry&scope={scope}&scope=registry:catalog:*&account=admin")
    form = f"grant_type=password&service=wherry&client_id=x&username=admin&password=wrong&scope={scope}"
    return Request("POST", "/token", (("Content-Type", "application/x-www-form-urlencoded"),), form.encode())


def _use_api(seeds: Seeds, rng: random.Random) -> Request:
    return seeds.api.draw(rng)


def _elsewhere(_seeds: Seeds, rng: random.Random) -> Request:
    return Request("GET", rng.choice(["/", "/healthz", "/readyz", "/nothing", "/v2", "/v1/_ping"]))


_MAKERS = (
    *(_read_manifest, _read_manifest, _read_blob, _read_blob, _write_manifest, _write_manifest, _delete),
    *(_begin_upload, _go_on_with_upload, _go_on_with_upload, _go_on_with_upload, _list, _list),
    *(_ask_token, _elsewhere, _use_api, _use_api, _use_api),
)
