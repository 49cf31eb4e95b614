"""`wherry webhook` with `--server`: over the API of a real server it says what it says on the data folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from engines.servers.wherry import Wherry
from tests.cli.both_ways import Run, push, rows, run
from tests.webhooks.receiver import Receiver, receiver
from tests.webhooks.told import IMAGES, proof, told
from wherry.webhooks.errors import NotAuthentic
from wherry.webhooks.pushes_in import Product
from wherry.webhooks.signature import verify

HOOK = "https://hooks.example.com/ci"


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def same(there: Run, here: Run, *command: str) -> Any:
    """What both ways tell, printed in each form."""
    assert there("webhook", *command) == here("webhook", *command), command
    said = rows(there("webhook", *command, "--json"))
    assert said == rows(here("webhook", *command, "--json")), command
    return said


def last_line(text: str) -> str:
    return text.splitlines()[-1].strip()


@pytest.mark.parametrize("whose", [("--organization", "acme"), ()], ids=["organization", "site"])
def test_a_webhook_is_made_changed_tried_and_deleted_over_the_api(
    there: Run, here: Run, whose: tuple[str, ...]
) -> None:
    more = ("--event", "tag.moved", "--images", "acme/*", "--format", "slack", *whose)
    made = there("webhook", "create", "ci", HOOK, *more)
    assert made.startswith("The webhook ci is made. Its deliveries are signed with\n  whsec_")
    shown = same(there, here, "show", "ci", *whose)
    assert (shown["kinds"], shown["images"], shown["format"]) == (["tag.moved"], "acme/*", "slack")
    changed = there("webhook", "change", "ci", "--tags", "v*", "--disable", *whose)
    assert changed == "The webhook ci is changed.\n"
    shown = same(there, here, "show", "ci", *whose)
    assert (shown["tags"], shown["kinds"], shown["is_enabled"]) == ("v*", ["tag.moved"], False)
    assert there("webhook", "change", "ci", *whose) == "The webhook ci is changed.\n"
    here("webhook", "create", "an earlier one", HOOK, *whose)
    assert [one["name"] for one in same(there, here, "list", *whose)] == ["an earlier one", "ci"]
    assert there("webhook", "delete", "ci", *whose) == "The webhook ci is gone.\n"
    assert "there is no webhook ci" in there("webhook", "show", "ci", *whose, code=1)


def test_deliveries_are_told_and_made_again_over_the_api(there: Run, here: Run) -> None:
    with receiver() as heard:
        there("webhook", "create", "told", heard.url, "--event", "right.changed")
        numbers = [int(there("webhook", "ping", "told").split()[1]) for _ in range(3)]
        until(
            lambda: len(rows(there("webhook", "deliveries", "told", "--state", "delivered", "--json"))) == 3
        )
        for narrowed in ((), ("--state", "delivered"), ("--state", "dead"), ("--limit", "2")):
            same(there, here, "deliveries", "told", *narrowed)
        listed = rows(there("webhook", "deliveries", "told", "--limit", "2", "--json"))
        assert [one["id"] for one in listed] == numbers[:0:-1]
        again = there("webhook", "redeliver", "told", str(numbers[0]))
        assert again == f"Delivery {numbers[0]} is on its way again.\n"
        until(lambda: len(heard.heard) == 4)
    there("webhook", "delete", "told")


@pytest.mark.parametrize("whose", [("--organization", "acme"), ()], ids=["organization", "site"])
def test_a_renewed_secret_signs_from_then_on_and_the_one_before_does_not(
    there: Run, here: Run, whose: tuple[str, ...]
) -> None:
    with receiver() as heard:
        secret = last_line(there("webhook", "create", "keys", heard.url, *whose))
        for way in (here, there):
            said = way("webhook", "renew-secret", "keys", *whose)
            assert said.startswith("The webhook keys has another secret. Its deliveries are signed with\n  ")
            before, secret = secret, last_line(said)
            assert said.count(secret) == 1
            headers, body = pinged(way, heard, *whose)
            assert verify(secret, headers, body, datetime.now(UTC))
            with pytest.raises(NotAuthentic):
                verify(before, headers, body, datetime.now(UTC))
            assert secret not in way("webhook", "show", "keys", "--json", *whose)
    there("webhook", "delete", "keys", *whose)
    renewals = [
        (record["actor"], secret in str(record))
        for record in rows(there("audit", "list", "--limit", "20", "--json"))
        if record["detail"].get("change") == "secret renewed"
    ]
    assert renewals[:2] == [("admin", False), ("command line", False)]


def pinged(way: Run, heard: Receiver, *whose: str) -> tuple[dict[str, str], bytes]:
    """Headers and body of what came next."""
    before = len(heard.heard)
    way("webhook", "ping", "keys", *whose)
    until(lambda: len(heard.heard) > before)
    return heard.heard[before][1:]


def test_a_renewed_sender_is_heard_at_its_new_address_with_its_new_secret_only(
    there: Run, here: Run, site: Wherry
) -> None:
    product, number = Product.HARBOR, 2
    more = ("--product", product.value, "--image", IMAGES[product], "--repository", "acme/web")
    said = there("webhook", "sender", "add", "harbor", *more)
    assert said.startswith(f"The sender harbor is made. It sends to\n  {site.url}/hooks/")

    def heard_with(given: str, secret: str) -> int:
        body = told(product, number=number)
        headers = proof(product, secret, body, datetime.now(UTC), number)
        return httpx.post(given.splitlines()[1].strip(), content=body, headers=headers).status_code

    assert heard_with(said, last_line(said)) == 202
    for way in (there, here):
        renewed = way("webhook", "sender", "renew", "harbor", "--organization", "acme")
        assert renewed.startswith(f"The sender harbor has another address. It sends to\n  {site.url}/hooks/")
        assert renewed.splitlines()[2] == "with the secret"
        assert heard_with(said, last_line(said)) == 404
        assert heard_with(renewed, last_line(said)) == 401
        assert heard_with(renewed, last_line(renewed)) == 202
        said = renewed
    there("webhook", "sender", "remove", "harbor", "--organization", "acme")


def test_senders_are_added_listed_and_removed_over_the_api(there: Run, here: Run, site: Wherry) -> None:
    push(site, "1", name="alone")
    without = ("--product", "dockerhub", "--image", "acme/web")
    said = there("webhook", "sender", "add", "hub", *without, "--repository", "acme/web")
    assert len(said.splitlines()) == 2
    there("webhook", "sender", "add", "bare", *without, "--repository", "alone")
    renewed = there("webhook", "sender", "renew", "hub", "--organization", "acme")
    assert "secret" not in renewed
    for organization, name, repository in (("acme", "hub", "acme/web"), ("library", "bare", "alone")):
        [one] = same(there, here, "sender", "list", "--organization", organization)
        assert (one["name"], one["repository"], one["image"]) == (name, repository, "docker.io/acme/web")
        gone = there("webhook", "sender", "remove", name, "--organization", organization)
        assert gone == f"The sender {name} is gone.\n"


def test_what_is_refused_is_said_in_words(
    there: Run, here: Run, site: Wherry, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = ("--organization", "acme")
    bad = ("--product", "quay", "--image", "quay.io/acme/web")
    for command in (
        ("create", "a", "https://a.example/", "--event", "x", *acme),
        ("create", "a", "ftp://a.example/"),
        ("create", "a/b", "https://a.example/"),
        ("show", "none", *acme),
        ("change", "none", "--tags", "*"),
        ("delete", "none", *acme),
        ("ping", "none"),
        ("deliveries", "none", *acme),
        ("redeliver", "none", "1"),
        ("renew-secret", "none"),
        ("list", "--organization", "nowhere"),
        ("sender", "list", "--organization", "nowhere"),
        ("sender", "renew", "none", *acme),
        ("sender", "remove", "none", *acme),
        ("sender", "add", "x", *bad, "--repository", "acme/none"),
        ("sender", "add", "x", *bad, "--repository", "Acme/"),
    ):
        for way in (there, here):
            said = way("webhook", *command, code=1)
            assert said.startswith("wherry: ")
            assert len(said.splitlines()) == 1
    assert "there is no event" in there("webhook", "create", "a", HOOK, "--event", "x", code=1)
    assert "valid are" in there("webhook", "create", "a", HOOK, "--format", "x", code=2)
    assert "valid are" in there("webhook", "deliveries", "a", "--state", "x", code=2)
    monkeypatch.setenv("WHERRY_USER", "ann")
    monkeypatch.setenv("WHERRY_PASSWORD", "ann-has-a-password")
    refused = run("webhook", "list", "--server", site.url, code=1)
    assert refused == "wherry: ann is no administrator\n"
