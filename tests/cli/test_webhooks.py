"""`wherry webhook` on a data folder without a server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wherry.cli.main import build_app
from wherry.db.database import Database
from wherry.identity.organizations import create_organization
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import ensure_repository

WEB = RepositoryName("acme/web")
Wherry = Callable[..., str]
APP = build_app()


@pytest.fixture
def wherry(_migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wherry:
    """Runs a command on a data folder with acme; with a `code` answers the complaint."""
    shutil.copy(_migrated_sqlite, tmp_path / "wherry.db")
    database = Database(f"sqlite:///{tmp_path / 'wherry.db'}")
    database.write_now(lambda tx: create_organization(tx, "acme", None, datetime.now(UTC)))
    database.write_now(lambda tx: ensure_repository(tx, WEB, None, datetime.now(UTC)))
    database.close()
    monkeypatch.setenv("WHERRY_DATA", str(tmp_path))

    def command(*arguments: str, code: int = 0) -> str:
        ended = CliRunner().invoke(APP, ["webhook", *arguments])
        assert ended.exit_code == code, (ended.output, ended.exception)
        return ended.stderr if code else ended.stdout

    return command


@pytest.mark.parametrize("whose", [("--organization", "acme"), ()], ids=["organization", "site"])
def test_a_webhook_is_made_changed_tried_and_deleted(wherry: Wherry, whose: tuple[str, ...]) -> None:
    made = wherry("create", "ci", "https://hooks.example.com/ci", "--event", "tag.moved", *whose)
    assert "whsec_" in made
    assert wherry("change", "ci", "--tags", "v*", "--disable", *whose) == "The webhook ci is changed.\n"
    shown = json.loads(wherry("show", "ci", "--json", *whose))
    assert (shown["tags"], shown["kinds"], shown["is_enabled"]) == ("v*", ["tag.moved"], False)
    assert "secret" not in shown
    assert [one["name"] for one in json.loads(wherry("list", "--json", *whose))] == ["ci"]
    wherry("ping", "ci", *whose)
    [told] = json.loads(wherry("deliveries", "ci", "--state", "waiting", "--json", *whose))
    assert told["kind"] == "ping"
    assert "again" in wherry("redeliver", "ci", str(told["id"]), *whose)
    wherry("delete", "ci", *whose)
    assert "there is no webhook ci" in wherry("show", "ci", *whose, code=1)


def test_what_cannot_be_is_said(wherry: Wherry) -> None:
    assert "there is no event" in wherry("create", "a", "https://a.example/", "--event", "x", code=1)
    assert "valid are" in wherry("create", "a", "https://a.example/", "--format", "x", code=2)
    assert "there is no webhook" in wherry("ping", "a", code=1)


def test_a_sender_is_added_listed_and_removed_and_what_proves_it_is_printed_once(wherry: Wherry) -> None:
    more = ("--image", "harbor.example.com/acme/web", "--repository", "acme/web")
    made = wherry("sender", "add", "there", "--product", "harbor", *more)
    assert "/hooks/" in made
    assert "whsec_" in made
    assert "secret" not in wherry("sender", "add", "hub", "--product", "dockerhub", *more)
    listed = wherry("sender", "list", "--organization", "acme", "--json")
    assert [one["name"] for one in json.loads(listed)] == ["hub", "there"]
    for hidden in (made.partition("/hooks/")[2].split()[0], made.partition("whsec_")[2].split()[0]):
        assert hidden not in listed
    assert wherry("sender", "remove", "hub", "--organization", "acme") == "The sender hub is gone.\n"
    assert "there is no sender hub" in wherry("sender", "remove", "hub", "--organization", "acme", code=1)
    assert "valid are dockerhub" in wherry("sender", "add", "x", "--product", "nobody", *more, code=2)
