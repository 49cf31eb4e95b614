"""The peers: CNCF distribution 2.8 as Debian ships it, and the newest 3, both with a password file."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engines.locate import find
from engines.servers.process import ServerProcess, answers, ending, free_port

USERNAME = "admin"
PASSWORD = "peer-password"

_CONFIG = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {data}}}
  cache: {{blobdescriptor: inmemory}}
  delete: {{enabled: true}}
http: {{addr: {host}, secret: made-for-one-test-run}}
{auth}
"""


@dataclass(frozen=True, slots=True)
class PeerRegistry:
    """A running peer; `username` and `password` are asked for unless it was started open."""

    host: str
    data: Path
    process: ServerProcess
    username: str = USERNAME
    password: str = PASSWORD

    @property
    def url(self) -> str:
        return f"http://{self.host}"


@contextmanager
def docker_registry(data: Path, *, authorize: bool = True) -> Iterator[PeerRegistry]:
    """Debian's docker-registry (2.8) on `data`, with its in-memory cache on."""
    with _registry("docker-registry", data, authorize) as peer:
        yield peer


@contextmanager
def registry_v3(data: Path, *, authorize: bool = True) -> Iterator[PeerRegistry]:
    """The newest CNCF registry on `data`, with its in-memory cache on."""
    with _registry("registry-v3", data, authorize) as peer:
        yield peer


@contextmanager
def _registry(engine: str, data: Path, authorize: bool) -> Iterator[PeerRegistry]:
    program = find(engine)
    host = f"127.0.0.1:{free_port()}"
    data.mkdir(parents=True, exist_ok=True)
    passwords = data.parent / f"{data.name}.htpasswd"
    auth = f"auth: {{htpasswd: {{realm: peer, path: {passwords}}}}}" if authorize else ""
    config = data.parent / f"{data.name}.yml"
    config.write_text(_CONFIG.format(data=data, host=host, auth=auth))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    if authorize:
        made: list[str | Path] = [find("htpasswd"), "-Bbn", USERNAME, PASSWORD]
        passwords.write_bytes(subprocess.run(made, check=True, capture_output=True).stdout)
    process = ServerProcess(
        engine,
        [program, "serve", config],
        log=data.parent / f"{data.name}.log",
        # The newest one exports traces to localhost by default, which fills its log and takes its time.
        env={**inherited, "OTEL_TRACES_EXPORTER": "none"},
    )
    with ending(process):
        process.wait_until(lambda: answers(f"http://{host}/v2/", 200, 401))
        yield PeerRegistry(host=host, data=data, process=process)
