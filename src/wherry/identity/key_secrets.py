"""The secret of an access key, opened to check what was signed with it. It never leaves the server."""

import logging

from sqlalchemy import bindparam, select

from wherry.db.fresh_rows import FreshRows
from wherry.db.pull_reader import Prepared
from wherry.identity.tables import access_keys
from wherry.kit.secrets import Sealer, UnreadableSecret

logger = logging.getLogger(__name__)


class KeySecrets:
    """Reads sealed secrets; whether a key may be used is for `KeyLogins` to say."""

    def __init__(self, rows: FreshRows, sealer: Sealer) -> None:
        self._rows = rows
        self._sealer = sealer
        self._by_id = Prepared(
            select(access_keys.c.sealed_secret).where(access_keys.c.id == bindparam("key_id"))
        )

    async def secret(self, key_id: str) -> str | None:
        """None where there is no such key, or no reading its secret. Raises `DatabaseUnavailable`."""
        row = await self._rows.row(self._by_id, key_id=key_id)
        if row is None:
            return None
        try:
            return self._sealer.open(str(row[0])).decode()
        except UnreadableSecret as error:
            logger.error("the secret of access key %s cannot be read: %s", key_id, error)  # noqa: TRY400
            return None
