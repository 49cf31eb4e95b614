"""A look at the registry that owes nothing to the client under test: plain HTTP, and every byte hashed."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

_MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the registry said."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class RegistryUnderTest:
    """The running registry and the user who may push to it."""

    host: str
    username: str
    password: str

    def reference(self, repository: str, tag: str = "1") -> str:
        return f"{self.host}/{repository}:{tag}"

    def ask(self, path: str, method: str = "GET", *, follow: bool = True) -> Answer:
        """One request with Basic credentials; an error status, or a redirect left alone, is an answer too."""
        credentials = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Accept": ", ".join(_MANIFEST_TYPES)}
        request = urllib.request.Request(f"http://{self.host}{path}", headers=headers, method=method)
        opener = urllib.request.build_opener(*([] if follow else [_Unfollowed]))
        try:
            with opener.open(request, timeout=30) as response:
                return Answer(response.status, _lowered(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _lowered(error.headers), error.read())

    def manifest(self, repository: str, reference: str) -> Answer:
        return self.ask(f"/v2/{repository}/manifests/{reference}")

    def digest(self, repository: str, reference: str) -> str:
        """The digest of what is there now, computed from its bytes."""
        answer = self.manifest(repository, reference)
        assert answer.status == 200, answer
        computed = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        assert answer.headers["docker-content-digest"] == computed
        return computed

    def tags(self, repository: str) -> list[str]:
        answer = self.ask(f"/v2/{repository}/tags/list")
        assert answer.status in (200, 404), answer
        return list(answer.json().get("tags") or []) if answer.status == 200 else []

    def referrers(self, repository: str, digest: str) -> list[dict[str, Any]]:
        answer = self.ask(f"/v2/{repository}/referrers/{digest}")
        assert answer.status == 200, answer
        descriptors: list[dict[str, Any]] = answer.json()["manifests"]
        return descriptors

    def contents(self, repository: str, reference: str) -> dict[str, bytes]:
        """Fetch all that an image or index names, down to its layers, each checked against its digest."""
        manifest = self.manifest(repository, reference)
        assert manifest.status == 200, manifest
        found = {f"sha256:{hashlib.sha256(manifest.body).hexdigest()}": manifest.body}
        parsed = manifest.json()
        for child in parsed.get("manifests", []):
            found |= self.contents(repository, child["digest"])
        config = [parsed["config"]] if "config" in parsed else []
        for descriptor in [*config, *parsed.get("layers", [])]:
            blob = self.ask(f"/v2/{repository}/blobs/{descriptor['digest']}")
            assert blob.status == 200, (descriptor, blob.status)
            assert f"sha256:{hashlib.sha256(blob.body).hexdigest()}" == descriptor["digest"]
            assert len(blob.body) == descriptor["size"]
            found[descriptor["digest"]] = blob.body
        return found


class _Unfollowed(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as the answer that it is."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _lowered(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
