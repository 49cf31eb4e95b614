"""From what happened to what the other side heard, on both databases and over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.databases import Do, FixedClock
from tests.webhooks.receiver import Receiver, receiver
from wherry.clusters.addresses import AddressRules
from wherry.db.bell import Bell
from wherry.db.database import Database
from wherry.events.dispatch import dispatch_new
from wherry.events.outbox import Event, append
from wherry.identity.organizations import create_organization
from wherry.jobs.working import Worker
from wherry.kit.secrets import Sealer, new_master_key
from wherry.webhooks.deliver import PAUSES, Deliver
from wherry.webhooks.deliveries import (
    JOB,
    KEPT,
    Delivery,
    DeliveryState,
    get_delivery,
    list_deliveries,
    redeliver,
)
from wherry.webhooks.drivers.http import HttpPost
from wherry.webhooks.errors import DeliveryUnknown, InvalidWebhook, WebhookExists, WebhookUnknown
from wherry.webhooks.react import TellWebhooks, ping
from wherry.webhooks.signature import verify
from wherry.webhooks.webhook import (
    Format,
    Wanted,
    Webhook,
    change_webhook,
    create_webhook,
    get_webhook,
    list_webhooks,
    remove_webhook,
    renew_secret,
)

HERE = AddressRules((ip_network("127.0.0.0/8"),))
OFFERED = {"tag.moved", "tag.deleted"}
SEALER = Sealer(new_master_key())


@pytest.fixture
def heard() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def acme(do: Do, clock: FixedClock) -> None:
    do(create_organization, "acme", None, clock.now())


def make(
    do: Do, clock: FixedClock, url: str, *, name: str = "ci", organization: str | None = "acme", **how: Any
) -> tuple[Webhook, str]:
    made: tuple[Webhook, str] = do(
        create_webhook, SEALER, name, organization, Wanted(url, **how), None, clock.now(), offered=OFFERED
    )
    return made


def happen(
    do: Do, clock: FixedClock, kind: str = "tag.moved", subject: str = "acme/web", tag: str = "1"
) -> None:
    do(append, Event(kind, subject, {"tag": tag, "digest": "sha256:0"}), clock.now())
    do(dispatch_new, {"webhooks": TellWebhooks("https://reg.example", clock)}, clock.now())


@asynccontextmanager
async def worker(
    database: Database, clock: FixedClock, rules: AddressRules = HERE, sealer: Sealer = SEALER
) -> AsyncIterator[Worker]:
    bell = Bell(database)
    await bell.open()
    handler = Deliver(database, sealer, clock, HttpPost(rules), None)
    try:
        yield Worker(database, clock, {JOB: handler}, bell, luck=lambda: 0.0)
    finally:
        await bell.close()


def deliver(
    database: Database, clock: FixedClock, rules: AddressRules = HERE, sealer: Sealer = SEALER
) -> None:
    async def run() -> None:
        async with worker(database, clock, rules, sealer) as one:
            await one.run_due()

    asyncio.run(run())


def newest(do: Do, webhook: Webhook) -> Delivery:
    found: Delivery = do(list_deliveries, webhook).items[0]
    return found


pytestmark = pytest.mark.usefixtures("acme")


def test_what_happened_is_told_signed_and_once(
    do: Do, database: Database, clock: FixedClock, heard: Receiver
) -> None:
    webhook, secret = make(do, clock, heard.url)
    happen(do, clock)
    deliver(database, clock)
    deliver(database, clock)
    (path, headers, body), *others = heard.heard
    assert not others
    assert path == "/hook"
    assert headers["content-type"] == "application/cloudevents+json"
    told = json.loads(body)
    assert (told["type"], told["subject"], told["data"]["tag"]) == ("io.wherry.tag.moved", "acme/web", "1")
    assert verify(secret, headers, body, clock.now()) == f"wherry_{told['id']}"
    delivery = newest(do, webhook)
    assert (delivery.state, delivery.attempts, delivery.status, delivery.problem) == ("delivered", 1, 204, "")


@pytest.mark.parametrize(
    ("wanted", "event_kind", "subject", "tag", "is_told"),
    [
        ({}, "tag.deleted", "acme/db", "x", True),
        ({"kinds": ("tag.deleted",)}, "tag.moved", "acme/web", "1", False),
        ({"images": "acme/w*"}, "tag.moved", "acme/web", "1", True),
        ({"images": "acme/w*"}, "tag.moved", "acme/db", "1", False),
        ({"tags": "v*"}, "tag.moved", "acme/web", "1", False),
        ({"is_enabled": False}, "tag.moved", "acme/web", "1", False),
        ({}, "tag.moved", "acmes/web", "1", False),
    ],
)
def test_who_is_told_of_what(
    do: Do,
    clock: FixedClock,
    wanted: dict[str, Any],
    event_kind: str,
    subject: str,
    tag: str,
    is_told: bool,
) -> None:
    webhook, _ = make(do, clock, "https://hooks.example/x", **wanted)
    happen(do, clock, event_kind, subject, tag)
    assert len(do(list_deliveries, webhook).items) == is_told


def test_the_site_is_told_of_all_organizations(do: Do, clock: FixedClock) -> None:
    do(create_organization, "other", None, clock.now())
    webhook, _ = make(do, clock, "https://hooks.example/x", organization=None)
    happen(do, clock, subject="acme/web")
    happen(do, clock, subject="other/web")
    assert [one.subject for one in do(list_deliveries, webhook).items] == ["other/web", "acme/web"]


def test_a_failure_is_tried_again_with_the_same_id_and_a_new_time(
    do: Do, database: Database, clock: FixedClock, heard: Receiver
) -> None:
    webhook, secret = make(do, clock, heard.url)
    heard.answers += [(503, {}, b"not\nnow"), (200, {}, b"ok")]
    happen(do, clock)
    deliver(database, clock)
    waiting = newest(do, webhook)
    assert (waiting.state, waiting.status) == ("waiting", 503)
    assert waiting.problem == "it answered 503 Service Unavailable: not now"
    deliver(database, clock)
    assert len(heard.heard) == 1
    clock.move(seconds=PAUSES[0].total_seconds() + 3)
    deliver(database, clock)
    first, second = heard.heard
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    assert verify(secret, second[1], second[2], clock.now())
    assert (newest(do, webhook).state, newest(do, webhook).attempts) == ("delivered", 2)


def test_who_never_answers_well_is_given_up_after_a_day_and_can_be_told_by_hand(
    do: Do, database: Database, clock: FixedClock, heard: Receiver
) -> None:
    webhook, _ = make(do, clock, heard.url)
    heard.answers += [(500, {}, b"")] * (len(PAUSES) + 1)
    happen(do, clock)
    for pause in (timedelta(0), *PAUSES):
        clock.move(seconds=pause.total_seconds() * 1.3)
        deliver(database, clock)
    dead = newest(do, webhook)
    assert (dead.state, dead.attempts) == (DeliveryState.DEAD, len(PAUSES) + 1)
    do(redeliver, webhook, dead.id, clock.now())
    deliver(database, clock)
    assert newest(do, webhook).state is DeliveryState.DELIVERED
    assert timedelta(hours=20) < sum(PAUSES, timedelta(0)) < timedelta(hours=30)


@pytest.mark.parametrize(
    ("answer", "says"),
    [((410, {}, b""), "410"), ((302, {"Location": "http://127.0.0.1:1/"}, b""), "302")],
    ids=["gone", "redirect"],
)
def test_a_redirect_is_not_followed_and_gone_is_final(
    do: Do, database: Database, clock: FixedClock, heard: Receiver, answer: Any, says: str
) -> None:
    webhook, _ = make(do, clock, heard.url)
    heard.answers.append(answer)
    happen(do, clock)
    deliver(database, clock)
    found = newest(do, webhook)
    assert says in found.problem
    assert found.state is (DeliveryState.DEAD if answer[0] == 410 else DeliveryState.WAITING)
    assert len(heard.heard) == 1


def test_an_address_that_is_not_allowed_hears_nothing(
    do: Do, database: Database, clock: FixedClock, heard: Receiver
) -> None:
    webhook, _ = make(do, clock, heard.url)
    happen(do, clock)
    deliver(database, clock, AddressRules())
    assert not heard.heard
    found = newest(do, webhook)
    assert found.state is DeliveryState.DEAD
    assert "this machine itself" in found.problem


def test_mail_without_a_server_says_so(do: Do, database: Database, clock: FixedClock) -> None:
    webhook, _ = make(do, clock, "team@example.com", format=Format.MAIL)
    happen(do, clock)
    deliver(database, clock)
    assert newest(do, webhook).problem == "no mail server is set (mail.host)"


def test_a_ping_arrives(do: Do, database: Database, clock: FixedClock, heard: Receiver) -> None:
    webhook, _ = make(do, clock, heard.url, is_enabled=False)
    do(ping, webhook, "https://reg.example", "0", clock.now())
    deliver(database, clock)
    assert json.loads(heard.heard[0][2])["type"] == "io.wherry.ping"


def test_a_secret_that_does_not_open_makes_a_dead_delivery_that_can_be_made_again(
    do: Do, database: Database, clock: FixedClock, heard: Receiver
) -> None:
    webhook, _ = make(do, clock, heard.url)
    happen(do, clock)
    deliver(database, clock, sealer=Sealer(new_master_key()))
    found = newest(do, webhook)
    assert (found.state, "renew the webhook's secret" in found.problem) == (DeliveryState.DEAD, True)
    assert not heard.heard
    do(redeliver, webhook, found.id, clock.now())
    deliver(database, clock)
    assert (newest(do, webhook).state, len(heard.heard)) == (DeliveryState.DELIVERED, 1)


def test_what_waits_goes_where_the_webhook_points_now_and_nowhere_when_it_is_gone(
    do: Do, database: Database, clock: FixedClock, heard: Receiver
) -> None:
    webhook, _ = make(do, clock, "http://127.0.0.1:1/")
    happen(do, clock)
    moved = do(change_webhook, webhook, Wanted(heard.url), clock.now(), offered=OFFERED)
    secret = do(renew_secret, SEALER, moved, clock.now())
    deliver(database, clock)
    assert verify(secret, heard.heard[0][1], heard.heard[0][2], clock.now())
    happen(do, clock)
    do(remove_webhook, moved)
    deliver(database, clock)
    assert len(heard.heard) == 1


def test_so_many_deliveries_are_kept(do: Do, clock: FixedClock) -> None:
    webhook, _ = make(do, clock, "https://hooks.example/x")
    reaction = TellWebhooks("s", clock)

    def fill(tx: Connection) -> None:
        for number in range(KEPT + 3):
            ping(tx, webhook, "s", str(number), clock.now())
        tx.exec_driver_sql("UPDATE webhook_deliveries SET state = 'delivered'")

    do(fill)
    do(append, Event("tag.moved", "acme/web", {"tag": "1"}), clock.now())
    do(dispatch_new, {"w": reaction}, clock.now())
    assert len(do(list_deliveries, webhook, size=2 * KEPT).items) == KEPT


def test_another_webhooks_delivery_is_not_there(do: Do, clock: FixedClock) -> None:
    webhook, _ = make(do, clock, "https://hooks.example/x")
    other, _ = make(do, clock, "https://hooks.example/x", name="other", kinds=("tag.deleted",))
    happen(do, clock)
    delivery = newest(do, webhook)
    assert do(get_delivery, webhook, delivery.id)[1]["subject"] == "acme/web"
    for act in (get_delivery, redeliver):
        with pytest.raises(DeliveryUnknown):
            do(act, other, delivery.id, *([clock.now()] if act is redeliver else []))


def test_names_are_told_apart_by_organization(do: Do, clock: FixedClock) -> None:
    make(do, clock, "https://a.example/")
    make(do, clock, "https://b.example/", organization=None)
    for organization in ("acme", None):
        with pytest.raises(WebhookExists):
            make(do, clock, "https://c.example/", organization=organization)
        assert len(do(list_webhooks, organization).items) == 1
    assert do(get_webhook, None, "ci").wanted.url == "https://b.example/"
    with pytest.raises(WebhookUnknown):
        do(get_webhook, "nobody", "ci")


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("url", Wanted("ftp://a/b")),
        ("url", Wanted("https://")),
        ("url", Wanted("https://user:secret@a/")),
        ("url", Wanted("https://a/ b")),
        ("url", Wanted("https://a:99999/")),
        ("url", Wanted("nobody", Format.MAIL)),
        ("url", Wanted("a@b, c@d", Format.MAIL)),
        ("kinds", Wanted("https://a/", kinds=("nothing",))),
        ("images", Wanted("https://a/", images="[")),
        ("tags", Wanted("https://a/", tags="")),
    ],
)
def test_what_cannot_be_is_refused(do: Do, clock: FixedClock, field: str, wanted: Wanted) -> None:
    with pytest.raises(InvalidWebhook) as refused:
        do(create_webhook, SEALER, "x", "acme", wanted, None, clock.now(), offered=OFFERED)
    assert refused.value.field == field
