"""What only the filesystem driver promises: crash leftovers, a full disk, the order of becoming durable."""

import asyncio
import contextlib
import errno
import fcntl
import os
import stat
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.blobs.bodies import ClientGone, KiB, MiB, body, content, read
from wherry.blobs import (
    BlobBytesMissing,
    DigestMismatch,
    Intake,
    Staged,
    StagedBytesMissing,
    StoredBlob,
    StoreFailed,
    StoreFull,
    StoreOptions,
    StoreUnavailable,
    UploadBusy,
    UploadInterrupted,
    open_store,
)
from wherry.blobs.drivers import filesystem
from wherry.blobs.drivers.cached_open import open_if_cached
from wherry.blobs.drivers.filesystem import FilesystemStore
from wherry.blobs.drivers.staging_file import StagingFile
from wherry.oci.digests import Algorithm, Digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def store(root: Path) -> AsyncIterator[FilesystemStore]:
    opened = FilesystemStore(root)
    yield opened
    await opened.close()


@pytest.fixture
def intake(store: FilesystemStore) -> Intake:
    return Intake(store)


# Where things are


@pytest.mark.parametrize("algorithm", list(Algorithm))
async def test_a_blob_lies_under_its_digest_and_nothing_stays_staged(
    root: Path, intake: Intake, algorithm: Algorithm
):
    digest = Digest.of(b"x", algorithm)
    staged = await intake.append(intake.begin("u"), body(b"x"))
    assert [path.name for path in (root / "uploads").iterdir()] == ["u"]
    blob = await intake.finish(staged, digest)
    assert blob.location == f"{algorithm.value}/{digest.encoded[:2]}/{digest.encoded}"
    assert (root / "blobs" / blob.location).read_bytes() == b"x"
    assert list((root / "uploads").iterdir()) == []


async def test_the_store_opens_again_with_what_was_in_it(root: Path, store: FilesystemStore, intake: Intake):
    staged = await intake.append(intake.begin("u"), body(b"kept"))
    blob = await intake.finish(staged, Digest.of(b"kept"))
    again = FilesystemStore(root)
    assert await read(again, blob.location) == b"kept"
    await again.close()


async def test_other_users_of_the_machine_cannot_read_blobs(root: Path, intake: Intake):
    staged = await intake.append(intake.begin("u"), body(b"x"))
    blob = await intake.finish(staged, Digest.of(b"x"))
    path = root / "blobs" / blob.location
    for part in (path, path.parent, root / "uploads"):
        assert part.stat().st_mode & stat.S_IRWXO == 0


async def test_pushing_again_heals_a_damaged_blob(root: Path, store: FilesystemStore, intake: Intake):
    data = content(MiB)
    blob = await intake.finish(await intake.append(intake.begin("a"), body(data)), Digest.of(data))
    (root / "blobs" / blob.location).write_bytes(b"rotten")
    await intake.finish(await intake.append(intake.begin("b"), body(data)), Digest.of(data))
    assert await read(store, blob.location) == data


async def test_a_reader_keeps_its_bytes_while_they_are_replaced_and_deleted(
    store: FilesystemStore, intake: Intake
):
    data = content(5 * MiB)
    blob = await intake.finish(await intake.append(intake.begin("a"), body(data)), Digest.of(data))
    reading = store.read(blob.location)
    found = [await anext(reading)]
    await intake.finish(await intake.append(intake.begin("b"), body(data)), Digest.of(data))
    await store.delete(blob.location)
    found += [piece async for piece in reading]
    assert b"".join(found) == data


async def test_reads_do_not_leak_descriptors(store: FilesystemStore, intake: Intake):
    data = content(2 * MiB)
    blob = await intake.finish(await intake.append(intake.begin("a"), body(data)), Digest.of(data))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        await read(store, blob.location)
        reading = store.read(blob.location)
        await anext(reading)
        await reading.aclose()  # type: ignore[attr-defined]
    assert len(os.listdir("/proc/self/fd")) == before


async def test_cold_bytes_are_read_in_a_thread(
    store: FilesystemStore, intake: Intake, monkeypatch: pytest.MonkeyPatch
):
    data = content(9 * MiB)
    blob = await intake.finish(await intake.append(intake.begin("a"), body(data)), Digest.of(data))
    path = store._path(blob.location)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    readers = []
    pread = os.pread

    def seen(fd: int, size: int, offset: int) -> bytes:
        readers.append(threading.current_thread().name.rpartition("_")[0])
        return pread(fd, size, offset)

    monkeypatch.setattr(os, "pread", seen)
    assert await read(store, blob.location) == data
    # What comes after may be in the cache by then, and is read at once.
    assert readers[0] == "wherry-blobs"


@pytest.mark.parametrize("size", [0, 1, 20 * KiB, 3 * MiB])
async def test_a_file_whose_name_is_not_cached_is_opened_in_a_thread(
    store: FilesystemStore, intake: Intake, monkeypatch: pytest.MonkeyPatch, size: int
):
    data = content(size)
    blob = await intake.finish(await intake.append(intake.begin("a"), body(data)), Digest.of(data))
    openers = []
    plain_open = os.open

    def seen(*arguments: Any, **named: Any) -> int:
        openers.append(threading.current_thread().name.rpartition("_")[0])
        return plain_open(*arguments, **named)

    monkeypatch.setattr(os, "open", seen)
    monkeypatch.setattr(filesystem, "open_if_cached", lambda path: None)
    assert await read(store, blob.location) == data
    assert openers == ["wherry-blobs"]
    with pytest.raises(BlobBytesMissing):
        await read(store, "sha256/00/" + "0" * 64)


def test_the_kernel_opens_a_cached_file_at_once_and_says_when_there_is_none(tmp_path: Path):
    path = tmp_path / "warm"
    path.write_bytes(b"warm")
    fd = open_if_cached(path)
    if fd is not None:  # None on kernels before 5.12 and in sandboxes that refuse the call
        with open(fd, "rb") as file:
            assert file.read() == b"warm"
    path.unlink()
    with contextlib.suppress(FileNotFoundError):
        assert open_if_cached(path) is None


async def test_a_file_system_that_cannot_tell_is_read_in_a_thread(
    store: FilesystemStore, intake: Intake, monkeypatch: pytest.MonkeyPatch
):
    data = content(3 * MiB)
    blob = await intake.finish(await intake.append(intake.begin("a"), body(data)), Digest.of(data))

    def unsupported(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(os, "preadv", unsupported)
    assert await read(store, blob.location) == data
    assert await read(store, blob.location, 5, 2 * MiB) == data[5 : 2 * MiB]


# What a crash or a second process leaves behind


@pytest.mark.parametrize("received", [0, 100])
@pytest.mark.parametrize("finish_at_once", [True, False])
async def test_bytes_of_a_killed_writer_beyond_the_staged_ones_never_count(
    root: Path, store: FilesystemStore, intake: Intake, received: int, finish_at_once: bool
):
    data = content(received)
    staged = await intake.append(intake.begin("u"), body(data))
    with (root / "uploads" / "u").open("ab") as file:
        file.write(b"never acknowledged")
    if not finish_at_once:
        staged = await intake.append(staged, body(b"tail"))
        data += b"tail"
    blob = await intake.finish(staged, Digest.of(data))
    assert await read(store, blob.location) == data


async def test_bytes_changed_behind_the_back_of_the_hash_are_noticed(root: Path, intake: Intake):
    data = content(1000)
    staged = await intake.append(intake.begin("u"), body(data))
    evil = content(1000, seed=1)
    (root / "uploads" / "u").write_bytes(evil)
    with pytest.raises(DigestMismatch) as caught:
        await intake.finish(staged, Digest.of(data))
    assert caught.value.actual == Digest.of(evil)


async def test_bytes_changed_before_an_append_are_noticed_at_the_finish(root: Path, intake: Intake):
    data = content(1000)
    staged = await intake.append(intake.begin("u"), body(data))
    evil = content(1000, seed=1)
    (root / "uploads" / "u").write_bytes(evil)
    staged = await intake.append(staged, body(b"tail"))
    with pytest.raises(DigestMismatch):
        await intake.finish(staged, Digest.of(data + b"tail"))


@pytest.mark.parametrize("left", [None, 0, 99])
async def test_an_upload_that_has_lost_bytes_has_to_start_again(root: Path, intake: Intake, left: int | None):
    data = content(100)
    staged = await intake.append(intake.begin("u"), body(data))
    path = root / "uploads" / "u"
    path.unlink() if left is None else os.truncate(path, left)
    with pytest.raises(StagedBytesMissing) as caught:
        await intake.append(staged, body(b"tail"))
    assert (caught.value.wanted, caught.value.found) == (100, left or 0)
    with pytest.raises(StagedBytesMissing):
        await intake.finish(staged, Digest.of(data))


async def test_a_second_writer_is_told_to_wait(root: Path, store: FilesystemStore, intake: Intake):
    staged = await intake.append(intake.begin("u"), body(b"x"))
    with (root / "uploads" / "u").open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UploadBusy):
            await intake.append(staged, body(b"small"))
        with pytest.raises(UploadBusy):
            await intake.append(staged, body(content(5 * MiB)))
        with pytest.raises(UploadBusy):
            await intake.finish(staged, Digest.of(b"x"))
    blob = await Intake(store).finish(staged, Digest.of(b"x"))
    assert await read(store, blob.location) == b"x"


async def test_a_hash_is_not_computed_twice_when_nothing_has_happened(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
):
    staged = await intake.append(intake.begin("u"), body(content(3 * MiB)))
    staged = await intake.append(staged, body(b"tail"))

    def refuse(*_: object) -> bytes:
        raise AssertionError("the staged bytes were read again")

    monkeypatch.setattr(os, "pread", refuse)
    await intake.finish(staged, Digest.of(content(3 * MiB) + b"tail"))


async def test_a_symlink_in_the_uploads_folder_is_not_followed(root: Path, intake: Intake, tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (root / "uploads" / "u").symlink_to(victim)
    with pytest.raises(StoreFailed):
        await intake.append(intake.begin("u"), body(b"x"))
    assert victim.read_bytes() == b"precious"


# The order in which things become durable


class Recorder:
    """Notes the calls that make things durable, by what they were called on."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.calls: list[str] = []
        for name in ("fsync", "fdatasync"):
            monkeypatch.setattr(os, name, self._sync(getattr(os, name)))
        rename = os.rename

        def renamed(source: Path, target: Path) -> None:
            self.calls.append(f"rename {self._name(source)} {self._name(target)}")
            rename(source, target)

        monkeypatch.setattr(os, "rename", renamed)

    def _sync(self, call: Callable[[int], None]) -> Callable[[int], None]:
        def synced(fd: int) -> None:
            call(fd)
            self.calls.append(f"sync {self._name(Path(os.readlink(f'/proc/self/fd/{fd}')))}")

        return synced

    def _name(self, path: Path) -> str:
        return str(Path(path).relative_to(self.root))


@pytest.mark.parametrize("size", [10, 5 * MiB])
async def test_bytes_then_name_are_durable_before_anyone_is_told(
    root: Path, intake: Intake, monkeypatch: pytest.MonkeyPatch, size: int
):
    data = content(size)
    digest = Digest.of(data)
    folder = f"blobs/sha256/{digest.encoded[:2]}"
    recorder = Recorder(root, monkeypatch)
    staged = await intake.append(intake.begin("u"), body(data))
    assert recorder.calls == ["sync uploads/u", "sync uploads"]
    recorder.calls.clear()
    await intake.finish(staged, digest)
    assert recorder.calls == [f"rename uploads/u {folder}/{digest.encoded}", f"sync {folder}"]


async def test_a_new_folder_is_durable_before_a_blob_goes_there(
    root: Path, intake: Intake, monkeypatch: pytest.MonkeyPatch
):
    digest = Digest.of(b"x", Algorithm.SHA512)
    staged = await intake.append(intake.begin("u"), body(b"x"))
    recorder = Recorder(root, monkeypatch)
    await intake.finish(staged, digest)
    folder = f"blobs/sha512/{digest.encoded[:2]}"
    assert recorder.calls == [
        "sync blobs/sha512",
        "sync blobs",
        f"rename uploads/u {folder}/{digest.encoded}",
        f"sync {folder}",
    ]


async def test_bytes_that_another_writer_may_have_left_unsynced_are_synced_before_the_name(
    root: Path, intake: Intake, monkeypatch: pytest.MonkeyPatch
):
    staged = await intake.append(intake.begin("u"), body(b"x"))
    (root / "uploads" / "u").write_bytes(b"x")
    recorder = Recorder(root, monkeypatch)
    await intake.finish(staged, Digest.of(b"x"))
    assert recorder.calls[0] == "sync uploads/u"
    assert recorder.calls[1].startswith("rename uploads/u ")


async def test_a_folder_that_somebody_tidied_away_comes_back(root: Path, intake: Intake):
    digest = Digest.of(b"x")
    (root / "blobs" / "sha256" / digest.encoded[:2]).rmdir()
    await intake.finish(await intake.append(intake.begin("u"), body(b"x")), digest)


# A full or broken disk


@contextmanager
def tmpfs(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own, so that it can really be full."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a full disk needs the right to mount a tmpfs: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("size", [1900 * KiB, 6 * MiB, 30 * MiB])
@pytest.mark.parametrize("staged_before", [0, 300 * KiB])
async def test_a_full_disk_loses_nothing_and_the_push_succeeds_once_there_is_room(
    tmp_path: Path, size: int, staged_before: int
):
    with tmpfs(tmp_path / "small", f"size={size + MiB}") as root:
        store = FilesystemStore(root)
        intake = Intake(store)
        kept = await intake.finish(await intake.append(intake.begin("k"), body(b"kept")), Digest.of(b"kept"))
        ballast = root / "ballast"
        ballast.write_bytes(bytes(MiB + size // 2))
        data = content(size)
        staged = await intake.append(intake.begin("u"), body(data[:staged_before]))
        with pytest.raises(StoreFull):
            await intake.append(staged, body(data[staged_before:]))
        upload = root / "uploads" / "u"
        assert (upload.stat().st_size if upload.exists() else 0) == staged_before
        await store.check()
        assert await read(store, kept.location) == b"kept"
        ballast.unlink()
        staged = await intake.append(staged, body(data[staged_before:]))
        blob = await intake.finish(staged, Digest.of(data))
        assert await read(store, blob.location) == data
        await store.close()


async def test_a_disk_that_fills_up_while_a_client_hangs_up_says_full(tmp_path: Path):
    with tmpfs(tmp_path / "small", "size=4m") as root:
        store = FilesystemStore(root)
        intake = Intake(store)
        with pytest.raises(StoreFull):
            await intake.append(intake.begin("u"), body(content(9 * MiB), then=ClientGone()))
        with pytest.raises(UploadInterrupted):
            await intake.append(intake.begin("u"), body(content(MiB), then=ClientGone()))
        await store.close()


async def test_no_room_for_another_file_is_a_full_store_too(tmp_path: Path):
    with tmpfs(tmp_path / "small", "nr_inodes=300") as root:
        store = FilesystemStore(root)
        intake = Intake(store)
        fillers = []
        with pytest.raises(OSError, match="No space"):  # noqa: PT012 - until there is none
            for number in range(400):
                filler = root / f"filler{number}"
                filler.touch()
                fillers.append(filler)
        for size in (10, 5 * MiB):
            with pytest.raises(StoreFull):
                await intake.append(intake.begin("u"), body(content(size)))
        with pytest.raises(StoreFull):
            await intake.finish(intake.begin("empty"), Digest.of(b""))
        fillers.pop().unlink()
        staged = await intake.append(intake.begin("u"), body(b"x"))
        with pytest.raises(StoreFull):  # the folder of this digest is not there yet
            await intake.finish(staged, Digest.of(b"x", Algorithm.SHA512))
        for filler in fillers[-2:]:
            filler.unlink()
        blob = await intake.finish(staged, Digest.of(b"x", Algorithm.SHA512))
        assert await read(store, blob.location) == b"x"
        await store.close()


def remount_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


async def test_a_full_disk_at_the_start_is_said(tmp_path: Path):
    with tmpfs(tmp_path / "small", "nr_inodes=10") as root, pytest.raises(StoreFull):
        FilesystemStore(root)


async def test_a_store_on_a_file_is_refused_at_the_start(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable):
        open_store("filesystem", StoreOptions(root=tmp_path / "file"))


async def test_a_folder_that_went_away_fails_the_check(root: Path, store: FilesystemStore, intake: Intake):
    os.rename(root, root.with_name("elsewhere"))
    with pytest.raises(StoreUnavailable):
        await store.check()
    with pytest.raises(StoreUnavailable):
        await intake.append(intake.begin("u"), body(b"x"))


async def test_a_file_system_that_turned_read_only_fails_the_check(tmp_path: Path):
    with tmpfs(tmp_path / "small", "size=4m") as root:
        store = FilesystemStore(root)
        await store.check()
        remount_read_only(root)
        with pytest.raises(StoreUnavailable):
            await store.check()
        with pytest.raises(StoreUnavailable):
            await Intake(store).append(Staged("u"), body(b"x"))
        await store.close()


async def test_a_disk_that_fails_to_sync_is_not_believed(
    root: Path, store: FilesystemStore, intake: Intake, monkeypatch: pytest.MonkeyPatch
):
    data = content(100)
    staged = await intake.append(intake.begin("u"), body(data))

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, "broken")

    for size in (10, 5 * MiB):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", broken)
            with pytest.raises(StoreUnavailable):
                await intake.append(staged, body(content(size)))
        assert (root / "uploads" / "u").read_bytes() == data
    blob = await intake.finish(staged, Digest.of(data))
    assert await read(store, blob.location) == data


async def test_the_event_loop_goes_on_while_the_disk_hangs(
    store: FilesystemStore, intake: Intake, monkeypatch: pytest.MonkeyPatch
):
    release = threading.Event()
    fdatasync = os.fdatasync

    def hanging(fd: int) -> None:
        assert release.wait(30)
        fdatasync(fd)

    monkeypatch.setattr(os, "fdatasync", hanging)
    pending = [
        asyncio.create_task(intake.append(intake.begin(f"u{size}"), body(content(size))))
        for size in (10, 5 * MiB)
    ]
    for _ in range(50):  # the loop turns: both bodies are taken in and wait for the disk
        await asyncio.sleep(0.002)
    assert not any(task.done() for task in pending)
    release.set()
    assert [staged.received for staged in await asyncio.gather(*pending)] == [10, 5 * MiB]


# A whole body in one step


def files_under(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


async def whole(intake: Intake, data: bytes, upload: str = "u") -> StoredBlob:
    digest = Digest.of(data)
    return await intake.finish(await intake.append(intake.begin(upload), body(data), last_of=digest), digest)


async def test_a_whole_body_is_never_staged(root: Path, intake: Intake, monkeypatch: pytest.MonkeyPatch):
    def no_staging(*_: Any) -> None:
        raise AssertionError("a staging file was opened")

    monkeypatch.setattr(StagingFile, "open", no_staging)
    blob = await whole(intake, content(MiB))
    path = root / "blobs" / blob.location
    assert path.read_bytes() == content(MiB)
    assert path.stat().st_nlink == 1
    assert path.stat().st_mode & stat.S_IRWXO == 0
    assert list((root / "uploads").iterdir()) == []


async def test_a_whole_body_heals_a_damaged_blob(root: Path, store: FilesystemStore, intake: Intake):
    blob = await whole(intake, b"sound")
    (root / "blobs" / blob.location).write_bytes(b"rotten")
    await whole(intake, b"sound", "v")
    assert await read(store, blob.location) == b"sound"
    assert list((root / "uploads").iterdir()) == []


async def test_a_whole_body_is_durable_before_it_has_a_name_and_its_name_before_it_is_acknowledged(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
):
    calls: list[str] = []

    def noted(name: str, real: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(name)
        return real(*arguments, **named)

    for name in ("fdatasync", "link", "fsync"):
        monkeypatch.setattr(os, name, partial(noted, name, getattr(os, name)))
    await whole(intake, content(MiB))
    assert calls == ["fdatasync", "link", "fsync"]


@pytest.mark.parametrize("broken", ["pwritev", "fdatasync", "link"])
async def test_a_whole_body_that_finds_no_room_leaves_nothing(
    root: Path, intake: Intake, monkeypatch: pytest.MonkeyPatch, broken: str
):
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patched:
        patched.setattr(os, broken, full)
        with pytest.raises(StoreFull):
            await whole(intake, b"x")
    assert files_under(root) == []
    assert (await whole(intake, b"x")).size == 1


@pytest.mark.parametrize("missing", ["nameless files", "proc"])
async def test_where_files_without_a_name_cannot_be_a_whole_body_is_staged(
    root: Path, intake: Intake, monkeypatch: pytest.MonkeyPatch, missing: str
):
    real_open, real_link = os.open, os.link

    def without_them(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "not here")
        return real_open(path, flags, *arguments, **named)

    def without_proc(source: str, *arguments: Any, **named: Any) -> None:
        real_link(source.replace("/proc/", "/no-proc/"), *arguments, **named)

    monkeypatch.setattr(os, "open", without_them if missing == "nameless files" else real_open)
    monkeypatch.setattr(os, "link", without_proc if missing == "proc" else real_link)
    blob = await whole(intake, content(MiB))
    assert (root / "blobs" / blob.location).read_bytes() == content(MiB)
    assert list((root / "uploads").iterdir()) == []


async def test_a_whole_body_clears_away_what_its_upload_had_left(root: Path, intake: Intake):
    (root / "uploads" / "u").write_bytes(b"from a request that nobody recorded")
    await whole(intake, b"x")
    assert list((root / "uploads").iterdir()) == []


async def test_a_wrong_whole_body_leaves_nothing(root: Path, intake: Intake):
    with pytest.raises(DigestMismatch):
        await intake.append(intake.begin("u"), body(b"x"), last_of=Digest.of(b"y"))
    assert files_under(root) == []
