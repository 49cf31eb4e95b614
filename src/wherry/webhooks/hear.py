"""What a sender tells, proved and counted once: `verify_sender`, then `hear`; who calls it fires triggers.

A delivery is on record in the transaction in which it fires: told twice, it fires once.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from wherry.clusters.workloads.images import ImageName
from wherry.kit.ids import new_id
from wherry.webhooks.errors import NotAuthentic
from wherry.webhooks.pushes_in import Product, PushIn, Tagged
from wherry.webhooks.senders import WITH_SECRET, Sender
from wherry.webhooks.signature import verify
from wherry.webhooks.tables import webhook_receipts, webhook_senders

# A Wherry tries for about a day, GitHub lets one deliver again for three.
KEPT = timedelta(days=7)
# So long the same tag with the same digest is the same push, told again.
SAME_PUSH = timedelta(minutes=10)
# Quay tells neither digest nor moment: the same tag may soon be another image.
SAME_TAG = timedelta(seconds=30)

API_KEY = "x-api-key"
GITHUB_SIGNATURE = "x-hub-signature-256"


@dataclass(frozen=True, slots=True)
class Heard:
    """A tag that is told for the first time; `receipt` is the number under which that is on record."""

    receipt: int
    tagged: Tagged


def verify_sender(
    product: Product, secret: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> str | None:
    """`headers` have names in small letters. The id of the delivery where it is signed.

    Raises `NotAuthentic`.
    """
    if product in WITH_SECRET and not secret:
        raise NotAuthentic("the sender has no secret; rotate it")  # nothing is as good as nothing
    if product is Product.WHERRY:
        return verify(secret, headers, body, now)
    if product is Product.GHCR:
        wanted = f"sha256={hmac.digest(secret.encode(), body, hashlib.sha256).hex()}"
        if not _same(wanted, headers.get(GITHUB_SIGNATURE, "")):
            raise NotAuthentic(f"its {GITHUB_SIGNATURE} is missing or another")
    if product is Product.HARBOR:
        given = headers.get("authorization", "")
        if not _same(secret, given.removeprefix("Bearer ")):
            raise NotAuthentic("its Authorization is missing or another")
    if product is Product.ECR and not _same(secret, headers.get(API_KEY, "")):
        raise NotAuthentic(f"its {API_KEY} is missing or another")
    return None


def why_ignored(sender: Sender, push: PushIn) -> str | None:
    """Why a push is none of the sender's, in words. A project's webhook tells of all its images."""
    if not _is_of(push, sender):
        return f"it tells of {push.repository[:200]}, not of {sender.image}"
    return None if push.tagged else "it names no tag"


def hear(
    tx: Connection, sender: Sender, push: PushIn, signed_id: str | None, now: datetime
) -> tuple[Heard, ...]:
    """Those of the tags that are told for the first time; they are on record from now on."""
    # The row is locked until the end: of two deliveries at once, one sees the other.
    changed = {"heard_at": now, "last_problem": ""}
    tx.execute(update(webhook_senders).where(webhook_senders.c.id == sender.id).values(changed))
    mine = webhook_receipts.c.sender_id == sender.id
    tx.execute(delete(webhook_receipts).where(mine, webhook_receipts.c.received_at < now - KEPT))
    delivery = _fixed(signed_id or push.delivery)
    heard = []
    for one in push.tagged:
        if _is_known(tx, sender, delivery, one, now):
            continue
        row = {
            "sender_id": sender.id,
            "delivery": delivery or f"none:{new_id()}",
            "tag": one.tag,
            "digest": one.digest,
            "received_at": now,
        }
        made = insert(webhook_receipts).values(row).returning(webhook_receipts.c.id)
        heard.append(Heard(int(tx.execute(made).scalar_one()), one))
    return tuple(heard)


def _is_known(tx: Connection, sender: Sender, delivery: str | None, tagged: Tagged, now: datetime) -> bool:
    of_tag = (webhook_receipts.c.sender_id == sender.id, webhook_receipts.c.tag == tagged.tag)
    if delivery is not None:
        same = select(webhook_receipts.c.id).where(*of_tag, webhook_receipts.c.delivery == delivery)
        if tx.execute(same).first() is not None:
            return True
        if not tagged.digest:
            return False  # it has an id of its own, and nothing says that it is the same image
    query = select(webhook_receipts.c.digest, webhook_receipts.c.received_at).where(*of_tag)
    # Only the last counts: a tag may move, and back.
    last = tx.execute(query.order_by(webhook_receipts.c.id.desc()).limit(1)).first()
    window = SAME_PUSH if tagged.digest else SAME_TAG
    return last is not None and last.digest == tagged.digest and now - last.received_at < window


def _is_of(push: PushIn, sender: Sender) -> bool:
    image = ImageName.parse(sender.image)
    # Of ECR in China the name ends in `.cn`.
    if push.host is not None and not f"{image.host}".startswith(push.host):
        return False
    path = image.repository.text
    return push.repository in (path, path.removeprefix("library/"))


def _fixed(delivery: str | None) -> str | None:
    """What comes from outside may be any text, of any length."""
    if delivery is None:
        return None
    return hashlib.sha256(delivery.encode(errors="surrogatepass")).hexdigest()


def _same(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode())
