"""For which architectures this registry holds an image: an index says it, of one image the config."""

from __future__ import annotations

import json

from sqlalchemy import Connection

from tests.databases import Do, FixedClock
from tests.registry.contents import CONFIG_TYPE, WEB, descriptor, pushed, tags
from wherry.blobs.drivers.memory import MemoryStore
from wherry.blobs.intake import Intake, StoredBlob
from wherry.clusters.pull_check.image import build_image
from wherry.clusters.workloads.images import ImageName
from wherry.db.database import Database
from wherry.identity.users import create_user
from wherry.oci import media_types
from wherry.oci.digests import Digest
from wherry.registry.passing_images import keep_passing_image
from wherry.registry.push import put_manifest
from wherry.web.held_images import held_architectures
from wherry.web.pull_checking import store_blob

HOST = "registry.example.com"


def named(*texts: str) -> dict[str, ImageName]:
    return {text: ImageName.parse(text) for text in texts}


async def test_an_index_and_an_image_and_what_is_not_here(
    database: Database, do: Do, clock: FixedClock
) -> None:
    ann, store = do(create_user, "ann", "hash", clock.now()).id, MemoryStore()
    config = json.dumps({"os": "linux", "architecture": "s390x"}).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": descriptor(config, CONFIG_TYPE),
            "layers": [],
        }
    ).encode()
    whole = build_image({"amd64", "arm64"}, "n")
    stored = [
        await store_blob(Intake(store), digest, content)
        for digest, content in (*whole.blobs, (Digest.of(config), config))
    ]

    def push(tx: Connection) -> None:
        keep_passing_image(tx, WEB, stored, whole.manifests, ann, clock.now())
        put_manifest(tx, WEB, pushed(manifest), tags("latest"), ann, clock.now())

    do(push)
    index, image = f"{HOST}/acme/web@{whole.digest}", f"{HOST}/acme/web"
    found = await held_architectures(database, store, named(index, image, f"{HOST}/acme/none:1"))
    assert found == {index: {"amd64", "arm64"}, image: {"s390x"}}


async def test_bytes_that_are_gone_are_no_failure(database: Database, do: Do, clock: FixedClock) -> None:
    ann, config = do(create_user, "ann", "hash", clock.now()).id, b"{}"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": descriptor(config, CONFIG_TYPE),
            "layers": [],
        }
    ).encode()
    blob = StoredBlob(Digest.of(config), len(config), "nowhere")
    do(keep_passing_image, WEB, [blob], [(Digest.of(manifest), manifest)], ann, clock.now())
    image = f"{HOST}/acme/web@{Digest.of(manifest)}"
    assert await held_architectures(database, MemoryStore(), named(image)) == {image: frozenset()}
