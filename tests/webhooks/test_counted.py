"""What `/metrics` tells of deliveries: each attempt by the webhook's format and by what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.databases import Do, FixedClock
from tests.observability.scraping import Scraper
from tests.webhooks.receiver import Receiver, receiver
from wherry.clusters.addresses import AddressRules
from wherry.db.bell import Bell
from wherry.db.database import Database
from wherry.events.dispatch import dispatch_new
from wherry.events.outbox import Event, append
from wherry.identity.organizations import create_organization
from wherry.jobs.errors import LeaseLost
from wherry.jobs.running import Running
from wherry.jobs.working import Worker
from wherry.kit.secrets import Sealer, new_master_key
from wherry.webhooks.deliver import PAUSES, Deliver
from wherry.webhooks.deliveries import JOB
from wherry.webhooks.drivers.http import HttpPost
from wherry.webhooks.react import TellWebhooks
from wherry.webhooks.webhook import Format, Wanted, create_webhook

SEALER = Sealer(new_master_key())


@pytest.fixture
def heard() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


class Site:
    """One webhook of each format that is asked for, told of one event."""

    def __init__(self, database: Database, do: Do, clock: FixedClock, folder: Path) -> None:
        self.database = database
        self.do = do
        self.clock = clock
        self.scraper = Scraper(database, clock, folder)
        do(create_organization, "acme", None, clock.now())

    def tell(self, url: str, *formats: Format) -> None:
        now = self.clock.now()
        for sent_as in formats:
            address = "team@example.com" if sent_as is Format.MAIL else url
            wanted = Wanted(address, format=sent_as)
            self.do(create_webhook, SEALER, sent_as.value, "acme", wanted, None, now, offered={"tag.moved"})
        self.do(append, Event("tag.moved", "acme/web", {"tag": "1", "digest": "sha256:0"}), now)
        self.do(dispatch_new, {"webhooks": TellWebhooks("https://reg.example", self.clock)}, now)

    def work(self) -> None:
        async def run() -> None:
            bell = Bell(self.database)
            await bell.open()
            post = HttpPost(AddressRules((ip_network("127.0.0.0/8"),)))
            handler = Deliver(self.database, SEALER, self.clock, post, None)
            await Worker(self.database, self.clock, {JOB: handler}, bell, luck=lambda: 0.0).run_due()
            await bell.close()

        asyncio.run(run())

    @property
    def counted(self) -> dict[tuple[str, str], float]:
        found = asyncio.run(self.scraper.scrape())
        return {
            (dict(labels)["format"], dict(labels)["result"]): value
            for (name, labels), value in found.items()
            if name == "wherry_webhook_attempts_total"
        }


@pytest.fixture
def site(database: Database, do: Do, clock: FixedClock, tmp_path: Path) -> Site:
    return Site(database, do, clock, tmp_path)


def test_deliveries_are_counted_by_format(site: Site, heard: Receiver) -> None:
    site.tell(heard.url, Format.CLOUD_EVENTS, Format.SLACK, Format.MAIL)
    assert site.counted == {}
    site.work()
    site.work()
    assert len(heard.heard) == 2
    # There is no mail server, and never will be.
    assert site.counted == {
        ("cloudevents", "delivered"): 1,
        ("slack", "delivered"): 1,
        ("mail", "dead"): 1,
    }


def test_what_is_tried_again_is_counted_at_each_attempt(site: Site, heard: Receiver) -> None:
    heard.answers += [(503, {}, b"")] * 2
    site.tell(heard.url, Format.TEAMS)
    for pause in (0.0, *(one.total_seconds() for one in PAUSES[:2])):
        site.clock.move(seconds=pause * 1.3)
        site.work()
    assert site.counted == {("teams", "waiting"): 2, ("teams", "delivered"): 1}


def test_what_is_given_up_is_counted_once(site: Site, heard: Receiver) -> None:
    heard.answers += [(500, {}, b"")] * (len(PAUSES) + 1)
    site.tell(heard.url, Format.MATTERMOST)
    for pause in (0.0, *(one.total_seconds() for one in PAUSES)):
        site.clock.move(seconds=pause * 1.3)
        site.work()
    assert site.counted == {("mattermost", "waiting"): len(PAUSES), ("mattermost", "dead"): 1}


def test_an_attempt_that_could_not_be_noted_is_not_counted(
    site: Site, heard: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job was lost meanwhile; who has it now makes the attempt anew."""
    require_held = Running.require_held
    lost: list[int] = []

    def lose_it_once(running: Running, tx: Connection) -> None:
        if not lost:
            lost.append(running.id)
            raise LeaseLost(running.id)
        require_held(running, tx)

    monkeypatch.setattr(Running, "require_held", lose_it_once)
    site.tell(heard.url, Format.CLOUD_EVENTS)
    site.work()
    assert (len(heard.heard), site.counted) == (1, {})
    site.clock.move(minutes=1)
    site.work()
    assert (len(heard.heard), site.counted) == (2, {("cloudevents", "delivered"): 1})
