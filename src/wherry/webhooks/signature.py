"""Signatures as Standard Webhooks describes them: over id, time and the bytes of the body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from wherry.webhooks.errors import InvalidWebhook, NotAuthentic

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = timedelta(minutes=5)

_PREFIX = "whsec_"


def new_secret() -> str:
    """192 random bits."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def read_secret(secret: str) -> bytes:
    """The key of it. Raises `InvalidWebhook`."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise InvalidWebhook("secret", f"a secret is {_PREFIX} with 24 to 64 random bytes in base64")
    return key


def signed(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that go with `body`."""
    moment = str(int(at.timestamp()))
    return {ID: message_id, TIMESTAMP: moment, SIGNATURE: f"v1,{_sign(secret, message_id, moment, body)}"}


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of what was sent. Raises `NotAuthentic`."""
    message_id, moment = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    if not message_id or "." in message_id:
        raise NotAuthentic("it has no id")  # with a dot in it, another time and body could have the same text
    if not moment.isascii() or not moment.isdigit() or len(moment) > 12:
        raise NotAuthentic("it has no time")
    if abs(now.timestamp() - int(moment)) > TOLERANCE.total_seconds():
        raise NotAuthentic("its time is not now")
    wanted = _sign(secret, message_id, moment, body).encode()
    given = [part[3:].encode() for part in headers.get(SIGNATURE, "").split(" ") if part.startswith("v1,")]
    if not any([hmac.compare_digest(wanted, one) for one in given[:8]]):  # noqa: C419 (all, in any case)
        raise NotAuthentic("its signature is another")
    return message_id


def _sign(secret: str, message_id: str, moment: str, body: bytes) -> str:
    signing = f"{message_id}.{moment}.".encode() + body
    return base64.b64encode(hmac.digest(read_secret(secret), signing, hashlib.sha256)).decode()
