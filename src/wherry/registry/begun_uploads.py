"""Upload sessions to which nothing has been sent: they cost no row until something is.

Kept by the process that began them, so only where it is the only one. When it ends, they are gone; nothing of
them was ever stored, and their clients begin again.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, select

from wherry.blobs.intake import Staged
from wherry.db.fresh_rows import FreshRows
from wherry.db.pull_reader import Prepared, Row
from wherry.kit.clock import Clock
from wherry.oci.digests import Algorithm
from wherry.oci.names import RepositoryName
from wherry.registry.tables import repositories
from wherry.registry.uploads import Upload

MAX_BEGUN = 10_000
FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Begun:
    repository: Row
    name: RepositoryName
    user_id: int
    algorithm: Algorithm
    at: float


class BegunUploads:
    """Begins sessions and finds them again, until they are recorded or over."""

    def __init__(self, rows: FreshRows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._begun: OrderedDict[str, _Begun] = OrderedDict()
        # With its time: a repository that was deleted and made again may get the same id.
        self._repository = Prepared(
            select(repositories.c.id, repositories.c.created_at).where(
                repositories.c.name == bindparam("repository")
            )
        )

    async def begin(
        self, name: RepositoryName, user_id: int, upload: str, algorithm: Algorithm
    ) -> Upload | None:
        """A session, or None: it needs a row, for the repository is yet to be made or there are too many."""
        now = self._clock.now().timestamp()
        while self._begun and next(iter(self._begun.values())).at < now - FORGOTTEN_AFTER.total_seconds():
            self._begun.popitem(last=False)
        repository = await self._rows.row(self._repository, repository=name.text)
        if repository is None or len(self._begun) >= MAX_BEGUN:
            return None
        self._begun[upload] = _Begun(repository, name, user_id, algorithm, now)
        return Upload(repository[0], algorithm, Staged(upload), is_recorded=False)

    async def find(self, name: RepositoryName, user_id: int, upload: str) -> Upload | None:
        """The session of that user in that repository, which is still the same one."""
        begun = self._begun.get(upload)
        if begun is None or (begun.name, begun.user_id) != (name, user_id):
            return None
        if await self._rows.row(self._repository, repository=name.text) != begun.repository:
            return None
        return Upload(begun.repository[0], begun.algorithm, Staged(upload), is_recorded=False)

    def forget(self, upload: str) -> None:
        """It has a row now, or it is over."""
        self._begun.pop(upload, None)
