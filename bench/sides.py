"""The servers side by side: Wherry, its peers, the bare server. Each starts as its users start it."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.registry_tokens import ISSUER, SERVICE, make_token_service
from engines import EngineMissing, find
from engines import version as engine_version
from engines.servers.process import ServerProcess, accepts, answers, ending, free_port

PASSWORD = "bench-only-password"
# A line a request costs much of a request; the peers write none either.
_QUIET = {"WHERRY_LOG_LEVEL": "warning"}
WHERRY = "wherry"
BARE = "bare"


@dataclass(frozen=True, slots=True)
class Side:
    """A running server. `authorization` makes the header that its users' clients send for these scopes."""

    key: str
    port: int
    data: Path
    process: ServerProcess
    authorization: Callable[[list[str]], str]

    @property
    def pid(self) -> int:
        return self.process.pid

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A server that can be started: its key in figures, and its settings in words."""

    key: str
    title: str
    settings: str
    engine: str | None = None

    def version(self) -> str:
        if self.engine is not None:
            return engine_version(self.engine)
        if self.key == BARE:
            return importlib.metadata.version("granian")
        return importlib.metadata.version("wherry")

    def missing(self) -> str | None:
        """Why it cannot run here, or None."""
        if self.engine is None:
            return None
        try:
            find(self.engine)
        except EngineMissing as error:
            return str(error)
        return None


KINDS: Mapping[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind(
            WHERRY,
            "Wherry",
            "its defaults (SQLite, one worker, Bearer tokens from its own /token) but for "
            "WHERRY_LOG_LEVEL=warning: no access log, as on the peers",
        ),
        Kind(
            "docker-registry",
            "docker-registry",
            "filesystem, in-memory blob descriptor cache, delete on, access log off, log level error, "
            "auth: token (RS256)",
            "docker-registry",
        ),
        Kind(
            "registry-v3",
            "CNCF registry",
            "the same settings as docker-registry, trace export off",
            "registry-v3",
        ),
        Kind(
            BARE,
            "bare server",
            "Granian, an ASGI app of ten lines that sends the file by pathsend; no authorization",
        ),
    )
}
PEERS = ("docker-registry", "registry-v3")

_DISTRIBUTION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {data}}}
  cache: {{blobdescriptor: inmemory}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}", secret: made-for-one-bench}}
auth:
  token: {{realm: "http://127.0.0.1:1/token", service: {service}, issuer: {issuer}, rootcertbundle: {bundle}}}
"""


@contextmanager
def running(
    key: str, folder: Path, *, settings: Mapping[str, str], inside: Path | None = None
) -> Iterator[Side]:
    """The server on data in `folder`, for the length of the block; in the memory cgroup `inside` if given.

    `settings` are WHERRY_… variables, for Wherry alone."""
    with started(key, folder, settings=settings, inside=inside) as side:
        side.process.wait_until(lambda: answers(side.url("/v2/"), 200, 401), 60)
        yield side


@contextmanager
def started(
    key: str, folder: Path, *, settings: Mapping[str, str], inside: Path | None = None
) -> Iterator[Side]:
    """As `running`, but not awaited."""
    folder.mkdir(parents=True, exist_ok=True)
    side = _wherry(folder, settings, inside) if key == WHERRY else _distribution(key, folder, inside)
    with ending(side.process):
        yield side


@contextmanager
def bare(file: Path, folder: Path) -> Iterator[Side]:
    """The bare server with one file, the same whatever the path."""
    port = free_port()
    # What Wherry sets where it starts the same server is set here as well: see bench/bare_app.py.
    argv = [sys.executable, "-m", "bench.bare_app", str(port), str(file)]
    process = ServerProcess("bare", argv, log=folder / "bare.log", cwd=Path(__file__).resolve().parent.parent)
    with ending(process):
        process.wait_until(lambda: accepts(port), 30)
        yield Side(BARE, port, folder, process, lambda _: "")


def _inside(cgroup: Path | None, argv: list[str]) -> list[str]:
    """Join the cgroup first, then become the server: not a byte of it is outside."""
    if cgroup is None:
        return argv
    return ["/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(cgroup), *argv]


def _wherry(folder: Path, settings: Mapping[str, str], inside: Path | None) -> Side:
    port = free_port()
    argv = [sys.executable, "-m", "wherry", "serve"]
    argv += ["--data", str(folder / "data"), "--host", "127.0.0.1", "--port", str(port)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WHERRY_")}
    process = ServerProcess(
        KINDS[WHERRY].title,
        _inside(inside, argv),
        log=folder / "server.log",
        env={**inherited, **_QUIET, **settings, "WHERRY_ADMIN_PASSWORD": PASSWORD},
    )
    return Side(WHERRY, port, folder / "data", process, lambda scopes: fetched_token(port, scopes))


def basic(user: str, password: str) -> str:
    """The header of a client that sends user and password with every request."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def fetched_token(port: int, scopes: list[str], user: str = "admin") -> str:
    """Once, with user and password, as clients do; then every request carries it."""
    query = urllib.parse.urlencode([("service", "bench"), *(("scope", scope) for scope in scopes)])
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/token?{query}", headers={"Authorization": basic(user, PASSWORD)}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        told = json.load(response)
    return f"Bearer {told.get('token') or told['access_token']}"


def _distribution(key: str, folder: Path, inside: Path | None) -> Side:
    engine = KINDS[key].engine
    assert engine is not None
    port = free_port()
    service = make_token_service(folder)
    config = folder / "config.yml"
    config.write_text(
        _DISTRIBUTION.format(
            data=folder / "data", port=port, service=SERVICE, issuer=ISSUER, bundle=service.bundle
        )
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    process = ServerProcess(
        KINDS[key].title,
        _inside(inside, [str(find(engine)), "serve", str(config)]),
        log=folder / "server.log",
        env={**inherited, "OTEL_TRACES_EXPORTER": "none"},
    )
    return Side(key, port, folder / "data", process, service.token)
