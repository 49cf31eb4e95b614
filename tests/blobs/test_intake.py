"""Whatever happens to an upload, its blob is the bytes that were acknowledged, or there is no blob."""

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.blobs.bodies import ClientGone, KiB, MiB, body, content, pieces, read
from wherry.blobs import (
    BlobStore,
    DigestMismatch,
    Intake,
    Staged,
    StagedBytesMissing,
    StoreOptions,
    UploadInterrupted,
    open_store,
)
from wherry.blobs.drivers.memory import MemoryStore
from wherry.oci.digests import Algorithm, Digest


@pytest.fixture(scope="module", params=["filesystem", "memory"])
def one_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BlobStore:
    """For all examples of a property: none of them can tell what the others have put there."""
    return open_store(request.param, StoreOptions(root=tmp_path_factory.mktemp("store")))


@settings(max_examples=60, deadline=None)
@given(
    appends=st.lists(st.lists(st.binary(max_size=300), max_size=6), max_size=6),
    restarts=st.sets(st.integers(0, 6)),
    interruptions=st.sets(st.integers(0, 6)),
    algorithm=st.sampled_from(Algorithm),
)
def test_any_split_of_any_bytes_gives_the_same_blob(
    one_store: BlobStore,
    appends: list[list[bytes]],
    restarts: set[int],
    interruptions: set[int],
    algorithm: Algorithm,
):
    async def scenario() -> None:
        intake = Intake(one_store)
        staged = intake.begin(uuid.uuid4().hex)
        for number, chunks in enumerate(appends):
            if number in restarts:
                intake = Intake(one_store)
            before = staged.received
            if number in interruptions:
                with pytest.raises(UploadInterrupted) as caught:
                    await intake.append(staged, body(b"".join(chunks), 100, then=ClientGone()))
                staged = caught.value.staged
            else:
                staged = await intake.append(staged, pieces(chunks))
            assert staged.received == before + sum(map(len, chunks))
        if len(appends) in restarts:
            intake = Intake(one_store)
        data = b"".join(map(b"".join, appends))
        with pytest.raises(DigestMismatch):
            await intake.finish(staged, Digest.of(data + b"!", algorithm))
        blob = await intake.finish(staged, Digest.of(data, algorithm))
        assert await read(one_store, blob.location) == data

    asyncio.run(scenario())


class AnUpload(RuleBasedStateMachine):
    """A registry keeps the last `Staged` it committed; processes die, clients hang up, stale writers come."""

    driver = "filesystem"

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.store = open_store(self.driver, StoreOptions(root=self.root))
        self.intakes = [Intake(self.store), Intake(self.store)]
        self.blobs: dict[str, bytes] = {}
        self.uploads = 0
        self.new_upload()

    def new_upload(self) -> None:
        self.uploads += 1
        self.staged = Staged(f"u{self.uploads}")
        self.known = b""
        self.history: list[tuple[Staged, bytes]] = [(self.staged, b"")]
        self.disturbed = False

    def run(self, work: Awaitable[Staged | None]) -> Staged | None:
        return self.loop.run_until_complete(asyncio.wait_for(work, 30))

    @rule(
        process=st.integers(0, 1),
        data=st.binary(max_size=2000),
        algorithm=st.sampled_from(Algorithm),
        gone=st.booleans(),
    )
    def append(self, process: int, data: bytes, algorithm: Algorithm, gone: bool) -> None:
        then = ClientGone() if gone else None
        try:
            staged = self.run(
                self.intakes[process].append(self.staged, body(data, 333, then=then), algorithm=algorithm)
            )
        except UploadInterrupted as interrupted:
            staged = interrupted.staged
        except StagedBytesMissing:
            assert self.disturbed
            self.new_upload()
            return
        assert staged is not None
        self.staged, self.known = staged, self.known + data
        self.history.append((staged, self.known))

    @rule(process=st.integers(0, 1), data=st.binary(max_size=2000), pick=st.integers(0, 50))
    def stale_append_that_loses_the_commit(self, process: int, data: bytes, pick: int) -> None:
        stale, _ = self.history[pick % len(self.history)]
        try:
            self.run(self.intakes[process].append(stale, body(data, 333)))
        except StagedBytesMissing:
            assert self.disturbed
        self.disturbed = True

    @rule(process=st.integers(0, 1))
    def process_restarts(self, process: int) -> None:
        self.intakes[process] = Intake(self.store)

    @precondition(lambda self: self.driver == "filesystem")
    @rule(data=st.binary(min_size=1, max_size=100))
    def killed_writer_leaves_bytes(self, data: bytes) -> None:
        path = self.root / "uploads" / self.staged.upload
        if path.exists():
            with path.open("ab") as file:
                file.write(data)

    @rule(process=st.integers(0, 1), algorithm=st.sampled_from(Algorithm))
    def finish(self, process: int, algorithm: Algorithm) -> None:
        intake = self.intakes[process]
        digest = Digest.of(self.known, algorithm)

        async def finishing() -> None:
            blob = await intake.finish(self.staged, digest)
            await intake.discard(self.staged, keep=blob)
            self.blobs[blob.location] = self.known

        try:
            self.run(finishing())
        except (DigestMismatch, StagedBytesMissing):
            assert self.disturbed
            self.run(intake.discard(self.staged))
        self.new_upload()

    @rule(process=st.integers(0, 1))
    def finish_as_something_else(self, process: int) -> None:
        with pytest.raises((DigestMismatch, StagedBytesMissing)):
            self.run(self.intakes[process].finish(self.staged, Digest.of(self.known + b"x")))  # type: ignore[arg-type]

    @invariant()
    def every_blob_is_what_it_was(self) -> None:
        for location, data in self.blobs.items():
            assert self.loop.run_until_complete(read(self.store, location)) == data

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.run_until_complete(self.store.close())
            self.loop.close()
            self.folder.cleanup()


class AnUploadInMemory(AnUpload):
    driver = "memory"


TestAnUpload = AnUpload.TestCase
TestAnUpload.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnUploadInMemory = AnUploadInMemory.TestCase
TestAnUploadInMemory.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


async def test_what_is_remembered_is_bounded_and_forgetting_costs_only_time():
    store = MemoryStore()
    intake = Intake(store, remembered=2)
    uploads = [await intake.append(intake.begin(f"u{number}"), body(b"x%d" % number)) for number in range(5)]
    assert len(intake._hashed) == 2
    for number, staged in enumerate(uploads):
        blob = await intake.finish(staged, Digest.of(b"x%d" % number))
        assert await read(store, blob.location) == b"x%d" % number
    assert len(intake._finished) == 2


async def test_the_wrong_digest_is_found_without_touching_the_store(monkeypatch: pytest.MonkeyPatch):
    store = MemoryStore()
    intake = Intake(store)
    staged = await intake.append(intake.begin("u"), body(b"x"))

    async def refuse(*_: object, **__: object) -> str:
        raise AssertionError("asked the store")

    monkeypatch.setattr(store, "promote", refuse)
    with pytest.raises(DigestMismatch):
        await intake.finish(staged, Digest.of(b"y"))


@pytest.mark.parametrize("driver", ["filesystem", "memory"])
async def test_a_hundred_uploads_at_once(driver: str, tmp_path: Path):
    store = open_store(driver, StoreOptions(root=tmp_path))
    intake = Intake(store)

    async def push(number: int) -> None:
        data = content(number * 61 * KiB if number % 10 else 4 * MiB, seed=number)
        staged = await intake.append(intake.begin(f"u{number}"), body(data, 50 * KiB))
        blob = await intake.finish(staged, Digest.of(data))
        assert await read(store, blob.location) == data

    await asyncio.gather(*map(push, range(100)))
    await store.close()


def test_a_staged_is_made_of_json_types():
    staged = Staged("u", 3, ("a", "b"))
    assert (staged.upload, staged.received, list(staged.parts)) == ("u", 3, ["a", "b"])
