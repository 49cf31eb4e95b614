"""The key that signs registry tokens: made at first start, kept sealed, the same for all replicas."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, insert, select

from wherry.access.tables import signing_keys
from wherry.kit.ids import new_id
from wherry.kit.secrets import Sealer

SigningKeys = dict[str, Ed25519PrivateKey]


def ensure_signing_key(tx: Connection, sealer: Sealer, now: datetime) -> None:
    """Make the first key where there is none."""
    if tx.execute(select(signing_keys.c.kid).limit(1)).first() is None:
        private_key = Ed25519PrivateKey.generate()
        tx.execute(
            insert(signing_keys).values(
                kid=new_id(), sealed_private_key=sealer.seal(private_key.private_bytes_raw()), created_at=now
            )
        )


def load_signing_keys(tx: Connection, sealer: Sealer) -> SigningKeys:
    """All keys by their id, the newest last. Raises `UnreadableSecret` under the wrong master key."""
    rows = tx.execute(
        select(signing_keys.c.kid, signing_keys.c.sealed_private_key).order_by(signing_keys.c.created_at)
    )
    return {kid: Ed25519PrivateKey.from_private_bytes(sealer.open(sealed)) for kid, sealed in rows}
