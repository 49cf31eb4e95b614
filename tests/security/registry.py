"""A registry under attack: its server, its users, its content, and the ways to talk to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from engines.servers import Wherry
from tests.hostile.answers import split_answers
from tests.hostile.content import administer
from tests.hostile.requests import Answer
from tests.hostile.seeds import BLOBS, MANIFESTS, basic, digest_of

PRIVATE = "secret/app"
PUBLIC = "open/app"
# In the private repository only, so that its bytes give away a leak.
SECRET_BLOB = b"the bytes that nobody but an administrator may read" * 4
SECRET_DIGEST = digest_of(SECRET_BLOB)
ABSENT_DIGEST = digest_of(b"never pushed")
MATE = ("mate", "a-second-administrator")
GUEST = ("guest", "somebody-without-rights")

Login = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Registry:
    """A Wherry with two administrators, a user without rights, a private and a public repository."""

    server: Wherry
    client: httpx.Client

    @property
    def admin(self) -> Login:
        return (self.server.username, self.server.password)

    @property
    def port(self) -> int:
        return int(self.server.host.rpartition(":")[2])

    def ask(
        self,
        method: str,
        target: str,
        login: Login | str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """One request; `login` is user and password, a token, or nobody."""
        told = dict(headers or {})
        if isinstance(login, str):
            told["Authorization"] = f"Bearer {login}"
        auth = login if isinstance(login, tuple) else None
        return self.client.request(method, target, headers=told, content=content, auth=auth)

    def token(self, login: Login | None, *scopes: str) -> str:
        """A token for the scopes, or for what of them is granted."""
        query = "&".join(["service=wherry", *(f"scope={scope}" for scope in scopes)])
        return str(self.ask("GET", f"/token?{query}", login).raise_for_status().json()["token"])

    def raw(self, content: bytes, *, seconds: float = 30) -> bytes:
        """What comes back to exactly these bytes until the server closes."""
        received = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(content)
            while piece := connection.recv(65536):
                received += piece
        return received

    def raw_get(self, target: str, login: Login | None = None, *, method: str = "GET") -> Answer:
        """A request whose target no client would send as it is."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.server.host}", "Connection: close"]
        if login:
            lines.append(f"Authorization: {basic(*login)}")
        received = self.raw("\r\n".join([*lines, "", ""]).encode("latin-1"))
        return split_answers(received, method)[0]

    def push_blob(self, repository: str, blob: bytes) -> str:
        """Its digest."""
        digest = digest_of(blob)
        pushed = self.ask(
            "POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", self.admin, content=blob
        )
        assert pushed.status_code == 201, pushed.text
        return digest

    def push_manifest(
        self, repository: str, reference: str, content: bytes, media_type: str
    ) -> httpx.Response:
        """As the administrator."""
        headers = {"Content-Type": media_type}
        return self.ask(
            "PUT", f"/v2/{repository}/manifests/{reference}", self.admin, headers=headers, content=content
        )

    def push_image(self, repository: str) -> None:
        """An image, an artifact and an index, under their tags."""
        for blob in BLOBS:
            self.push_blob(repository, blob)
        for content, media_type, tag in MANIFESTS:
            kept = self.push_manifest(repository, tag, content, media_type)
            assert kept.status_code == 201, kept.text

    def set_public(self, repository: str, public: bool = True) -> None:
        administer(self.server.data, "repository", "set", repository, "--public" if public else "--private")

    def add_user(self, login: Login, *flags: str) -> None:
        name, password = login
        administer(
            self.server.data, "user", "create", name, "--password-stdin", *flags, typed=password + "\n"
        )


@contextmanager
def reached(server: Wherry) -> Iterator[Registry]:
    """The registry as it is, for the length of the block."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield Registry(server, client)


def furnish(registry: Registry) -> None:
    """The users and the content that the tests rely on."""
    registry.add_user(MATE, "--admin")
    registry.add_user(GUEST)
    registry.push_image(PRIVATE)
    registry.push_blob(PRIVATE, SECRET_BLOB)
    registry.push_image(PUBLIC)
    registry.set_public(PUBLIC)


def code_of(answer: httpx.Response) -> str:
    """The code of an error in the OCI envelope."""
    return str(answer.json()["errors"][0]["code"])
