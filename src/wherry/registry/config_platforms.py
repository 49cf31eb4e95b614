"""For which platform an image is that is no index: its config says so, is read once, and then it is known."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from wherry.blobs.errors import BlobBytesMissing
from wherry.blobs.store import BlobReader
from wherry.db.database import Database
from wherry.db.upserts import insert_new
from wherry.oci.digests import Digest
from wherry.oci.image_configs import MAX_CONFIG, ImageConfig, parse_config
from wherry.oci.names import RepositoryName
from wherry.registry.platforms import platforms_of
from wherry.registry.tables import config_platforms


def platform_of_config(tx: Connection, config: Digest) -> str | None:
    """Such as `linux/arm/v7`, empty where the config names none; None as long as nobody has read it."""
    query = select(config_platforms.c.platform).where(config_platforms.c.digest == str(config))
    return tx.execute(query).scalar_one_or_none()


async def read_platforms(
    database: Database, store: BlobReader, images: Iterable[tuple[RepositoryName, Digest]]
) -> None:
    """Have `platform_of_config` know the configs of these manifests; those that are no image are left out.

    A config whose bytes are not there stays unknown. Raises `BlobError` where the store does not answer.
    """
    wanted = tuple(images)

    def unread(tx: Connection) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, digest in wanted:
            image = platforms_of(tx, name, digest)
            if image is None or image.config is None or image.config_digest is None:
                continue
            if platform_of_config(tx, image.config_digest) is None:
                found[str(image.config_digest)] = image.config
        return found

    rows = []
    for config_digest, location in (await database.read(unread)).items():
        try:
            config = await config_at(store, location)
        except BlobBytesMissing:
            continue
        rows.append({"digest": config_digest, "platform": "" if config is None else config.platform})
    if rows:
        await database.write(lambda tx: insert_new(tx, config_platforms, *rows), durable=False)


async def config_at(store: BlobReader, location: str) -> ImageConfig | None:
    """What a config says; None where it is larger than any, or no JSON. Raises `BlobError`."""
    if await store.size(location) > MAX_CONFIG:
        return None
    return parse_config(b"".join([piece async for piece in store.read(location)]))
