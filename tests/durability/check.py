"""What is there after a crash: every register read back, every visible image whole, every byte hashed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import quote

from tests.durability.content import Blob, digest_of, image
from tests.durability.model import PRESENT, Model, Register, Repository, Session
from tests.durability.wire import Answer, Connection, Lost
from tests.durability.world import value_seen

CONNECTIONS = 6
TAGS_ON_A_PAGE = 100


@dataclass(frozen=True, slots=True)
class Promise:
    """What this kind of crash must not take away. Power loss may set open uploads back, a kill may not."""

    sessions_stay: bool = True


@dataclass(slots=True)
class Findings:
    failures: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class Check:
    """One look at a server that was started again. `run` tells the model what there is."""

    def __init__(
        self, model: Model, connect: Callable[[], Connection], random: Random, promise: Promise
    ) -> None:
        self._model = model
        self._random = random
        self._promise = promise
        self._connections: asyncio.Queue[Connection] = asyncio.Queue()
        for _ in range(CONNECTIONS):
            self._connections.put_nowait(connect())
        self.findings = Findings()
        self._seen: dict[Register, str | None] = {}

    async def run(self, *, everything: bool) -> Findings:
        """With `everything` all registers, else those that the last load touched and some others."""
        try:
            registers = [
                r for repository in self._model.repositories.values() for r in repository.registers()
            ]
            if not everything:
                others = [r for r in registers if not r.touched]
                registers = [r for r in registers if r.touched]
                registers += self._random.sample(others, min(60, len(others)))
            await self._all(self._read(register) for register in registers)
            await self._all(self._listing(r) for r in list(self._model.repositories.values()))
            whole = [r for r, value in self._seen.items() if r.kind == "manifest" and value == PRESENT]
            await self._all(self._needs(register) for register in whole)
            self._whole_or_not()
            await self._all(self._referrers(r) for r in list(self._model.repositories.values()))
            await self._all(self._session(session) for session in self._model.sessions)
            for register, value in self._seen.items():
                register.observed(value)
            self._model.settle()
            await self._push_something_new()
        except Lost as lost:
            self._fault(f"the server that was started again does not answer: {lost}")
        finally:
            while not self._connections.empty():
                self._connections.get_nowait().close()
        return self.findings

    async def _all(self, work: Iterable[Awaitable[object]]) -> None:
        limit = asyncio.Semaphore(CONNECTIONS)

        async def one(job: Awaitable[object]) -> None:
            async with limit:
                await job

        await asyncio.gather(*(one(job) for job in work))

    async def _get(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        connection = await self._connections.get()
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await connection.request(method, path, [body] if body else (), named)
        finally:
            self._connections.put_nowait(connection)

    async def _read(self, register: Register) -> str | None:
        """Every acknowledged push is there byte for byte, every acknowledged delete stays one."""
        if register in self._seen:
            return self._seen[register]
        name = register.repository.name
        place = "blobs" if register.kind == "blob" else "manifests"
        answer = await self._get(f"/v2/{name}/{place}/{register.name}")
        value = value_seen(register, answer)
        allowed = register.possible(self._model.now())
        if value not in allowed:
            self._fault(f"{name} {register.kind} {register.name}: {value or 'absent'}, allowed {allowed}")
        if register.kind != "blob" and value is not None and answer.status == 200:
            known = self._model.known.get(answer.headers.get("docker-content-digest", ""))
            if known is not None and answer.headers["content-type"] != known.media_type:
                self._fault(f"{name} {register.name}: pulled as {answer.headers['content-type']}")
        self._seen[register] = value
        self.findings.counts[f"{register.kind}s {'verified' if value else 'absent as they must be'}"] += 1
        return value

    async def _listing(self, repository: Repository) -> None:
        """A listed tag can be pulled, one that can be pulled is listed, and nobody made one up."""
        listed: list[str] = []
        path = f"/v2/{repository.name}/tags/list?n={TAGS_ON_A_PAGE}"
        while True:
            answer = await self._get(path)
            if answer.status == 404:
                break
            if answer.status != 200:
                self._fault(f"tags of {repository.name}: {answer.status}")
                break
            page = json.loads(answer.body)["tags"] or []
            listed += page
            if "link" not in answer.headers:
                break
            path = f"/v2/{repository.name}/tags/list?n={TAGS_ON_A_PAGE}&last={page[-1]}"
        for tag in listed:
            if tag not in repository.tags:
                self._fault(f"{repository.name} lists the tag {tag}, which nobody pushed")
            elif await self._read(repository.tags[tag]) is None:
                self._fault(f"{repository.name} lists the tag {tag}, which cannot be pulled")
        for tag, register in repository.tags.items():
            if self._seen.get(register) is not None and tag not in listed:
                self._fault(f"{repository.name} does not list the tag {tag}, which can be pulled")
        for register in repository.tags.values():
            digest = self._seen.get(register) or ""
            if digest in self._model.known and await self._read(repository.manifest(digest)) is None:
                self._fault(f"{repository.name}: {register.name} points at {digest}, which cannot be pulled")

    async def _needs(self, register: Register) -> None:
        """No visible image is incomplete."""
        manifest, repository = self._model.known[register.name], register.repository
        parts = [repository.blob(digest) for digest in manifest.blobs]
        parts += [repository.manifest(digest) for digest in manifest.children]
        for part in parts:
            if await self._read(part) != PRESENT:
                self._fault(f"{repository.name} {register.name} names the {part.kind} {part.name}: not there")

    def _whole_or_not(self) -> None:
        """A request that nobody answered has happened with all its effects or with none."""
        for request in self._model.unanswered:
            happened = {
                self._seen[register] == change.value
                for register, change in request.registers
                if self._is_alone(register) and register in self._seen
            }
            if len(happened) > 1:
                self._fault(f"half done: {request.what}")
            self.findings.counts[
                f"unanswered requests {'that happened' if happened == {True} else 'seen'}"
            ] += 1

    def _is_alone(self, register: Register) -> bool:
        """Whether one request alone has touched the register since the last look, and it was empty."""
        gone = {removal.only_if for removal in register.repository.removals}
        return (
            len(register.changes) == 2
            and register.changes[0].value is None
            and register.changes[1].value is not None
            and not gone.intersection({register.name, register.changes[1].value})
        )

    async def _referrers(self, repository: Repository) -> None:
        """What refers to a subject is listed exactly where it is there."""
        known = self._model.known
        by_subject: dict[str, set[str]] = {}
        for digest in repository.manifests:
            subject = known[digest].subject if digest in known else None
            if subject is not None:
                by_subject.setdefault(subject, set()).add(digest)
        for subject in self._random.sample(sorted(by_subject), min(8, len(by_subject))):
            answer = await self._get(f"/v2/{repository.name}/referrers/{subject}")
            listed = {entry["digest"] for entry in json.loads(answer.body)["manifests"]}
            present = {
                digest
                for digest in by_subject[subject]
                if await self._read(repository.manifest(digest)) is not None
            }
            if listed != present:
                self._fault(f"referrers of {subject} in {repository.name}: {listed}, present are {present}")
            self.findings.counts["referrer lists verified"] += 1

    async def _session(self, session: Session) -> None:
        """An open upload goes on where it was acknowledged to stand, or is gone; what it becomes is right."""
        answer = await self._get(session.location)
        if answer.status == 404:
            # Where nothing was acknowledged but the beginning, nothing is lost: the client begins again.
            if self._promise.sessions_stay and not session.may_be_gone and 0 not in session.offsets:
                self._fault(f"the upload {session.location} is gone, it stood at {session.offsets}")
            self.findings.counts["uploads gone"] += 1
            return
        stop = int(answer.headers["range"].partition("-")[2]) + 1 if answer.status == 204 else -1
        allowed = session.offsets | (set() if self._promise.sessions_stay else session.earlier)
        if stop == 1 and {0, 1} <= allowed:
            return  # 0-0 says "nothing" as well as "one byte": a client that cannot tell begins again
        if stop == 1 and 1 not in allowed:
            stop = 0
        if stop not in allowed:
            self._fault(
                f"the upload {session.location} stands at {stop} ({answer.status}), allowed {allowed}"
            )
            return
        rest = session.content[stop:]
        if rest and self._random.random() < 0.5:
            chunk = await self._get(
                session.location, "PATCH", rest, Content_Range=f"{stop}-{len(session.content) - 1}"
            )
            if chunk.status == 202:
                rest = b""
            elif self._ended(chunk.status, session):
                return
        end = await self._get(f"{session.location}?digest={quote(session.digest)}", "PUT", rest)
        if end.status != 201:
            if not self._ended(end.status, session):
                self._fault(f"the upload {session.location} cannot be finished: {end.status} {end.body!r}")
            return
        blob = session.repository.blob(session.digest)
        self._seen.pop(blob, None)
        again = await self._get(f"/v2/{session.repository.name}/blobs/{session.digest}")
        self._seen[blob] = value_seen(blob, again)
        if self._seen[blob] != PRESENT:
            self._fault(f"the resumed upload of {session.digest} became {self._seen[blob]}")
        self.findings.counts["uploads resumed"] += 1

    def _ended(self, status: int, session: Session) -> bool:
        if status == 404 and (session.may_be_gone or not self._promise.sessions_stay):
            self.findings.counts["uploads gone"] += 1
            return True
        return False

    async def _push_something_new(self) -> None:
        """The registry goes on taking pushes, in a repository that it did not have."""
        name = f"after/crash-{self._random.getrandbits(48):x}"
        content = self._random.randbytes(5000)
        blob = Blob(digest_of(content), content)
        manifest = image(blob, [blob], note=name)
        for path, body, method in (
            (f"/v2/{name}/blobs/uploads/?digest={quote(blob.digest)}", content, "POST"),
            (f"/v2/{name}/manifests/new", manifest.content, "PUT"),
        ):
            kind = manifest.media_type if method == "PUT" else "application/octet-stream"
            answer = await self._get(path, method, body, Content_Type=kind)
            if answer.status != 201:
                self._fault(f"a new push after the restart: {method} {answer.status} {answer.body!r}")
        repository = self._model.repository(name)
        self._model.known[manifest.digest] = manifest
        repository.tag("new").observed(manifest.digest)
        repository.manifest(manifest.digest).observed(PRESENT)
        repository.blob(blob.digest).observed(PRESENT)
        pulled = await self._get(f"/v2/{name}/manifests/new")
        if pulled.body != manifest.content:
            self._fault(f"a new push after the restart is pulled as {pulled.status} {pulled.body[:100]!r}")

    def _fault(self, what: str) -> None:
        self.findings.failures.append(what)


class Disk:
    """The data folder looked at directly: no file under `blobs` has other bytes than its name says."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._verified: dict[Path, tuple[int, int]] = {}

    def check_files(self) -> Findings:
        """Right after the crash, before any server has had a chance to mend something."""
        findings = Findings()
        for path in (self._data / "blobs").rglob("*"):
            if path.is_dir():
                continue
            status = path.stat()
            state = (status.st_mtime_ns, status.st_size)
            if self._verified.get(path) == state:
                continue
            algorithm = path.parent.parent.name
            if hashlib.new(algorithm, path.read_bytes()).hexdigest() != path.name:
                findings.failures.append(f"the file {path} has other bytes than its name says")
            self._verified[path] = state
            findings.counts["blob files verified"] += 1
        return findings

    def check_database(self) -> Findings:
        """SQLite finds its file whole, and each blob's row has its file."""
        findings = Findings()
        connection = sqlite3.connect(f"file:{self._data / 'wherry.db'}?mode=ro", uri=True)
        try:
            for pragma in ("integrity_check", "foreign_key_check"):
                rows = [row for row in connection.execute(f"PRAGMA {pragma}") if row != ("ok",)]
                if rows:
                    findings.failures.append(f"PRAGMA {pragma}: {rows[:5]}")
            known = {row[0] for row in connection.execute("SELECT id FROM uploads")}
            left = [path for path in (self._data / "uploads").iterdir() if path.name not in known]
            findings.counts["staged files without a session"] += len(left)
            for digest, size, location in connection.execute("SELECT digest, size, location FROM blobs"):
                file = self._data / "blobs" / location
                if not file.is_file() or file.stat().st_size != size:
                    findings.failures.append(f"the row of {digest} has no file of {size} bytes")
        finally:
            connection.close()
        findings.counts["database checks"] += 1
        return findings
