"""The load: clients that push, mount, delete and pull side by side, and tell the model what they hear."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from random import Random
from urllib.parse import quote, urlsplit

from tests.durability.content import Blob, KiB, Manifest, MiB, digest_of, image, index, random_blob
from tests.durability.model import PRESENT, Register, Repository, Request, Session
from tests.durability.wire import Answer, Connection, Hung, Lost, Phase
from tests.durability.world import World, value_seen

REPOSITORIES = ("acme/web", "acme/api", "team/tools")
CONTENDED_TAGS = ("latest", "stable", "edge")
MAX_OPEN_SESSIONS = 8

Aim = Callable[[str, Phase], None]


class Stop(Exception):
    """The server is gone; the client has nothing left to do."""


class Client:
    """One client with its own connection and its own random choices."""

    def __init__(self, world: World, connect: Callable[[], Connection], random: Random, aim: Aim) -> None:
        self.world = world
        self.model = world.model
        self.random = random
        self._connect = connect
        self._connection = connect()
        self._aim = aim

    async def work(self) -> None:
        """One operation after the other until the server is gone."""
        names, weights = zip(*_OPERATIONS.items(), strict=True)
        try:
            while not self.world.down:
                operation = self.random.choices(names, weights)[0]
                await getattr(self, operation)()
        except Stop:
            pass
        finally:
            self._connection.close()

    # Pushing

    async def push_image(self) -> None:
        repository = self._repository()
        blobs = [self._blob() for _ in range(self.random.randint(2, 4))]
        for blob in blobs:
            if not await self.push_blob(repository, blob):
                return
        subject = None
        if self.random.random() < 0.15:
            subject = self._known_manifest(repository)
        manifest = image(blobs[0], blobs[1:], note=self._name("image"), subject=subject)
        await self.push_manifest(repository, manifest)

    async def push_index(self) -> None:
        repository = self._repository()
        children = [self._known_manifest(repository) for _ in range(2)]
        found = [child for child in children if child is not None]
        if found:
            await self.push_manifest(repository, index(found, note=self._name("index")))

    async def push_again(self) -> None:
        """A manifest that is there already, under a tag that others write to as well."""
        repository = self._repository()
        manifest = self._known_manifest(repository)
        if manifest is not None:
            await self.push_manifest(repository, manifest)

    async def push_side_by_side(self) -> None:
        """The same bytes from several clients at once, into one repository or several."""
        blob = Blob(digest_of(content := self.random.randbytes(self.random.randint(1, MiB))), content)
        clients = [
            Client(self.world, self._connect, Random(self.random.random()), self._aim) for _ in range(3)
        ]
        one = self._repository()
        try:
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    where = one if self.random.random() < 0.6 else self._repository()
                    group.create_task(client.push_blob(where, blob))
        except* Stop:
            raise Stop from None
        finally:
            for client in clients:
                client._connection.close()

    async def push_blob(self, repository: Repository, blob: Blob) -> bool:
        self.world.remember(blob)
        if self.random.random() < 0.3 and repository.blob(blob.digest).settled == PRESENT:
            return True  # as clients do that asked with HEAD first
        register = repository.blob(blob.digest)
        method = self.random.choice(("post", "put", "chunks"))
        if method == "post":
            request = self.model.sent(f"post {blob.digest}", (register, PRESENT))
            path = f"/v2/{repository.name}/blobs/uploads/?digest={quote(blob.digest)}"
            return await self._change("post whole blob", request, "POST", path, _pieces(blob.content), ok=201)
        session = await self._start(repository, blob)
        if session is None:
            return False
        if method == "chunks":
            cuts = sorted(self.random.sample(range(len(blob.content) + 1), min(2, len(blob.content))))
            for start, stop in itertools.pairwise([0, *cuts]):
                if stop > start and not await self._append(session, start, stop):
                    return False
        return await self._finish(session)

    async def push_manifest(self, repository: Repository, manifest: Manifest) -> bool:
        """By digest, by a tag, or by digest with several tags."""
        self.model.known[manifest.digest] = manifest
        kind = "push manifest by digest" if not manifest.children else "push index by digest"
        tags, reference, query = [], manifest.digest, ""
        form = self.random.random()
        if form < 0.55:
            reference = self._tag_name()
            tags = [reference]
            kind = "push index by tag" if manifest.children else "push manifest by tag"
        elif form < 0.8:
            tags = list({self._tag_name() for _ in range(self.random.randint(2, 5))})
            query = "?" + "&".join(f"tag={tag}" for tag in tags)
            kind = "push manifest with several tags"
        effects = [(repository.tag(tag), manifest.digest) for tag in tags]
        request = self.model.sent(
            f"{kind} {manifest.digest} {tags}",
            (repository.manifest(manifest.digest), PRESENT),
            *effects,
        )
        needs = [repository.blob(digest) for digest in manifest.blobs]
        needs += [repository.manifest(digest) for digest in manifest.children]
        path = f"/v2/{repository.name}/manifests/{reference}{query}"
        return await self._change(
            kind,
            request,
            "PUT",
            path,
            [manifest.content],
            ok=201,
            needs=needs,
            content_type=manifest.media_type,
        )

    async def mount(self) -> None:
        source, digest = self._known_blob()
        if source is None:
            return
        target = (
            self._repository()
            if self.random.random() < 0.5
            else self.model.repository(self._name("mounts/m"))
        )
        path = f"/v2/{target.name}/blobs/uploads/?mount={quote(digest)}"
        if self.random.random() < 0.8:
            path += f"&from={source.name}"
        request = self.model.sent(f"mount {digest}", (target.blob(digest), PRESENT))
        begun = self.model.now()
        answer = await self._send("mount", "POST", path)
        if answer.status == 202:  # not there to be mounted: a session was begun instead
            self.model.refused(request)
            if None not in source.blob(digest).possible(begun, self.model.now()):
                self._fault(f"mount of {digest} from {source.name} was not done although it has the blob")
            await self._send("cancel", "DELETE", _path(answer.headers["location"]))
            return
        self._judge("mount", request, answer, ok=201)

    # Sessions

    async def leave_session(self) -> None:
        """Begin an upload, send a part of it, and leave it for after the restart."""
        if len(self.model.sessions) >= MAX_OPEN_SESSIONS:
            return
        content = self.random.randbytes(self.random.randint(2, 200 * KiB))
        session = await self._start(self._repository(), Blob(digest_of(content), content))
        if session is not None and self.random.random() < 0.8:
            await self._append(session, 0, self.random.randint(1, len(content) - 1))

    async def cancel_session(self) -> None:
        content = self.random.randbytes(100)
        session = await self._start(self._repository(), Blob(digest_of(content), content))
        if session is None or not await self._append(session, 0, 50):
            return
        session.may_be_gone = True
        answer = await self._send("cancel", "DELETE", session.location)
        if answer.status == 204:
            self.model.sessions.remove(session)
        else:
            self._unexpected("cancel", answer)

    async def _start(self, repository: Repository, blob: Blob) -> Session | None:
        answer = await self._send("start upload", "POST", f"/v2/{repository.name}/blobs/uploads/")
        if answer.status != 202:
            self._unexpected("start upload", answer)
            return None
        self.world.counts["start upload"] += 1
        session = Session(repository, _path(answer.headers["location"]), blob.content, blob.digest, {0})
        self.model.sessions.append(session)
        return session

    async def _append(self, session: Session, start: int, stop: int) -> bool:
        session.offsets |= {stop}
        headers = {"Content-Range": f"{start}-{stop - 1}", "Content-Type": "application/octet-stream"}
        answer = await self._send(
            "append chunk", "PATCH", session.location, _pieces(session.content[start:stop]), headers
        )
        if answer.status == 202:
            session.earlier.add(start)
            session.offsets = {stop}
            self.world.counts["append chunk"] += 1
            return True
        if self._says_that_nothing_happened(answer):
            session.offsets = {start}
        self._unexpected("append chunk", answer)
        return False

    async def _finish(self, session: Session) -> bool:
        register = session.repository.blob(session.digest)
        request = self.model.sent(f"finish {session.digest}", (register, PRESENT))
        rest = session.content[max(session.offsets) :]
        session.may_be_gone = True
        path = f"{session.location}?digest={quote(session.digest)}"
        kind = (
            "finish upload"
            if not rest
            else "put blob"
            if len(rest) == len(session.content)
            else "put last chunk"
        )
        done = await self._change(kind, request, "PUT", path, _pieces(rest), ok=201)
        if done:
            self.model.sessions.remove(session)
        else:
            session.offsets.add(len(session.content))  # the last bytes may be here, only the end was refused
        return done

    # Deleting

    async def delete_tag(self) -> None:
        repository = self._repository()
        register = self._pick(repository.tags)
        if register is not None:
            request = self.model.sent(f"delete tag {register.name}", (register, None))
            path = f"/v2/{repository.name}/manifests/{register.name}"
            await self._change("delete tag", request, "DELETE", path, ok=202, absent=register)

    async def delete_manifest(self) -> None:
        repository = self._repository()
        register = self._pick(repository.manifests)
        if register is not None:
            request = self.model.sent_removal(repository, register.name)
            path = f"/v2/{repository.name}/manifests/{register.name}"
            await self._change("delete manifest", request, "DELETE", path, ok=202, absent=register)

    async def delete_blob(self) -> None:
        repository = self._repository()
        register = self._pick(repository.blobs)
        if register is not None:
            request = self.model.sent(f"delete blob {register.name}", (register, None))
            path = f"/v2/{repository.name}/blobs/{register.name}"
            await self._change("delete blob", request, "DELETE", path, ok=202, absent=register)

    # Pulling

    async def pull(self) -> None:
        """What is read while others write must be one of the values that may be there."""
        repository = self._repository()
        kind = self.random.choice(("tags", "manifests", "blobs"))
        register = self._pick(
            {"tags": repository.tags, "manifests": repository.manifests, "blobs": repository.blobs}[kind]
        )
        if register is None:
            return
        begun = self.model.now()
        place = "blobs" if kind == "blobs" else "manifests"
        answer = await self._send("pull", "GET", f"/v2/{repository.name}/{place}/{register.name}")
        ended = self.model.now()
        value = value_seen(register, answer)
        if value not in register.possible(begun, ended):
            self._fault(
                f"GET {repository.name} {register.kind} {register.name} gave {value or answer.status}, "
                f"possible is {register.possible(begun, ended)}"
            )
        self.world.counts["pull"] += 1

    # Sending and judging

    async def _change(
        self,
        kind: str,
        request: Request,
        method: str,
        path: str,
        body: Sequence[bytes] = (),
        *,
        ok: int,
        needs: Sequence[Register] = (),
        absent: Register | None = None,
        content_type: str = "application/octet-stream",
    ) -> bool:
        begun = self.model.now()
        answer = await self._send(kind, method, path, body, {"Content-Type": content_type} if body else {})
        ended = self.model.now()
        if answer.status == 400 and needs and not any(None in need.possible(begun, ended) for need in needs):
            self._fault(f"{request.what}: refused although all that it needs is there: {answer.body!r}")
        if answer.status == 404 and absent is not None and None not in absent.possible(begun, ended):
            self._fault(f"{request.what}: unknown although it is there: {answer.body!r}")
        return self._judge(kind, request, answer, ok)

    def _judge(self, kind: str, request: Request, answer: Answer, ok: int) -> bool:
        if answer.status == ok:
            self.model.acknowledged(request)
            self.world.counts[kind] += 1
            return True
        if self._says_that_nothing_happened(answer):
            self.model.refused(request)
        self._unexpected(kind, answer)
        return False

    async def _send(
        self,
        kind: str,
        method: str,
        path: str,
        body: Sequence[bytes] = (),
        headers: dict[str, str] | None = None,
    ) -> Answer:
        try:
            return await self._connection.request(
                method, path, body, headers, lambda phase: self._aim(kind, phase)
            )
        except Hung as hung:
            self._fault(str(hung))
            raise Stop from hung
        except Lost as lost:
            if not self.world.down:
                self._fault(f"no answer from a server that was not killed: {lost}")
            raise Stop from lost

    def _says_that_nothing_happened(self, answer: Answer) -> bool:
        """A refusal, or a full disk; on a disk whose power is gone even that is only a guess."""
        return answer.status < 500 or (answer.status == 507 and not self.world.down)

    def _unexpected(self, kind: str, answer: Answer) -> None:
        self.world.refused[f"{kind}: {answer.status}"] += 1
        if answer.status == 507 and self.world.may_be_full:
            return
        if answer.status >= 500 and not self.world.down:
            self._fault(f"{kind} was answered {answer.status}: {answer.body[:300]!r}")

    def _fault(self, what: str) -> None:
        self.world.failures.append(f"during the load: {what}")

    # Choosing

    def _repository(self) -> Repository:
        return self.model.repository(self.random.choice(REPOSITORIES))

    def _blob(self) -> Blob:
        if self.world.blobs and self.random.random() < 0.3:
            return self.world.blobs[self.random.choice(list(self.world.blobs))]
        return random_blob(self.random)

    def _name(self, stem: str) -> str:
        return f"{stem}-{next(self.world.numbers)}"

    def _tag_name(self) -> str:
        return self.random.choice(CONTENDED_TAGS) if self.random.random() < 0.4 else self._name("v")

    def _pick(self, registers: dict[str, Register]) -> Register | None:
        names = list(registers)
        # The newest are the ones that other requests are about.
        recent = names[-20:] if self.random.random() < 0.6 else names
        return registers[self.random.choice(recent)] if recent else None

    def _known_manifest(self, repository: Repository) -> Manifest | None:
        register = self._pick({n: r for n, r in repository.manifests.items() if r.settled == PRESENT})
        return None if register is None else self.model.known[register.name]

    def _known_blob(self) -> tuple[Repository | None, str]:
        repository = self._repository()
        register = self._pick(repository.blobs)
        return (None, "") if register is None or register.settled != PRESENT else (repository, register.name)


_OPERATIONS = {
    "push_image": 34,
    "push_index": 6,
    "push_again": 8,
    "push_side_by_side": 4,
    "mount": 8,
    "leave_session": 3,
    "cancel_session": 2,
    "delete_tag": 8,
    "delete_manifest": 7,
    "delete_blob": 7,
    "pull": 20,
}

CHANGES = (
    "post whole blob",
    "start upload",
    "append chunk",
    "finish upload",
    "put blob",
    "put last chunk",
    "push manifest by digest",
    "push manifest by tag",
    "push manifest with several tags",
    "push index by tag",
    "mount",
    "cancel",
    "delete tag",
    "delete manifest",
    "delete blob",
)
WITH_BODY = ("post", "append", "put", "push")


def _pieces(content: bytes) -> list[bytes]:
    return [content[start : start + 64 * KiB] for start in range(0, len(content), 64 * KiB)]


def _path(location: str) -> str:
    return urlsplit(location).path
