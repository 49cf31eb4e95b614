"""`wherry user invite` and what else is about getting in, on the data folder of a running server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.cli.served import Served, run, served

Wherry = Callable[..., str]
PASSWORD = "battery staple"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("sign-ins") / "data") as running:
        yield running


@pytest.fixture
def wherry(server: Served) -> Wherry:
    """Runs a command on the server's data folder; answers what it printed."""

    def command(*arguments: str, code: int = 0) -> str:
        ended = run(*arguments, "--data", str(server.data))
        assert ended.returncode == code, ended.stderr
        return ended.stderr if code else ended.stdout

    return command


def link_of(wherry: Wherry, server: Served, *arguments: str) -> str:
    made = json.loads(wherry("user", *arguments, "--url", f"{server.url}/", "--json"))
    assert made["link"].startswith(f"{server.url}/console/links/")
    return str(made["link"])


@contextmanager
def used(link: str, password: str) -> Iterator[httpx.Client]:
    """A browser that has opened the link and set the password."""
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        assert browser.get(link).status_code == 200
        answer = browser.post(
            link, data={"password": password, "again": password}, headers={"sec-fetch-site": "same-origin"}
        )
        assert answer.status_code == 200
        assert answer.url.path == "/console/"
        yield browser


def use(link: str, password: str) -> None:
    with used(link, password):
        pass


def sessions(wherry: Wherry, *arguments: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(wherry("user", "sessions", *arguments, "--json"))
    return listed


def test_an_invitation_brings_its_rights_and_a_session_that_can_be_ended(
    wherry: Wherry, server: Served
) -> None:
    link = link_of(wherry, server, "invite", "ann", "--grant", "acme=read", "--grant", "acme/web=write")
    with used(link, PASSWORD) as browser:
        assert "acme/web" in browser.get(f"{server.url}/console/").text
        assert httpx.get(f"{server.url}/v2/", auth=("ann", PASSWORD)).status_code == 200
        (session,) = sessions(wherry, "ann")
        assert (session["by"], session["address"]) == ("link", "127.0.0.1")
        assert session["browser"].startswith("python-httpx")
        sessions(wherry, "ann", "--end")
        assert browser.get(f"{server.url}/console/").url.path == "/console/sign-in"
    assert sessions(wherry, "ann") == []
    listed = json.loads(wherry("access", "list", "--user", "ann", "--json"))
    assert {grant["on"]: grant["level"] for grant in listed} == {"acme": "read", "acme/web": "write"}


def test_a_reset_link_sets_another_password(wherry: Wherry, server: Served) -> None:
    use(link_of(wherry, server, "invite", "bob"), PASSWORD)
    use(link_of(wherry, server, "reset-link", "bob", "--lifetime", "2h"), "another password")
    assert httpx.get(f"{server.url}/v2/", auth=("bob", PASSWORD)).status_code == 401
    assert httpx.get(f"{server.url}/v2/", auth=("bob", "another password")).status_code == 200


def test_a_right_that_cannot_be_given_invites_nobody(wherry: Wherry) -> None:
    assert "no level" in wherry("user", "invite", "eve", "--grant", "acme=all", code=2)
    assert "an hour at the least" in wherry("user", "invite", "eve", "--lifetime", "30d", code=1)
    assert "must be a duration" in wherry("user", "invite", "eve", "--lifetime", "soon", code=2)
    assert "there is no user" in wherry("user", "sessions", "eve", code=1)
    assert "there is no user" in wherry("user", "reset-link", "eve", code=1)


def test_people_of_a_provider_are_linked_and_unlinked(wherry: Wherry) -> None:
    wherry("user", "invite", "carl")
    assert "oidc.issuer is not set" in wherry("user", "link", "carl", "--subject", "4711", code=2)
    issuer = ("--issuer", "https://id.example.com")
    assert "signs in as carl now" in wherry("user", "link", "carl", "--subject", "4711", *issuer)
    assert "linked already" in wherry("user", "link", "carl", "--subject", "4711", *issuer, code=1)
    assert "was linked to 1" in wherry("user", "unlink", "carl")


def test_each_is_on_record_without_a_secret(wherry: Wherry, server: Served) -> None:
    link = link_of(wherry, server, "invite", "dora", "--grant", "acme=read")
    use(link, PASSWORD)
    exported = run("audit", "export", "--data", str(server.data), "--format", "jsonl").stdout
    records = [json.loads(line) for line in exported.splitlines()]
    about = [(record["action"], record["actor"]) for record in records if record["name"] == "dora"]
    assert about == [("user.change", "command line"), ("link.use", "dora")]
    assert link.rpartition("/")[2] not in exported
