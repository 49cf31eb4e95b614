"""`wherry team`, `wherry robot`, `wherry key rotate`, lines that log in: on a folder without a server."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from wherry.cli.main import build_app
from wherry.db.database import Database
from wherry.identity.organizations import create_organization
from wherry.identity.users import create_user

Wherry = Callable[..., str]
APP = build_app()


@pytest.fixture
def wherry(_migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wherry:
    """Runs a command on a data folder with ann, bob and acme; with a `code` answers the complaint."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(_migrated_sqlite, folder / "wherry.db")
    database, now = Database(f"sqlite:///{folder / 'wherry.db'}"), datetime.now(UTC)
    for name in ("ann", "bob"):
        database.write_now(lambda tx, name=name: create_user(tx, name, "hash", now))  # type: ignore[misc]
    database.write_now(lambda tx: create_organization(tx, "acme", None, now))
    database.close()
    monkeypatch.setenv("WHERRY_DATA", str(folder))

    def command(*arguments: str, code: int = 0) -> str:
        ended = CliRunner().invoke(APP, arguments)
        assert ended.exit_code == code, (ended.output, ended.exception)
        return ended.stderr if code else ended.stdout

    return command


def records(wherry: Wherry, *arguments: str) -> Any:
    return json.loads(wherry(*arguments, "--json"))


def key_in(file: Path) -> str:
    [row] = csv.DictReader(file.read_text().splitlines())
    return row["Access Key Id"]


def test_a_team_is_made_filled_given_rights_and_deleted(wherry: Wherry) -> None:
    assert wherry("team", "create", "acme/web", "--description", "front") == "acme has the team web now.\n"
    for name in ("bob", "ann"):
        assert wherry("team", "add", "acme/web", name) == f"{name} is in acme/web now.\n"
    assert wherry("access", "grant", "--team", "acme/web", "write", "acme/site") == (
        "acme/web has write on the image acme/site now.\n"
    )
    shown = records(wherry, "team", "show", "acme/web")
    assert (shown["members"], shown["rights"]) == (["ann", "bob"], ["acme/site=write"])
    assert "yes" in wherry("access", "explain", "ann", "push", "acme/site")
    wherry("access", "grant", "bob", "read", "acme/site")
    given = records(wherry, "access", "list", "--on", "acme/site")
    assert [(row["user"], row["team"], row["level"]) for row in given] == [
        ("bob", None, "read"),
        (None, "acme/web", "write"),
    ]
    assert wherry("team", "remove", "acme/web", "ann") == "ann is not in acme/web any more.\n"
    assert "ann is not in" in wherry("team", "remove", "acme/web", "ann", code=1)
    wherry("access", "revoke", "--team", "acme/web", "acme/site")
    assert "was given nothing" in wherry("access", "revoke", "--team", "acme/web", "acme/site", code=1)
    [listed] = records(wherry, "team", "list", "acme")
    assert (listed["name"], listed["members"], listed["description"]) == ("web", 1, "front")
    wherry("team", "delete", "acme/web")
    assert records(wherry, "team", "list") == []


def test_a_robot_is_made_with_its_rights_and_gets_keys(wherry: Wherry, tmp_path: Path) -> None:
    said = wherry("robot", "create", "acme/ci", "--right", "acme/web=write", "--right", "acme=read")
    assert "wherry key create --user acme+ci --csv credentials.csv" in said
    wherry("key", "create", "--user", "acme+ci", "--csv", str(tmp_path / "ci.csv"))
    [listed] = records(wherry, "robot", "list", "acme")
    assert (listed["user"], listed["keys"]) == ("acme+ci", 1)
    assert listed["rights"] == ["acme=read", "acme/web=write"]
    assert wherry("robot", "delete", "acme/ci") == "acme has no robot ci any more.\n"
    assert records(wherry, "robot", "list", "acme") == []
    assert records(wherry, "key", "list") == []


def test_a_rotated_key_goes_on_for_a_while(wherry: Wherry, tmp_path: Path) -> None:
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    wherry("key", "create", "--user", "ann", "--csv", str(old), "--scope", "acme=read", "--expires", "90d")
    said = wherry("key", "rotate", key_in(old), "--csv", str(new), "--overlap", "7d")
    assert f"{key_in(old)} works until " in said
    first, second = records(wherry, "key", "list", "--user", "ann")
    assert (first["id"], second["id"]) == (key_in(old), key_in(new))
    assert (second["scope"], second["name"]) == (first["scope"], first["name"])
    ends = [datetime.fromisoformat(row["expires"]) - datetime.now(UTC) for row in (first, second)]
    assert timedelta(days=6) < ends[0] <= timedelta(days=7)
    assert timedelta(days=89) < ends[1] <= timedelta(days=90)


def test_a_rotation_that_fails_leaves_no_file(wherry: Wherry, tmp_path: Path) -> None:
    file, known = tmp_path / "new.csv", tmp_path / "known.csv"
    wherry("key", "create", "--user", "ann", "--csv", str(known))
    for arguments, code in (
        ((key_in(known), "--overlap", "31d"), 1),
        ((key_in(known), "--overlap", "soon"), 2),
        (("NOSUCHKEY",), 1),
    ):
        wherry("key", "rotate", *arguments, "--csv", str(file), code=code)
        assert not file.exists()
    assert len(records(wherry, "key", "list")) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("team", "create", "acme"), 2, "such as acme/web"),
        (("team", "create", "acme/We b"), 1, "the name of a team"),
        (("team", "create", "none/web"), 1, "there is no organization 'none'"),
        (("team", "add", "acme/none", "ann"), 1, "acme has no team 'none'"),
        (("team", "list", "none"), 1, "there is no organization 'none'"),
        (("access", "grant", "--team", "acme/none", "read", "acme"), 1, "acme has no team 'none'"),
        (("access", "grant", "--team", "ann", "read", "acme"), 2, "such as acme/web"),
        (("robot", "create", "acme/ci", "--right", "acme"), 2, "--right acme:"),
        (("robot", "create", "acme/ci", "--right", "beta=read"), 1, "a robot of acme"),
        (("robot", "delete", "acme/none"), 1, "acme has no robot 'none'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    wherry: Wherry, arguments: tuple[str, ...], code: int, said: str
) -> None:
    complaint = wherry(*arguments, code=code)
    assert said in complaint
    assert complaint.count("\n") == 1


def test_the_lines_that_log_in_are_printed_for_a_host(wherry: Wherry, tmp_path: Path) -> None:
    file = tmp_path / "credentials.csv"
    wherry("key", "create", "--user", "ann", "--csv", str(file))
    login = records(wherry, "login-key", str(file), "--host", "http://127.0.0.1:5000")
    assert login["commands"]["docker"] == (
        f"docker login -u {login['user']} -p {login['password']} 127.0.0.1:5000"
    )
    assert "--tls-verify=false" in login["commands"]["podman"]
    printed = wherry("login-key", str(file), "--host", "registry.example")
    assert f"\n# skopeo\nskopeo login -u {login['user']} -p {login['password']} registry.example\n" in printed
    assert "kind: Secret" in printed
    assert "--tls-verify" not in printed
