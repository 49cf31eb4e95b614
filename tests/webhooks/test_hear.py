"""Deliveries at once, and such that only look like one another."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select

from tests.clusters.registered import SEALER
from tests.databases import Do, FixedClock
from tests.webhooks.told import IMAGES, digest, told
from wherry.db.database import Database
from wherry.identity.organizations import create_organization
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import ensure_repository
from wherry.webhooks.errors import NotAuthentic
from wherry.webhooks.hear import KEPT, SAME_TAG, Heard, hear, verify_sender
from wherry.webhooks.pushes_in import Product, PushIn, Tagged, read_push
from wherry.webhooks.senders import WITH_SECRET, Sender, create_sender, get_sender
from wherry.webhooks.tables import webhook_receipts

WEB = RepositoryName("acme/web")


def sender_of(do: Do, clock: FixedClock, product: Product) -> Sender:
    do(create_organization, "acme", None, clock.now())
    do(ensure_repository, WEB, None, clock.now())
    do(create_sender, SEALER, "hub", product, IMAGES[product], WEB, None, clock.now())
    made: Sender = do(get_sender, "acme", "hub")
    return made


def pushed(product: Product, tag: str = "1.2", number: int = 2) -> PushIn:
    found = read_push(product, told(product, tag, number))
    assert found is not None
    return found


@pytest.mark.parametrize("product", [Product.HARBOR, Product.QUAY])
def test_of_deliveries_at_once_one_is_heard(
    database: Database, do: Do, clock: FixedClock, product: Product
) -> None:
    sender, push, now = sender_of(do, clock, product), pushed(product), clock.now()
    heard: list[tuple[Heard, ...]] = []
    together = threading.Barrier(4)

    def tell() -> None:
        together.wait()
        heard.append(database.write_now(lambda tx: hear(tx, sender, push, None, now)))

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(one) for one in heard) == [0, 0, 0, 1]


def test_without_digest_and_id_the_same_tag_is_soon_another_push(do: Do, clock: FixedClock) -> None:
    sender, push = sender_of(do, clock, Product.QUAY), pushed(Product.QUAY)
    assert do(hear, sender, push, None, clock.now())
    clock.move(seconds=SAME_TAG.total_seconds() - 1)
    assert not do(hear, sender, push, None, clock.now())
    clock.move(seconds=1)
    assert do(hear, sender, push, None, clock.now())


def test_of_several_tags_those_that_are_new_are_heard(do: Do, clock: FixedClock) -> None:
    sender = sender_of(do, clock, Product.QUAY)
    one = PushIn("acme/web", (Tagged("1.2"),), None)
    both = PushIn("acme/web", (Tagged("1.2"), Tagged("latest")), None)
    assert [told.tagged.tag for told in do(hear, sender, one, None, clock.now())] == ["1.2"]
    assert [told.tagged.tag for told in do(hear, sender, both, None, clock.now())] == ["latest"]


def test_an_id_may_be_any_text(do: Do, clock: FixedClock) -> None:
    sender = sender_of(do, clock, Product.HARBOR)
    for number, text in enumerate(("\0", "\ud800", "x" * 100_000)):
        push = PushIn("acme/web", (Tagged("1.2", digest(number)),), text)
        assert do(hear, sender, push, None, clock.now())
        assert not do(hear, sender, push, None, clock.now())


def test_what_was_told_long_ago_is_forgotten(do: Do, clock: FixedClock) -> None:
    sender = sender_of(do, clock, Product.HARBOR)
    do(hear, sender, pushed(Product.HARBOR), None, clock.now())
    clock.move(seconds=(KEPT + timedelta(seconds=1)).total_seconds())
    do(hear, sender, pushed(Product.HARBOR, "1.3", 3), None, clock.now())

    def count(tx: Connection) -> int:
        return tx.execute(select(func.count()).select_from(webhook_receipts)).scalar_one()

    assert do(count) == 1


@pytest.mark.parametrize("product", sorted(WITH_SECRET))
def test_no_secret_is_never_proved_by_none(product: Product, clock: FixedClock) -> None:
    with pytest.raises(NotAuthentic):
        verify_sender(product, "", {}, b"{}", clock.now())
