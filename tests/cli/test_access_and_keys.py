"""`wherry access`, `wherry key`, `wherry login-key`: as typed, on a data folder without a server."""

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
from wherry.identity.access_keys import list_access_keys
from wherry.identity.login_keys import login_key
from wherry.identity.users import create_user

Wherry = Callable[..., str]
APP = build_app()


@pytest.fixture
def data(_migrated_sqlite: Path, tmp_path: Path) -> Path:
    """A data folder with the users ann and bob."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(_migrated_sqlite, folder / "wherry.db")
    database, now = Database(f"sqlite:///{folder / 'wherry.db'}"), datetime.now(UTC)
    for name in ("ann", "bob"):
        database.write_now(lambda tx, name=name: create_user(tx, name, "hash", now))  # type: ignore[misc]
    database.close()
    return folder


@pytest.fixture
def wherry(data: Path, monkeypatch: pytest.MonkeyPatch) -> Wherry:
    """Runs a command; answers what it printed, or with a `code` what it complained of."""
    monkeypatch.setenv("WHERRY_DATA", str(data))

    def command(*arguments: str, code: int = 0) -> str:
        ended = CliRunner().invoke(APP, arguments)
        assert ended.exit_code == code, (ended.output, ended.exception)
        return ended.stderr if code else ended.stdout

    return command


def records(wherry: Wherry, *arguments: str) -> Any:
    return json.loads(wherry(*arguments, "--json"))


def test_a_right_is_given_listed_and_taken_back(wherry: Wherry) -> None:
    assert wherry("access", "grant", "ann", "write", "acme/web") == (
        "ann has write on the image acme/web now.\n"
    )
    wherry("access", "grant", "bob", "read", "acme")
    listed = records(wherry, "access", "list")
    assert [(row["user"], row["level"], row["kind"], row["on"]) for row in listed] == [
        ("bob", "read", "organization", "acme"),
        ("ann", "write", "image", "acme/web"),
    ]
    assert [row["on"] for row in records(wherry, "access", "list", "--user", "ann")] == ["acme/web"]
    assert [row["user"] for row in records(wherry, "access", "list", "--on", "acme")] == ["bob"]
    assert wherry("access", "revoke", "ann", "acme/web") == (
        "ann has nothing on the image acme/web any more.\n"
    )
    assert "was given nothing" in wherry("access", "revoke", "ann", "acme/web", code=1)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("access", "grant", "ann", "own", "acme"), 2, "valid are read, write and edit"),
        (("access", "grant", "nobody", "read", "acme"), 1, "there is no user 'nobody'"),
        (("access", "grant", "ann", "read", "Acme"), 1, "repository name"),
        (("access", "revoke", "nobody", "acme"), 1, "there is no user 'nobody'"),
        (("access", "explain", "nobody", "pull", "acme/web"), 1, "there is no user 'nobody'"),
        (("access", "explain", "ann", "eat", "acme/web"), 2, "valid are pull, push, delete"),
        (("key", "disable", "NOSUCHKEY"), 1, "there is no access key NOSUCHKEY"),
        (("key", "delete", "NOSUCHKEY"), 1, "there is no access key NOSUCHKEY"),
        (("login-key", "/nowhere/credentials.csv"), 1, "No such file"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    wherry: Wherry, arguments: tuple[str, ...], code: int, said: str
) -> None:
    complaint = wherry(*arguments, code=code)
    assert said in complaint
    assert complaint.count("\n") == 1


def test_explain_says_why_and_why_not(wherry: Wherry) -> None:
    wherry("access", "grant", "ann", "read", "acme")
    assert records(wherry, "access", "explain", "ann", "pull", "acme/web") == {
        "allowed": True,
        "reason": "ann has read on acme/web",
        "rights": [
            {
                "source": "grant",
                "level": "read",
                "words": "read on the organization acme, given to ann",
                "suffices": True,
            }
        ],
    }
    said = wherry("access", "explain", "ann", "push", "acme/web")
    assert said.splitlines() == [
        "allowed  no",
        "reason   ann has read on acme/web, and this takes write",
        "right    read on the organization acme, given to ann",
    ]
    assert records(wherry, "access", "explain", "bob", "pull", "acme/web")["reason"] == (
        "bob has no right on acme/web"
    )


def test_explain_knows_every_action_organizations_and_keys(wherry: Wherry, tmp_path: Path) -> None:
    wherry("access", "grant", "ann", "edit", "acme")
    file = tmp_path / "credentials.csv"
    wherry("key", "create", "--user", "ann", "--csv", str(file), "--scope", "acme=read")
    [row] = csv.DictReader(file.read_text().splitlines())
    key_id = row["Access Key Id"]
    assert records(wherry, "access", "explain", "ann", "organization.delete", "acme")["allowed"] is True
    refused = wherry("access", "explain", "ann", "organization.delete", "acme", "--key", key_id)
    assert refused.splitlines() == [
        "allowed  no",
        f"reason   the access key {key_id} is not for edit on acme",
        f"limit    the access key {key_id} allows read on acme at the most",
        "right    edit on the organization acme, given to ann",
    ]
    assert records(wherry, "access", "explain", "ann", "user.see")["reason"] == "ann is no administrator"
    assert "say which" in wherry("access", "explain", "ann", "pull", code=1)


def test_the_secret_is_written_once_for_its_owner_alone(wherry: Wherry, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "credentials.csv"
    said = wherry("key", "create", "--user", "ann", "--csv", str(file), "--name", "ci")
    assert file.stat().st_mode & 0o777 == 0o600
    [row] = csv.DictReader(file.read_text().splitlines())
    key_id, secret = row["Access Key Id"], row["Secret Access Key"]
    assert row["User Name"] == "ann"
    assert key_id in said
    assert secret not in said
    assert secret not in wherry("key", "list", "--json")
    # Neither it nor what is worked out of it lies about in the data folder.
    for path in (path for path in data.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert secret.encode() not in content, path
        assert login_key(key_id, secret).encode() not in content, path


def test_a_file_that_is_there_is_never_overwritten_and_no_key_is_made(
    wherry: Wherry, data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "credentials.csv"
    file.write_text("another key")
    said = wherry("key", "create", "--user", "ann", "--csv", str(file), code=1)
    assert "never overwritten" in said
    assert file.read_text() == "another key"
    assert records(wherry, "key", "list") == []
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "elsewhere.csv")
    wherry("key", "create", "--user", "ann", "--csv", str(link), code=1)
    assert not (tmp_path / "elsewhere.csv").exists()


def test_a_key_that_was_not_made_leaves_no_file_in_the_way(wherry: Wherry, tmp_path: Path) -> None:
    file = tmp_path / "credentials.csv"
    for wrong in (
        ("--user", "nobody"),
        ("--user", "ann", "--expires", "0h"),
        ("--user", "ann", "--name", ""),
    ):
        wherry("key", "create", *wrong, "--csv", str(file), code=1)
        assert not file.exists()
    wherry("key", "create", "--user", "ann", "--csv", str(file))
    assert file.exists()


def test_limits_and_end_of_a_key(wherry: Wherry, tmp_path: Path) -> None:
    limits = ("--scope", "acme=read", "--scope", "acme/web=write", "--scope", "other/api")
    wherry("key", "create", "--user", "ann", "--csv", str(tmp_path / "a.csv"), "--expires", "90d", *limits)
    [row] = records(wherry, "key", "list", "--user", "ann")
    assert row["scope"] == ["acme=read", "acme/web=write", "other/api=read"]
    left = datetime.fromisoformat(row["expires"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < left <= timedelta(days=90)
    assert records(wherry, "key", "list", "--user", "bob") == []


@pytest.mark.parametrize(
    "option", [("--scope", "acme=own"), ("--scope", "Acme"), ("--expires", "90"), ("--expires", "-1d")]
)
def test_a_limit_that_cannot_be_read_makes_no_key(
    wherry: Wherry, tmp_path: Path, option: tuple[str, str]
) -> None:
    file = tmp_path / "credentials.csv"
    assert option[0] in wherry("key", "create", "--user", "ann", "--csv", str(file), *option, code=2)
    assert not file.exists()
    assert records(wherry, "key", "list") == []


def test_a_key_is_disabled_enabled_and_deleted(wherry: Wherry, data: Path, tmp_path: Path) -> None:
    wherry("key", "create", "--user", "ann", "--csv", str(tmp_path / "a.csv"))
    database = Database(f"sqlite:///{data / 'wherry.db'}")
    [key] = database.read_now(list_access_keys)
    for command, disabled in (("disable", True), ("enable", False)):
        assert wherry("key", command, key.id) == f"{key.id} is {command}d.\n"
        assert records(wherry, "key", "list")[0]["disabled"] is disabled
    wherry("key", "delete", key.id)
    assert records(wherry, "key", "list") == []
    database.close()


def test_a_login_is_worked_out_of_the_file_without_a_server(
    wherry: Wherry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "credentials.csv"
    wherry("key", "create", "--user", "ann", "--csv", str(file))
    [row] = csv.DictReader(file.read_text().splitlines())
    monkeypatch.setenv("WHERRY_DATA", str(tmp_path / "no-such-folder"))
    key_id = row["Access Key Id"]
    password = login_key(key_id, row["Secret Access Key"])
    assert wherry("login-key", str(file)) == f"user      wherry@{key_id}\npassword  {password}\n"
    shown = records(wherry, "login-key", str(file), "--region", "ap-southeast-3")
    assert shown == {"user": f"ap-southeast-3@{key_id}", "password": password}


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b,c\n"' + b"x" * 200_000, b"a,b\n"])
def test_what_is_no_credentials_file_is_said_to_be_none(
    wherry: Wherry, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "credentials.csv"
    file.write_bytes(content)
    assert "credentials.csv" in wherry("login-key", str(file), code=1)
