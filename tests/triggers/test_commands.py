"""`wherry trigger` as typed, on a data folder with an image and registered clusters."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.clusters.kubeconfigs import kubeconfig
from wherry.cli.main import build_app
from wherry.clusters.yaml_text import read_yaml
from wherry.db.database import Database
from wherry.identity.organizations import create_organization
from wherry.identity.users import create_user
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import ensure_repository
from wherry.triggers.find import get_trigger
from wherry.triggers.react import Push, fire

Wherry = Callable[..., str]
APP = build_app()
WEB = RepositoryName("acme/web")
TO_WEB = ("-n", "shop", "--workload", "web")


@pytest.fixture
def database(_migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """A data folder with the administrator ann and the image acme/web."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(_migrated_sqlite, folder / "wherry.db")
    made = Database(f"sqlite:///{folder / 'wherry.db'}")
    now = datetime.now(UTC)
    ann = made.write_now(lambda tx: create_user(tx, "ann", "hash", now, is_admin=True))
    made.write_now(lambda tx: create_organization(tx, "acme", ann.id, now))
    made.write_now(lambda tx: ensure_repository(tx, WEB, ann.id, now))
    yield made
    made.close()


@pytest.fixture
def wherry(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wherry:
    """Runs a command; answers what it printed, or with a `code` what it complained of."""
    monkeypatch.setenv("WHERRY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WHERRY_CLUSTERS_ALLOWED_NETWORKS", "127.0.0.0/8")

    def command(*arguments: str, code: int = 0, typed: str | None = None) -> str:
        ended = CliRunner().invoke(APP, arguments, input=typed)
        assert ended.exit_code == code, (ended.output, ended.exception)
        return ended.stderr if code else ended.stdout

    file = tmp_path / "config"
    file.write_text(kubeconfig({"server": "https://127.0.0.1:1"}))
    for name in ("canary", "berlin", "paris"):
        more = ("--organization", "acme", "--offline", "--no-default-secret")
        command("cluster", "add", name, "--kubeconfig", str(file), *more)
    return command


def document(wherry: Wherry, name: str = "prod") -> Any:
    return json.loads(wherry("trigger", "show", "acme/web", name, "-o", "json"))


def push(database: Database, number: int) -> int:
    """What the reaction to a push does; the number of its run."""
    now = datetime.now(UTC)
    event = Push(f"test:{number}", WEB, "1.4.2", f"sha256:{number:064x}", "bob", now)
    [run] = database.write_now(lambda tx: fire(tx, get_trigger(tx, WEB, "prod"), event, now))
    return int(run)


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        (("--all",), "all", ""),
        (("--tag", "1", "--tag", "2"), "tag", "1;2"),
        (("--regex", "v.*"), "regex", "v.*"),
        (("--glob", "nightly-*"), "glob", "nightly-*"),
        (("--semver", "~1.4"), "semver", "~1.4"),
    ],
)
def test_each_kind_of_condition_has_its_option(
    wherry: Wherry, options: tuple[str, ...], kind: str, text: str
) -> None:
    wherry("trigger", "create", "acme/web", "prod", *options, "--cluster", "berlin", *TO_WEB)
    assert document(wherry)["condition"] == {"kind": kind, "text": text}
    assert document(wherry)["owner"] == "ann"


def test_waves_windows_and_approval_are_kept(wherry: Wherry) -> None:
    waves = ("--wave", "canary", "--wave", "berlin,paris")
    more = ("--approval", "--window", "mon,tue 09:00-17:00 Europe/Berlin", "--delay", "60")
    chosen = ("-n", "shop", "--selector", "StatefulSet/app=web", "--container", "app")
    wherry("trigger", "create", "acme/web", "prod", "--all", *waves, *chosen, *more)
    shown = document(wherry)
    assert shown["target"]["waves"] == [["canary"], ["berlin", "paris"]]
    assert (shown["target"]["kind"], shown["target"]["selector"]) == ("StatefulSet", "app=web")
    assert (shown["options"]["approval"], shown["options"]["delay"]) == (True, 60)
    assert shown["options"]["windows"] == [
        {"days": ["mon", "tue"], "start": "09:00", "end": "17:00", "zone": "Europe/Berlin"}
    ]


def test_a_trigger_is_made_from_the_document_that_another_one_shows(wherry: Wherry, tmp_path: Path) -> None:
    wherry("trigger", "create", "acme/web", "prod", "--all", "--cluster", "berlin", *TO_WEB)
    shown = read_yaml(wherry("trigger", "show", "acme/web", "prod", "-o", "yaml"))
    assert isinstance(shown, dict)
    wanted = {key: shown[key] for key in ("condition", "target", "options")}
    file = tmp_path / "trigger.json"
    file.write_text(json.dumps(wanted))
    wherry("trigger", "create", "acme/web", "two", "--file", str(file))
    assert document(wherry, "two")["target"] == document(wherry)["target"]


def test_a_password_for_git_is_read_and_never_printed(wherry: Wherry) -> None:
    where = ("--git-url", "https://git.example.com/shop.git", "--git-user", "ci", "--git-password-stdin")
    edit = ("--kustomize", "kustomization.yaml=web", "--helm", "values.yaml=web.image.tag")
    wherry("trigger", "create", "acme/web", "prod", "--all", *where, *edit, typed="s3cret-s3cret\n")
    assert "s3cret" not in wherry("trigger", "show", "acme/web", "prod", "-o", "yaml")
    git = document(wherry)["target"]["git"]
    assert git["has_password"] is True
    assert [edit["kind"] for edit in git["edits"]] == ["kustomize", "helm"]


def test_what_cannot_be_is_refused_in_words(wherry: Wherry) -> None:
    start = ("trigger", "create", "acme/web", "prod")
    assert "one of --all" in wherry(*start, "--cluster", "berlin", *TO_WEB, code=2)
    assert "cannot be read" in wherry(*start, "--regex", "(", "--cluster", "berlin", *TO_WEB, code=1)
    assert "rome" in wherry(*start, "--all", "--cluster", "rome", *TO_WEB, code=1)
    assert "has no trigger" in wherry("trigger", "show", "acme/web", "none", code=1)


def test_a_trigger_is_switched_paused_and_deleted(wherry: Wherry) -> None:
    wherry("trigger", "create", "acme/web", "prod", "--all", "--cluster", "berlin", *TO_WEB)
    one = ("acme/web", "prod")
    wherry("trigger", "disable", *one)
    assert document(wherry)["why_not"] == "the trigger is disabled"
    wherry("trigger", "enable", *one)
    wherry("trigger", "pause", *one, "--reason", "a sale")
    assert document(wherry)["paused_because"] == "a sale"
    wherry("trigger", "resume", *one)
    assert document(wherry)["fires"] is True
    [row] = json.loads(wherry("trigger", "list", "acme/web", "--json"))
    assert (row["name"], row["where"], row["what"], row["last"]) == (
        "prod",
        "berlin",
        "Deployment shop/web",
        None,
    )
    wherry("trigger", "delete", *one)
    assert json.loads(wherry("trigger", "list", "acme/web", "--json")) == []


def test_runs_are_approved_and_rejected_and_told_in_the_history(wherry: Wherry, database: Database) -> None:
    wherry("trigger", "create", "acme/web", "prod", "--all", "--cluster", "berlin", *TO_WEB, "--approval")
    [place] = json.loads(wherry("trigger", "preview", "acme/web", "1.4.2", "--json"))
    assert (place["fires"], place["where"]) == (True, "berlin")
    assert "approval" in place["detail"]
    asked = ("trigger", "preview", "acme/web", "1.4.2", "--ask-clusters", "--json")
    assert "cluster berlin" in json.loads(wherry(*asked))[0]["detail"]  # nobody listens at its address
    first = push(database, 1)
    assert "not today" in wherry("trigger", "reject", "acme/web", str(first), "--reason", "not today")
    second = push(database, 2)
    assert "approved by ann" in wherry("trigger", "approve", "acme/web", str(second))
    rows = json.loads(wherry("trigger", "history", "acme/web", "prod", "--json"))
    assert [(row["run"], row["state"]) for row in rows] == [(second, "waiting"), (first, "skipped")]
    [row] = json.loads(wherry("trigger", "history", "acme/web", "--state", "skipped", "--json"))
    assert "ann has rejected it" in row["detail"]
    assert "manifest" in wherry("trigger", "replay", "acme/web", str(second), code=1).lower()
    assert "not today" in wherry("trigger", "history", "acme/web", "--watch", "--for", "0.2")
