"""The port to one cluster: what this domain asks of a Kubernetes API, and nothing more of it.

Every call raises `ClusterCallFailed`, with the cluster's own words, or `AddressRefused`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from wherry.clusters.kinds import Kind, Object

# Who owns the fields that Wherry sets; seen in `kubectl get --show-managed-fields`.
FIELD_MANAGER = "wherry"
# And who owns the images that triggers set: apart, so that applying a workload anew takes none away unseen.
TRIGGER_MANAGER = "wherry-trigger"


@dataclass(frozen=True, slots=True)
class ClusterVersion:
    """`latency` is how long the cluster took to say it, in seconds."""

    git_version: str
    platform: str
    latency: float


@dataclass(frozen=True, slots=True)
class ListPage:
    """A part of a list; `resource_version` is where a watch goes on from after the last one."""

    items: tuple[Object, ...]
    resource_version: str


class Change(StrEnum):
    """What a watch tells. A bookmark only says how far it has come."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """`resource_version` is where to go on from after this."""

    change: Change
    object: Object
    resource_version: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind: of one namespace or of all, by selectors as kubectl takes them."""

    namespace: str | None = None
    labels: str | None = None
    fields: str | None = None


EVERYTHING = Selection()


class ClusterConnection(Protocol):
    """One cluster, by one login."""

    @property
    def cluster(self) -> str:
        """The name that errors tell."""
        ...

    async def version(self) -> ClusterVersion:
        """What the API server says of itself."""
        ...

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """Raises `ObjectUnknown` too."""
        ...

    def list(self, kind: Kind, which: Selection = EVERYTHING) -> AsyncIterator[ListPage]:
        """All of them as of one moment, page by page; at least one page."""
        ...

    def watch(
        self, kind: Kind, resource_version: str, which: Selection = EVERYTHING
    ) -> AsyncIterator[WatchEvent]:
        """What changes from `resource_version` on; ends by itself after some minutes, to be asked again.

        Raises `WatchExpired` too.
        """
        ...

    async def create(self, made: Object, *, dry_run: bool = False) -> Object:
        """Raises `ObjectExists` too."""
        ...

    async def apply(
        self, made: Object, *, dry_run: bool = False, force: bool = False, manager: str = FIELD_MANAGER
    ) -> Object:
        """Server-side apply: make it, or change the fields that are `manager`'s. Raises `ApplyConflict` too.

        With `metadata.resourceVersion` it is only applied to that very version.
        """
        ...

    async def patch(
        self, kind: Kind, name: str, namespace: str | None, change: Object, *, subresource: str | None = None
    ) -> Object:
        """JSON merge patch. Raises `ObjectUnknown` too."""
        ...

    async def delete(
        self, kind: Kind, name: str, namespace: str | None = None, *, uid: str | None = None
    ) -> None:
        """With what it has made. With `uid` only that very object. Raises `ObjectUnknown` too."""
        ...

    async def close(self) -> None:
        """Watches end."""
        ...


async def list_all(connection: ClusterConnection, kind: Kind, which: Selection = EVERYTHING) -> list[Object]:
    """All pages together; for kinds that are few."""
    return [item async for page in connection.list(kind, which) for item in page.items]
