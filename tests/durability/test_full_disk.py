"""A full disk: a clear answer in the OCI form, nothing lost, reads go on, and the same push works later."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import quote, urlsplit

import pytest
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import text

from engines.servers import ServerFailed, Wherry
from engines.servers.wherry import start_wherry
from tests.durability.check import Check, Disk, Promise
from tests.durability.content import Blob, Manifest, digest_of, image
from tests.durability.crash import connect
from tests.durability.load import Client
from tests.durability.seeds import new_seed
from tests.durability.small_disk import KiB, MiB, SmallDisk, why_not
from tests.durability.wire import Answer, Connection
from tests.durability.world import World
from wherry.db.database import Database
from wherry.db.errors import DatabaseFull

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

NAME = "acme/full"


@dataclass
class Place:
    """A registry whose data, blobs or database are on a small disk."""

    disk: SmallDisk
    data: Path
    settings: dict[str, str]
    blobs_on_it: bool
    database_on_it: bool
    runs_out_of: str
    server: Wherry | None = None

    def start(self) -> Wherry:
        # The log must not be what fills the disk, or what is missing when it is full.
        log = self.disk.path.parent / "server.log"
        self.server = start_wherry(self.data, settings=self.settings, log=log)
        return self.server

    def fill(self) -> None:
        if self.runs_out_of == "bytes":
            self.disk.fill_bytes()
        else:
            self.disk.fill_inodes()

    def connect(self) -> Connection:
        assert self.server is not None
        return Connection(self.server.host, self.server.username, self.server.password)


WAYS = [(where, what) for where in ("everything", "blobs", "database") for what in ("bytes", "inodes")]
ON_EXT4 = [("everything", "bytes", "ext4"), ("everything", "inodes", "ext4")]
NO_ROOM_FOR_BLOBS = [("everything", "bytes"), ("blobs", "bytes")]


def on(ways: Sequence[tuple[str, ...]]) -> pytest.MarkDecorator:
    """What is on the small disk, and what it runs out of."""
    return pytest.mark.parametrize("place", ways, indirect=True, ids="-".join)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    where, runs_out_of, *kind = request.param
    with ExitStack() as stack:
        disk = stack.enter_context(SmallDisk(tmp_path / "small", ext4="ext4" in kind))
        roomy = tmp_path / "roomy"
        roomy.mkdir()
        data = roomy / "data" if where == "database" else disk.path / "data"
        database = roomy if where == "blobs" else disk.path
        settings = (
            {} if where == "everything" else {"WHERRY_DATABASE_URL": f"sqlite:///{database}/metadata.db"}
        )
        place = Place(disk, data, settings, where != "database", where != "blobs", runs_out_of)
        place.start()
        yield place
        if place.server is not None:
            place.server.process.stop()


@pytest.fixture
def seeded() -> Random:
    return Random(20261123)


def blob_of(seeded: Random, size: int) -> Blob:
    content = seeded.randbytes(size)
    return Blob(digest_of(content), content)


async def push_blob(connection: Connection, blob: Blob, *, at_once: bool) -> Answer:
    """Up to the first answer that is not a success."""
    pieces = [blob.content[start : start + 64 * KiB] for start in range(0, len(blob.content), 64 * KiB)]
    if at_once:
        return await connection.request(
            "POST", f"/v2/{NAME}/blobs/uploads/?digest={quote(blob.digest)}", pieces
        )
    started = await connection.request("POST", f"/v2/{NAME}/blobs/uploads/")
    if started.status != 202:
        return started
    path = urlsplit(started.headers["location"]).path
    return await connection.request("PUT", f"{path}?digest={quote(blob.digest)}", pieces)


async def push_manifest(connection: Connection, manifest: Manifest, tag: str) -> Answer:
    headers = {"Content-Type": manifest.media_type}
    return await connection.request("PUT", f"/v2/{NAME}/manifests/{tag}", [manifest.content], headers)


async def push_image(connection: Connection, seeded: Random, tag: str) -> tuple[Manifest, list[Blob]]:
    """All of it must succeed."""
    blobs = [blob_of(seeded, size) for size in (600, 40 * KiB, 300 * KiB)]
    for blob in blobs:
        assert (await push_blob(connection, blob, at_once=True)).status == 201
    manifest = image(blobs[0], blobs[1:], note=tag)
    assert (await push_manifest(connection, manifest, tag)).status == 201
    return manifest, blobs


async def assert_pulls(connection: Connection, manifest: Manifest, blobs: list[Blob], tag: str) -> None:
    """Also while the disk is full."""
    for reference in (tag, manifest.digest):
        pulled = await connection.request("GET", f"/v2/{NAME}/manifests/{reference}")
        assert (pulled.status, pulled.body) == (200, manifest.content)
    for blob in blobs:
        pulled = await connection.request("GET", f"/v2/{NAME}/blobs/{blob.digest}")
        assert (pulled.status, pulled.body) == (200, blob.content)
    listed = await connection.request("GET", f"/v2/{NAME}/tags/list")
    assert tag in json.loads(listed.body)["tags"]


def is_clear_refusal(answer: Answer) -> bool:
    """507 with one error in the OCI envelope that says what is the matter."""
    if answer.status != 507:
        return False
    (error,) = json.loads(answer.body)["errors"]
    return error["code"] == "UNAVAILABLE" and "no room" in error["message"]


def assert_done_or_refused(answer: Answer, *done: int) -> None:
    assert answer.status in done or is_clear_refusal(answer), (answer.status, answer.body[:300])


def large_manifest(blobs: list[Blob]) -> Manifest:
    return image(blobs[0], blobs[1:], note="n" * (3 * MiB))


@on([*WAYS, *ON_EXT4])
async def test_a_full_disk_refuses_clearly_and_the_same_push_works_once_there_is_room(
    place: Place, seeded: Random
) -> None:
    connection = place.connect()
    before = await push_image(connection, seeded, "before")
    session = await connection.request("POST", f"/v2/{NAME}/blobs/uploads/")
    upload = urlsplit(session.headers["location"]).path
    chunked = blob_of(seeded, 3 * MiB)
    first = await connection.request(
        "PATCH", upload, [chunked.content[:MiB]], {"Content-Range": f"0-{MiB - 1}"}
    )
    assert first.status == 202

    place.fill()

    small, large = blob_of(seeded, 30 * KiB), blob_of(seeded, 5 * MiB)
    answers = [
        await push_blob(connection, blob, at_once=once) for blob in (small, large) for once in (True, False)
    ]
    for answer in answers:
        assert_done_or_refused(answer, 201)
    patched = await connection.request(
        "PATCH", upload, [chunked.content[MiB:]], {"Content-Range": f"{MiB}-{3 * MiB - 1}"}
    )
    assert_done_or_refused(patched, 202)
    started = await connection.request("POST", f"/v2/{NAME}/blobs/uploads/")
    assert_done_or_refused(started, 202)
    manifest = large_manifest(before[1])
    kept = await push_manifest(connection, manifest, "large")
    assert_done_or_refused(kept, 201)
    if place.blobs_on_it:
        assert is_clear_refusal(answers[0]), "a blob has no place on a full disk"
        assert is_clear_refusal(answers[2])
        assert place.runs_out_of == "inodes" or is_clear_refusal(patched)
    if place.database_on_it and place.runs_out_of == "bytes":
        assert is_clear_refusal(kept), "a manifest of megabytes has no place in a database on a full disk"

    await assert_pulls(connection, *before, "before")
    ready = await connection.request("GET", "/readyz")
    assert ready.status == 200, "a full registry still serves"
    if kept.status != 201:
        unseen = await connection.request("GET", f"/v2/{NAME}/manifests/large")
        assert unseen.status == 404, "what was refused is not visible"

    place.disk.make_room()

    for blob in (small, large):
        for at_once in (True, False):
            assert (await push_blob(connection, blob, at_once=at_once)).status == 201
    status = await connection.request("GET", upload)
    assert status.status == 204
    stop = int(status.headers["range"].partition("-")[2]) + 1
    assert stop == (3 * MiB if patched.status == 202 else MiB), "the session stands where it was acknowledged"
    finished = await connection.request(
        "PUT", f"{upload}?digest={quote(chunked.digest)}", [chunked.content[stop:]] if stop < 3 * MiB else []
    )
    assert finished.status == 201
    assert (await push_manifest(connection, manifest, "large")).status == 201
    await assert_pulls(connection, manifest, [*before[1], chunked, small, large], "large")
    await assert_pulls(connection, *before, "before")
    connection.close()


def run(statement: str, tx: SqlConnection) -> None:
    tx.execute(text(statement))


async def test_writes_that_share_a_commit_are_all_told_that_the_disk_is_full(tmp_path: Path) -> None:
    """SQLite ends the transaction of all when one does not fit; none of them is told of another trouble."""
    with SmallDisk(tmp_path / "small") as disk:
        database = Database(f"sqlite:///{disk.path / 'metadata.db'}")
        insert = "INSERT INTO pushes VALUES (zeroblob({}))"
        try:
            await database.write(partial(run, "CREATE TABLE pushes (content BLOB)"))
            disk.fill_bytes(leave=MiB)
            # While the first is at work the others gather, and are committed together. The large one is
            # larger than SQLite's cache: it meets the full disk in its statement, not at the commit.
            works: list[Callable[[SqlConnection], None]] = [lambda tx: time.sleep(0.3)]
            works += [partial(run, insert.format(size)) for size in (10, 30 * MiB, 10)]
            results = await asyncio.gather(*map(database.write, works), return_exceptions=True)
            assert [type(result) for result in results[1:]] == [DatabaseFull] * 3
            disk.make_room()
            await database.write(works[2])
            kept = await database.read(
                lambda tx: tx.execute(text("SELECT count(*) FROM pushes")).scalar_one()
            )
            assert kept == 1
        finally:
            database.close()


@on([*NO_ROOM_FOR_BLOBS, *ON_EXT4[:1]])
async def test_room_that_ends_in_the_middle_of_a_body_is_answered_and_given_back(
    place: Place, seeded: Random
) -> None:
    connection = place.connect()
    before = await push_image(connection, seeded, "before")
    place.disk.fill_bytes(leave=9 * MiB)
    large = blob_of(seeded, 20 * MiB)
    for at_once in (True, False):
        assert is_clear_refusal(await push_blob(connection, large, at_once=at_once))
        assert place.disk.free_bytes > 7 * MiB, "the room of a refused blob is given back"
    await assert_pulls(connection, *before, "before")
    small = blob_of(seeded, MiB)
    assert (await push_blob(connection, small, at_once=True)).status == 201, "what fits is still taken"
    connection.close()


@on(NO_ROOM_FOR_BLOBS[:1])
async def test_a_client_that_sends_all_of_its_body_first_still_gets_the_answer(
    place: Place, seeded: Random
) -> None:
    """Most clients do not read before they have sent everything: the server must not break off under them."""
    assert place.server is not None
    place.disk.fill_bytes(leave=4 * MiB)
    content = seeded.randbytes(30 * MiB)
    plain = http.client.HTTPConnection(place.server.host, timeout=30)
    credentials = b64encode(f"{place.server.username}:{place.server.password}".encode()).decode()
    path = f"/v2/{NAME}/blobs/uploads/?digest={quote(digest_of(content))}"
    plain.request("POST", path, content, {"Authorization": f"Basic {credentials}"})
    response = plain.getresponse()
    assert is_clear_refusal(Answer(response.status, dict(response.getheaders()), response.read()))
    plain.close()


@on([*WAYS, *ON_EXT4])
async def test_a_server_that_was_full_and_is_killed_starts_again_with_everything(
    place: Place, seeded: Random
) -> None:
    connection = place.connect()
    before = await push_image(connection, seeded, "before")
    place.fill()
    large = blob_of(seeded, 5 * MiB)
    assert_done_or_refused(await push_blob(connection, large, at_once=False), 201)
    assert_done_or_refused(await push_manifest(connection, large_manifest(before[1]), "large"), 201)
    connection.close()
    assert place.server is not None
    place.server.process.kill()

    said = start_on_full(place)
    if said is None:
        # It started: then it serves what it has.
        connection = place.connect()
        await assert_pulls(connection, *before, "before")
        connection.close()
        place.server.process.kill()
    else:
        assert_clear(said)

    place.disk.make_room()
    place.start()
    connection = place.connect()
    await assert_pulls(connection, *before, "before")
    assert (await push_blob(connection, large, at_once=False)).status == 201
    connection.close()


def start_on_full(place: Place) -> str | None:
    """None where the server started; else what it said before it ended."""
    try:
        place.start()
    except ServerFailed as failed:
        place.server = None
        said = str(failed)
        assert "ended with" in said, f"neither started nor ended: {said}"
        assert "ended with 0" not in said, said
        return said
    return None


def assert_clear(said: str) -> None:
    """The last thing on the screen is one line that a person can act on."""
    assert "Traceback" not in said, said
    last = said.splitlines()[-1].lower()
    assert "room" in last or "space" in last, said


async def test_a_first_start_on_a_full_disk_says_what_is_the_matter(tmp_path: Path) -> None:
    for fill in ("bytes", "inodes"):
        with SmallDisk(tmp_path / fill, size=4 * MiB, inodes=300) as disk:
            getattr(disk, f"fill_{fill}")()
            data = disk.path / "data"
            place = Place(disk, data, {}, True, True, fill)
            said = start_on_full(place)
            assert said is not None, "there is no room for a data folder"
            assert_clear(said)


async def more(count: Callable[[], int], wanted: int) -> None:
    """Return once it has grown by as many as are wanted."""
    enough = count() + wanted
    async with asyncio.timeout(90):
        while count() < enough:  # noqa: ASYNC110 (what is counted knows no events)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("ext4", [False, True], ids=["tmpfs", "ext4"])
async def test_a_disk_that_fills_up_under_load_loses_nothing(tmp_path: Path, ext4: bool) -> None:
    """Room comes and goes three times while many clients push and delete; then the server is killed."""
    seed = new_seed()
    print(f"seed {seed}")
    with SmallDisk(tmp_path / "small", size=160 * MiB, inodes=8000, ext4=ext4) as disk:
        log, data = tmp_path / "server.log", disk.path / "data"
        server = start_wherry(data, log=log)
        try:
            world = World(may_be_full=True)
            clients = [
                Client(world, lambda: connect(server), Random(f"{seed}/{number}"), lambda kind, phase: None)
                for number in range(6)
            ]
            work = [asyncio.create_task(client.work()) for client in clients]
            for fill in (disk.fill_bytes, disk.fill_inodes, disk.fill_bytes):
                await more(lambda: sum(world.counts.values()), 60)
                await asyncio.to_thread(fill)
                await more(lambda: world.refused_for_want_of_room, 8)
                disk.make_room()
            await more(lambda: sum(world.counts.values()), 60)
            world.down = True
            await asyncio.gather(*work)
            server.process.kill()
            on_disk = Disk(data)
            failures = world.failures + on_disk.check_files().failures
            server = start_wherry(data, log=log)
            check = Check(world.model, lambda: connect(server), Random(seed), Promise())
            found = await check.run(everything=True)
            failures += found.failures + on_disk.check_database().failures
        finally:
            server.process.kill()
    assert failures == []
    assert found.counts["blobs verified"] > 20
