"""Resolving what a pull asks for: the hot path. Reads through `FreshRows`, never through a unit of work."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from wherry.db.fresh_rows import FreshRows
from wherry.db.pull_reader import Prepared
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.errors import BlobUnknown, ManifestUnknown, RepositoryUnknown
from wherry.registry.tables import blobs, manifest_contents, manifests, repositories, repository_blobs, tags


@dataclass(frozen=True, slots=True)
class PulledManifest:
    """A manifest's exact bytes, and the digest and media type that it was pushed as."""

    digest: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class PulledBlob:
    """Where a blob's bytes are."""

    digest: str
    size: int
    location: str


class Pulls:
    """Tells which manifest, which blob, and whether a repository is public. Raises `DatabaseUnavailable`."""

    def __init__(self, rows: FreshRows) -> None:
        self._rows = rows
        by_name = repositories.c.name == bindparam("repository")
        self._visibility = Prepared(select(repositories.c.is_public).where(by_name))
        content = select(manifests.c.digest, manifests.c.media_type, manifest_contents.c.content).join(
            manifest_contents, manifest_contents.c.digest == manifests.c.digest
        )
        self._by_digest = Prepared(
            content.join(repositories, repositories.c.id == manifests.c.repository_id).where(
                by_name, manifests.c.digest == bindparam("reference")
            )
        )
        self._by_tag = Prepared(
            content.join(
                tags,
                (tags.c.repository_id == manifests.c.repository_id) & (tags.c.digest == manifests.c.digest),
            )
            .join(repositories, repositories.c.id == tags.c.repository_id)
            .where(by_name, tags.c.name == bindparam("reference"))
        )
        self._blob = Prepared(
            select(blobs.c.digest, blobs.c.size, blobs.c.location)
            .join(repository_blobs, repository_blobs.c.digest == blobs.c.digest)
            .join(repositories, repositories.c.id == repository_blobs.c.repository_id)
            .where(by_name, repository_blobs.c.digest == bindparam("digest"))
        )

    async def is_public(self, name: RepositoryName) -> bool | None:
        """None where there is no such repository."""
        row = await self._rows.row(self._visibility, repository=name.text)
        return None if row is None else bool(row[0])

    async def manifest(self, name: RepositoryName, reference: Tag | Digest) -> PulledManifest:
        """Raises `RepositoryUnknown`, `ManifestUnknown`."""
        statement = self._by_tag if isinstance(reference, Tag) else self._by_digest
        row = await self._rows.row(statement, repository=name.text, reference=str(reference))
        if row is None:
            await self._require(name)
            raise ManifestUnknown(name, reference)
        return PulledManifest(row[0], row[1], row[2])

    async def blob(self, name: RepositoryName, digest: Digest) -> PulledBlob:
        """Raises `RepositoryUnknown`, `BlobUnknown`."""
        row = await self._rows.row(self._blob, repository=name.text, digest=str(digest))
        if row is None:
            await self._require(name)
            raise BlobUnknown(name, digest)
        return PulledBlob(row[0], row[1], row[2])

    async def _require(self, name: RepositoryName) -> None:
        if await self.is_public(name) is None:
            raise RepositoryUnknown(name)
