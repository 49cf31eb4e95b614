"""Which triggers of an image a pushed tag is for.

One narrow statement by the image's index; conditions are parsed once and remembered, so that ten thousand
triggers cost a push of one image no more than that image's own.
"""

import re

from sqlalchemy import Connection, bindparam, select

from wherry.oci.names import RepositoryName
from wherry.registry.tables import repositories
from wherry.triggers.conditions import Candidate, holds
from wherry.triggers.tables import triggers


def matching(tx: Connection, repository: RepositoryName, tag: str) -> list[int]:
    """Ids of those that are switched on and whose condition holds, the oldest first."""
    if _OF_ACCESSORY.fullmatch(tag):
        return []
    candidate = Candidate.of(tag)
    found = tx.execute(_CONDITIONS, {"repository": repository.text})
    # The driver's own rows: plain columns, of which there may be ten thousand.
    rows = found.cursor.fetchall()
    found.close()
    return sorted(number for number, kind, text in rows if holds(kind, text, candidate))


# Signatures, attestations and indexes of referrers, which tools push beside an image: nothing to be run.
_OF_ACCESSORY = re.compile(r"sha(?:256|512)-[0-9a-f]{64,128}(?:[.-].*)?")
_CONDITIONS = (
    select(triggers.c.id, triggers.c.condition_kind, triggers.c.condition)
    .join(repositories, repositories.c.id == triggers.c.repository_id)
    .where(
        repositories.c.name == bindparam("repository"),
        triggers.c.is_enabled,
    )
)
