"""The harness can fail: a fault that is planted between two servers is found by the check after a crash.

One folder is loaded once; each fault is planted into a copy of it, with a copy of what the model knows.
"""

from __future__ import annotations

import copy
import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from engines.servers.wherry import start_wherry
from tests.durability.check import Check, Disk, Findings, Promise
from tests.durability.content import Blob, digest_of
from tests.durability.crash import connect
from tests.durability.load import REPOSITORIES, Client
from tests.durability.model import Model
from tests.durability.planting import PLANTS, Plant
from tests.durability.world import World


@dataclass(frozen=True)
class Loaded:
    """A data folder that no server runs on, and what is known to be in it."""

    data: Path
    model: Model


async def load(data: Path) -> Model:
    """Some images, a deleted tag, an open upload."""
    server = start_wherry(data)
    try:
        world = World()
        client = Client(world, lambda: connect(server), Random(7), lambda kind, phase: None)
        for _ in range(12):
            await client.push_image()
        repository = world.model.repository(REPOSITORIES[0])
        content = b"content of an upload that is left open"
        session = await client._start(repository, Blob(digest_of(content), content))
        assert session is not None
        assert await client._append(session, 0, 20)
        await deleted_tag(client)
        assert not world.failures
        return world.model
    finally:
        server.process.kill()


async def deleted_tag(client: Client) -> None:
    """Every repository has had a tag of this name, and has it no more."""
    for repository in [r for r in client.model.repositories.values() if r.tags]:
        digest = next(register.settled for register in repository.tags.values())
        assert digest is not None
        register = repository.tag("deleted")
        path = f"/v2/{repository.name}/manifests/deleted"
        manifest = client.model.known[digest]
        pushed = client.model.sent("push", (register, digest))
        assert await client._change(
            "push", pushed, "PUT", path, [manifest.content], ok=201, content_type=manifest.media_type
        )
        gone = client.model.sent("delete", (register, None))
        assert await client._change("delete", gone, "DELETE", path, ok=202)


async def look(data: Path, model: Model) -> Findings:
    """What the run after a crash does."""
    disk = Disk(data)
    findings = disk.check_files()
    server = start_wherry(data)
    try:
        check = Check(model, lambda: connect(server), Random(1), Promise())
        found = await check.run(everything=True)
        found.failures += findings.failures + disk.check_database().failures
        return found
    finally:
        server.process.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


_LOADED: dict[Path, Loaded] = {}


async def loaded(folder: Path) -> Loaded:
    if folder not in _LOADED:
        _LOADED[folder] = Loaded(folder / "data", await load(folder / "data"))
    return _LOADED[folder]


async def copied(folder: Path, name: str) -> Loaded:
    whole = await loaded(folder)
    shutil.copytree(whole.data, folder / name)
    return Loaded(folder / name, copy.deepcopy(whole.model))


async def test_a_folder_without_a_fault_passes(folder: Path) -> None:
    sound = await copied(folder, "sound")
    findings = await look(sound.data, sound.model)
    assert findings.failures == []
    assert findings.counts["uploads resumed"] == 1


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
async def test_a_planted_fault_is_found(folder: Path, plant: Plant) -> None:
    faulty = await copied(folder, plant.__name__)
    plant(faulty.data)
    findings = await look(faulty.data, faulty.model)
    assert findings.failures, "the fault was not noticed"
