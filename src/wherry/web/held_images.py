"""What this registry knows of the images of a cluster's workloads; that domain does not see the registry.

Shared by the faces and the command line.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from wherry.blobs.errors import BlobError
from wherry.blobs.store import BlobReader
from wherry.clusters.workloads.images import ImageName
from wherry.db.database import Database
from wherry.oci.names import Tag
from wherry.registry.config_platforms import config_at
from wherry.registry.platforms import Platforms, platforms_of


async def held_architectures(
    database: Database, store: BlobReader, images: Mapping[str, ImageName]
) -> dict[str, frozenset[str]]:
    """Of images as `images_in` gives them; empty where nobody knows. What is not here is left out.

    Asks nobody for rights: the caller names images only that the actor may read.
    """

    def work(tx: Connection) -> dict[str, Platforms]:
        found = {
            text: platforms_of(tx, name.repository, name.digest or name.tag or Tag("latest"))
            for text, name in images.items()
        }
        return {text: one for text, one in found.items() if one is not None}

    known = await database.read(work)
    return {text: one.architectures or await _of_config(store, one.config) for text, one in known.items()}


async def _of_config(store: BlobReader, location: str | None) -> frozenset[str]:
    if location is None:
        return frozenset()
    try:
        config = await config_at(store, location)
    except BlobError:
        # A warning is not worth a failure: the deploy itself will tell.
        return frozenset()
    return frozenset() if config is None or config.architecture is None else frozenset({config.architecture})
