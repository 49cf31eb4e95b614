"""One whole run: a server with content, the fuzzer against it, and a look at what is left."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engines.servers import wherry
from tests.hostile.content import damage, fill
from tests.hostile.fuzzer import Finding, Tally, fuzz, simplified

DEFAULT_SEED = 20261123

# Short enough that what waits for them is over soon; a token outlives the run.
SETTINGS = {
    "WHERRY_LOG_LEVEL": "warning",
    "WHERRY_LIMITS_HEADER_TIMEOUT": "2s",
    "WHERRY_UPLOADS_IDLE_TIMEOUT": "2s",
    "WHERRY_AUTH_TOKEN_LIFETIME": "1h",
}


@contextmanager
def _folder() -> Iterator[Path]:
    """In memory where that can be had: what a disk does is tested elsewhere, and only takes time here."""
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30
    with tempfile.TemporaryDirectory(prefix="wherry-hostile-", dir=memory if usable else None) as folder:
        yield Path(folder)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was sent, what was found, and what is broken afterwards."""

    tally: Tally
    findings: tuple[Finding, ...]
    damage: tuple[str, ...]
    log: str

    @property
    def bad(self) -> bool:
        return bool(self.findings or self.damage or "Traceback" in self.log)

    def __str__(self) -> str:
        parts = [str(self.tally), *map(str, self.findings), *self.damage[:20]]
        if "Traceback" in self.log:
            parts.append(f"the server's log:\n{self.log[:6000]}")
        return "\n".join(parts)


async def attack(
    requests: int, seed: int, connections: int = 32, settings: Mapping[str, str] | None = None
) -> Outcome:
    """Start a server, fill it, send `requests` mutated requests, and look at it again."""
    with _folder() as folder, wherry(folder / "data", settings={**SETTINGS, **(settings or {})}) as server:
        credentials = fill(server, settings)
        host, _, port = server.host.rpartition(":")
        tally = await fuzz(
            host, int(port), credentials, requests=requests, seed=seed, connections=connections
        )
        findings = [await simplified(host, int(port), finding) for finding in tally.findings]
        broken = damage(server) if server.process.running else ["the server has ended"]
        log = server.process.log.read_text(errors="replace")
    return Outcome(tally, tuple(findings), tuple(broken), log)
