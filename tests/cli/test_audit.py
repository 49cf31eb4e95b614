"""`wherry audit`, as typed, and the records that administrative commands leave."""

from __future__ import annotations

import csv
import inspect
import io
import json
import os
import pwd
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer.main
from sqlalchemy import Connection, update
from typer.testing import CliRunner

from tests.audit.reading import all_facts
from wherry.audit.entries import Entry, Means, Result, Source, Target
from wherry.audit.facts import FIELDS
from wherry.audit.journal import record
from wherry.audit.tables import audit_records
from wherry.cli.main import build_app
from wherry.db.database import Database
from wherry.identity.access_keys import list_access_keys
from wherry.identity.users import create_user
from wherry.kit.secrets import master_key_in
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import ensure_repository

Wherry = Callable[..., str]
APP = build_app()
ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def data(_migrated_sqlite: Path, tmp_path: Path) -> Path:
    """A data folder with the users ann and bob, and the image acme/web."""
    folder = tmp_path / "data"
    folder.mkdir()
    master_key_in(folder / "master.key")
    shutil.copy(_migrated_sqlite, folder / "wherry.db")
    now = datetime.now(UTC)

    def fill(tx: Connection) -> None:
        for name in ("ann", "bob"):
            create_user(tx, name, "hash", now)
        ensure_repository(tx, RepositoryName("acme/web"), None, now)

    database = Database(f"sqlite:///{folder / 'wherry.db'}")
    database.write_now(fill)
    database.close()
    return folder


@pytest.fixture
def wherry(data: Path, monkeypatch: pytest.MonkeyPatch) -> Wherry:
    """Runs a command; answers what it printed, or with a `code` both."""
    monkeypatch.setenv("WHERRY_DATA", str(data))

    def command(*arguments: str, code: int = 0, stdin: str = "") -> str:
        ended = CliRunner().invoke(APP, arguments, input=stdin)
        assert ended.exit_code == code, (ended.output, ended.exception)
        return ended.output if code else ended.stdout

    return command


@pytest.fixture
def database(data: Path) -> Any:
    opened = Database(f"sqlite:///{data / 'wherry.db'}")
    yield opened
    opened.close()


def listed(wherry: Wherry, *arguments: str) -> Any:
    return json.loads(wherry("audit", "list", "--json", *arguments))


def a_few(wherry: Wherry) -> None:
    """Three records, by the command line."""
    wherry("access", "grant", "ann", "write", "acme/web")
    wherry("access", "grant", "bob", "read", "acme")
    wherry("user", "disable", "bob")


# Each command that changes something in the database: what is typed, and what its record says.
COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, str, str], dict[str, object]]] = {
    "user create": (
        ("user", "create", "eve", "--password-stdin", "--admin"),
        ("user.change", "user", "eve"),
        {"change": "created", "is_admin": True},
    ),
    "user password": (
        ("user", "password", "ann", "--password-stdin"),
        ("user.change", "user", "ann"),
        {"change": "another password"},
    ),
    "user disable": (("user", "disable", "ann"), ("user.change", "user", "ann"), {"change": "disabled"}),
    "user enable": (("user", "enable", "ann"), ("user.change", "user", "ann"), {"change": "enabled"}),
    "access grant": (
        ("access", "grant", "ann", "write", "acme/web"),
        ("image.grant", "image", "acme/web"),
        {"user": "ann", "level": "write"},
    ),
    "access revoke": (
        ("access", "revoke", "bob", "acme"),
        ("organization.grant", "organization", "acme"),
        {"user": "bob", "level": "none"},
    ),
    "key create": (
        ("key", "create", "--user", "ann", "--csv", "{new}", "--scope", "acme=write"),
        ("key.change", "access key", "{key}"),
        {"change": "created", "user": "ann", "scope": {"acme": 3}},
    ),
    "key rotate": (
        ("key", "rotate", "{key}", "--csv", "{new}", "--overlap", "7d"),
        ("key.change", "access key", "{key}"),
        {"change": "rotated", "overlap": "7d"},
    ),
    "team create": (
        ("team", "create", "acme/web", "--group", "staff"),
        ("team.change", "team", "acme/web"),
        {"change": "created", "oidc_group": "staff"},
    ),
    "team add": (
        ("team", "add", "acme/known", "ann"),
        ("team.change", "team", "acme/known"),
        {"added": "ann"},
    ),
    "team remove": (
        ("team", "remove", "acme/known", "bob"),
        ("team.change", "team", "acme/known"),
        {"removed": "bob"},
    ),
    "team delete": (
        ("team", "delete", "acme/known"),
        ("team.change", "team", "acme/known"),
        {"change": "deleted"},
    ),
    "robot create": (
        ("robot", "create", "acme/ci", "--right", "acme/web=write"),
        ("robot.change", "robot", "acme/ci"),
        {"change": "created", "rights": ["acme/web=write"]},
    ),
    "robot delete": (
        ("robot", "delete", "acme/known"),
        ("robot.change", "robot", "acme/known"),
        {"change": "deleted"},
    ),
    "key disable": (
        ("key", "disable", "{key}"),
        ("key.change", "access key", "{key}"),
        {"change": "disabled"},
    ),
    "key enable": (("key", "enable", "{key}"), ("key.change", "access key", "{key}"), {"change": "enabled"}),
    "key delete": (("key", "delete", "{key}"), ("key.change", "access key", "{key}"), {"change": "deleted"}),
    "repository set": (
        ("repository", "set", "acme/web", "--public"),
        ("image.publish", "image", "acme/web"),
        {"is_public": True},
    ),
}
# What changes nothing that anybody has a right on.
UNRECORDED = {
    "serve": "each change that it makes has its own record",
    "db upgrade": "there may be no table to write to yet",
    "uploads expire": "the server does it by itself",
    "login-key": "works without a database",
}
READING = {
    *("list", "show", "explain", "status", "export", "verify", "settings", "version"),
    *("contexts", "watch", "history", "members", "preview", "deliveries", "parked"),
}


def commands(command: Any, *path: str) -> dict[str, Callable[..., Any]]:
    if getattr(command, "commands", None):
        return {
            name: function
            for word, sub in command.commands.items()
            for name, function in commands(sub, *path, word).items()
        }
    return {" ".join(path): inspect.unwrap(command.callback)}


def calls_change(function: Any, seen: tuple[Any, ...] = ()) -> bool:
    """Whether the function, or one of the command line's that it calls, says its change to the trail."""
    source, module = inspect.getsource(function).partition("\n")[2], inspect.getmodule(function)
    if re.search(r"\bchange\(", source):
        return True
    called = [getattr(module, name, None) for name in set(re.findall(r"\b(\w+)\(", source))]
    return any(
        calls_change(other, (*seen, function))
        for other in called
        if inspect.isfunction(other) and other.__module__.startswith("wherry.cli") and other not in seen
    )


def test_every_command_that_changes_something_leaves_a_record() -> None:
    """Those that need no cluster and no server are run below; of the others their source has to say it."""
    found = commands(typer.main.get_command(APP))
    changing = {name for name in found if name.split()[-1] not in READING} - set(UNRECORDED)
    assert set(COMMANDS) <= changing
    silent = {name for name in changing - set(COMMANDS) if not calls_change(found[name])}
    assert not silent, "each needs `change` of wherry.cli.data_folder"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_leaves_one_record(wherry: Wherry, database: Database, tmp_path: Path, name: str) -> None:
    wherry("access", "grant", "bob", "read", "acme")
    wherry("team", "create", "acme/known")
    wherry("team", "add", "acme/known", "bob")
    wherry("robot", "create", "acme/known")
    known = ""
    if "{key}" in str(COMMANDS[name]) and name != "key create":
        wherry("key", "create", "--user", "ann", "--csv", str(tmp_path / "known.csv"))
        known = database.read_now(list_access_keys)[0].id
    before = len(all_facts(database))
    arguments, (action, kind, on), detail = COMMANDS[name]
    filled = [word.format(new=tmp_path / "new.csv", key=known) for word in arguments]
    wherry(*filled, stdin="correct horse battery\n")
    if name == "key create":
        known = database.read_now(list_access_keys)[0].id
    records = all_facts(database)
    assert len(records) == before + 1
    facts = records[-1]
    assert (facts["action"], facts["kind"], facts["name"]) == (action, kind, on.format(key=known))
    assert (facts["actor"], facts["means"], facts["result"]) == ("command line", "command line", "done")
    assert facts["detail"].items() >= {**detail, "system_user": ME}.items()
    assert "correct horse battery" not in str(records)
    for file in tmp_path.glob("*.csv"):
        assert file.read_text().split(",")[-1].strip() not in str(records)


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "disable", "nobody"),
        ("access", "grant", "nobody", "read", "acme"),
        ("access", "revoke", "ann", "acme/web"),
        ("key", "delete", "NOSUCHKEY"),
        ("repository", "set", "acme/none", "--public"),
    ],
)
def test_a_command_that_changes_nothing_leaves_none(
    wherry: Wherry, database: Database, arguments: tuple[str, ...]
) -> None:
    wherry(*arguments, code=1)
    assert all_facts(database) == []


def test_records_are_listed_newest_first_at_once(wherry: Wherry) -> None:
    a_few(wherry)
    assert [row["name"] for row in listed(wherry)] == ["bob", "acme", "acme/web"]
    assert [row["position"] for row in listed(wherry, "--limit", "2")] == [3, 2]
    assert [row["position"] for row in listed(wherry, "--before", "2")] == [1]
    table = wherry("audit", "list", "--limit", "2")
    assert "user bob" in table
    assert "level=read" in table


@pytest.mark.parametrize(
    ("arguments", "positions"),
    [
        (("--on", "acme/web"), [1]),
        (("--on", "acme*"), [2, 1]),
        (("--organization", "acme"), [2, 1]),
        (("--action", "user.change"), [3]),
        (("--actor", "command line"), [3, 2, 1]),
        (("--actor", "ann"), []),
        (("--result", "refused"), []),
        (("--key", "AK"), []),
        (("--since", "2026-01-01"), [3, 2, 1]),
        (("--until", "2026-01-01T00:00:00+02:00"), []),
    ],
)
def test_records_are_narrowed_down(wherry: Wherry, arguments: tuple[str, ...], positions: list[int]) -> None:
    a_few(wherry)
    assert [row["position"] for row in listed(wherry, *arguments)] == positions
    exported = wherry("audit", "export", *arguments).splitlines()
    assert [json.loads(line)["position"] for line in exported] == positions[::-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("audit", "list", "--since", "yesterday"), "2026-01-31"),
        (("audit", "list", "--result", "ok"), "done, refused, failed"),
        (("audit", "export", "--format", "xml"), "csv, jsonl"),
        (("audit", "verify", "--head", "12"), "POSITION:HASH"),
        (("audit", "verify", "--file", "/nowhere/export.jsonl"), "No such file"),
    ],
)
def test_what_cannot_be_read_is_said(wherry: Wherry, arguments: tuple[str, ...], said: str) -> None:
    assert said in wherry(*arguments, code=2)


def test_the_export_as_csv_holds_no_formula(wherry: Wherry, database: Database) -> None:
    evil = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", 'ann, "quoted"')
    for name in evil:
        entry = Entry(Source(name, 1, Means.PASSWORD), "image.push", Target.user(name), Result.DONE, name)
        database.write_now(lambda tx, entry=entry: record(tx, entry, datetime.now(UTC)))  # type: ignore[misc]
    rows = list(csv.DictReader(io.StringIO(wherry("audit", "export", "--format", "csv"))))
    assert [row["reason"] for row in rows[:4]] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)"]
    assert rows[5]["actor"] == 'ann, "quoted"'
    assert all(not cell.startswith(("=", "+", "-", "@", "\t")) for row in rows for cell in row.values())
    assert list(rows[0]) == [*FIELDS, "hash"]


def test_verify_prints_the_head_which_can_be_held_against_it_later(
    wherry: Wherry, database: Database
) -> None:
    a_few(wherry)
    first = json.loads(wherry("audit", "verify", "--json"))
    assert (first["whole"], first["checked"], first["fault"]) == (True, 3, None)
    wherry("user", "enable", "bob")
    assert json.loads(wherry("audit", "verify", "--json", "--head", first["head"]))["checked"] == 4
    database.write_now(
        lambda tx: tx.execute(update(audit_records).where(audit_records.c.position == 2).values(actor="ann"))
    )
    found = json.loads(wherry("audit", "verify", "--json", code=1))
    assert (found["whole"], found["fault"], found["position"]) == (False, "changed", 2)
    assert "record 2" in wherry("audit", "verify", code=1)


def test_an_export_is_verified_without_the_data_folder(
    wherry: Wherry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_few(wherry)
    file = tmp_path / "export.jsonl"
    wherry("audit", "export", "--output", str(file))
    head = json.loads(wherry("audit", "verify", "--json"))["head"]
    monkeypatch.setenv("WHERRY_DATA", str(tmp_path / "nowhere"))
    assert "the chain is whole" in wherry("audit", "verify", "--file", str(file), "--head", head)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[1:]))
    assert "record 2 itself cannot be checked" in wherry("audit", "verify", "--file", str(file))
    file.write_text(lines[0] + lines[2])
    assert "record 2 was removed" in wherry("audit", "verify", "--file", str(file), code=1)


def test_without_the_master_key_records_are_read_and_none_is_made(wherry: Wherry, data: Path) -> None:
    a_few(wherry)
    wherry("audit", "list")
    wherry("user", "enable", "bob")
    (data / "master.key").unlink()
    assert len(listed(wherry)) == 3
    assert "master key" in wherry("audit", "verify", code=2)
    assert not (data / "master.key").exists()


def test_with_another_master_key_the_trail_is_read_and_told_to_be_broken(wherry: Wherry, data: Path) -> None:
    a_few(wherry)
    wherry("audit", "list")
    wherry("user", "enable", "bob")
    (data / "master.key").unlink()
    master_key_in(data / "master.key")
    assert len(listed(wherry)) == 3
    assert "not sealed with this server's master key" in wherry("audit", "verify", code=1)
