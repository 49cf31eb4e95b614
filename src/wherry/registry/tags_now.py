"""Where tags of many repositories point now, by one statement: is what runs somewhere the newest?"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, and_, select, tuple_

from wherry.registry.tables import manifest_references, repositories, tags

# Two parameters each, and below what the databases take.
_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class TagNow:
    """The manifest that a tag names, and what that one names in turn: of an index, its platforms."""

    digest: str
    named: frozenset[str]

    def has(self, digest: str) -> bool:
        """Whether this is what the tag names, or a part of it: nodes tell the index or their platform."""
        return digest == self.digest or digest in self.named


def tags_now(tx: Connection, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], TagNow]:
    """By repository and tag; what is not there is left out. Asks nobody for rights."""
    found: dict[tuple[str, str], tuple[str, set[str]]] = {}
    for some in _parts(sorted(set(wanted))):
        query = (
            select(repositories.c.name, tags.c.name, tags.c.digest, manifest_references.c.target)
            .join(repositories, repositories.c.id == tags.c.repository_id)
            .outerjoin(
                manifest_references,
                and_(
                    manifest_references.c.repository_id == tags.c.repository_id,
                    manifest_references.c.manifest == tags.c.digest,
                ),
            )
            .where(tuple_(repositories.c.name, tags.c.name).in_(some))
        )
        for repository, tag, digest, target in tx.execute(query):
            named = found.setdefault((repository, tag), (digest, set()))[1]
            if target is not None:
                named.add(target)
    return {key: TagNow(digest, frozenset(named)) for key, (digest, named) in found.items()}


def _parts(wanted: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    rest = iter(wanted)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
