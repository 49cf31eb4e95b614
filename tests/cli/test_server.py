"""Commands with `--server`: over the API of a real server they say what they say on its data folder."""

from __future__ import annotations

import csv
from pathlib import Path

import httpx
import pytest

from engines.servers.wherry import ADMIN_PASSWORD, Wherry
from tests.cli.both_ways import Run, rows, run


def test_what_is_made_over_the_api_is_listed_as_on_the_folder(there: Run, here: Run) -> None:
    there("user", "create", "bob", "--password-stdin", stdin="bob-has-a-password\n")
    there("user", "disable", "bob")
    assert there("team", "create", "acme/front", "--description", "site") == "acme has the team front now.\n"
    assert there("team", "add", "acme/front", "ann") == "ann is in acme/front now.\n"
    given = "acme/front has write on the image acme/web now.\n"
    assert there("access", "grant", "acme/front", "write", "acme/web", "--team") == given
    assert there("access", "grant", "ann", "read", "acme") == "ann has read on the organization acme now.\n"
    there("robot", "create", "acme/ci", "--right", "acme/web=write", "--description", "builds")
    assert there("repository", "set", "acme/web", "--public") == "acme/web is public now.\n"
    for command in (
        ("user", "list"),
        ("team", "list"),
        ("team", "list", "acme"),
        ("team", "show", "acme/front"),
        ("robot", "list", "acme"),
        ("access", "list", "--on", "acme/web"),
        ("access", "list", "--on", "acme", "--user", "ann"),
        ("access", "explain", "ann", "push", "acme/web"),
        ("repository", "list"),
        ("repository", "list", "--organization", "acme", "--public"),
        ("repository", "show", "acme/web"),
        ("tag", "list", "acme/web"),
        ("tag", "list", "acme/web", "--after", "1.0", "--limit", "1"),
        ("key", "list", "--user", "ann"),
    ):
        assert there(*command) == here(*command), command
        assert rows(there(*command, "--json")) == rows(here(*command, "--json")), command
    users = {row["name"]: row for row in rows(there("user", "list", "--json"))}
    assert users["bob"]["disabled"]
    assert [row["public"] for row in rows(there("repository", "list", "--json"))] == [True]


def test_what_is_taken_back_over_the_api_is_gone(there: Run, here: Run) -> None:
    there("team", "create", "acme/gone")
    there("team", "add", "acme/gone", "ann")
    there("access", "grant", "acme/gone", "read", "acme", "--team")
    there("access", "revoke", "acme/gone", "acme", "--team")
    there("team", "remove", "acme/gone", "ann")
    shown = rows(here("team", "show", "acme/gone", "--json"))
    assert (shown["members"], shown["rights"]) == ([], [])
    there("team", "delete", "acme/gone")
    assert "no team 'gone'" in here("team", "show", "acme/gone", code=1)
    there("robot", "create", "acme/short")
    there("robot", "delete", "acme/short")
    assert "acme+short" not in here("robot", "list", "acme")


def test_a_key_is_made_rotated_disabled_and_deleted_over_the_api(
    there: Run, here: Run, site: Wherry, tmp_path: Path
) -> None:
    there("robot", "create", "acme/keys", "--right", "acme/web=read")
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    owner = ("--user", "acme+keys")
    limits = ("--scope", "acme/web=read", "--expires", "90d")
    there("key", "create", *owner, "--csv", str(first), *limits)
    assert first.stat().st_mode & 0o777 == 0o600
    key = key_in(first)
    told = there("key", "rotate", key, *owner, "--csv", str(second), "--overlap", "1h")
    assert f"{key} works until" in told
    login = rows(run("login-key", str(second), "--json"))
    answer = httpx.get(f"{site.url}/v2/acme/web/tags/list", auth=(login["user"], login["password"]))
    assert answer.status_code == 200
    there("key", "disable", key_in(second), *owner)
    assert there("key", "list", *owner) == here("key", "list", *owner)
    listed = {row["id"]: row for row in rows(there("key", "list", *owner, "--json"))}
    assert [listed[key_in(file)]["disabled"] for file in (first, second)] == [False, True]
    there("key", "delete", key, *owner)
    assert key not in here("key", "list", *owner)


def test_a_key_of_another_person_is_not_made_over_the_api(there: Run, tmp_path: Path) -> None:
    told = there("key", "create", "--user", "ann", "--csv", str(tmp_path / "a.csv"), code=1)
    assert "only ann can make a key of ann" in told
    assert not (tmp_path / "a.csv").exists()


def test_the_audit_trail_of_a_server_names_who_did_it(there: Run, here: Run) -> None:
    there("user", "create", "eve", "--password-stdin", stdin="eve-has-a-password\n")
    narrowed = ("audit", "list", "--on", "eve", "--since", "2020-01-01")
    assert there(*narrowed) == here(*narrowed)
    [record] = rows(there(*narrowed, "--json"))
    assert (record["actor"], record["action"], record["means"]) == ("admin", "user.change", "password")
    assert rows(here(*narrowed, "--json")) == [record]


def test_what_the_server_refuses_is_told_in_its_words(
    there: Run, site: Wherry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nobody" in there("user", "disable", "nobody", code=1)
    short = there("user", "create", "dan", "--password-stdin", stdin="short\n", code=1)
    assert "8" in short
    monkeypatch.setenv("WHERRY_USER", "ann")
    monkeypatch.setenv("WHERRY_PASSWORD", "ann-has-a-password")
    assert there("user", "list", code=1) == "wherry: ann is no administrator\n"
    monkeypatch.setenv("WHERRY_PASSWORD", "wrong-wrong-wrong")
    assert "does not let ann in" in there("user", "list", code=1)


def test_the_login_is_read_from_a_netrc_file_that_only_its_owner_can_read(
    site: Wherry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WHERRY_USER", "WHERRY_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(file))
    assert "WHERRY_USER" in run("user", "list", "--server", site.url, code=2)
    file.write_text(f"machine 127.0.0.1 login admin password {ADMIN_PASSWORD}\n")
    file.chmod(0o644)
    assert f"chmod 600 {file}" in run("user", "list", "--server", site.url, code=2)
    file.chmod(0o600)
    assert "admin" in run("user", "list", "--server", site.url)
    assert "no login for elsewhere.example" in run(
        "user", "list", "--server", "https://elsewhere.example", code=2
    )


@pytest.mark.parametrize(
    "url", ["ftp://registry.example", "https://", "https://admin:secret@registry.example"]
)
def test_an_address_that_is_none_or_has_a_login_in_it_is_refused(url: str) -> None:
    assert "write its address" in run("user", "list", "--server", url, code=2)


def test_a_server_that_is_not_there_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERRY_USER", "admin")
    monkeypatch.setenv("WHERRY_PASSWORD", "some-password")
    told = run("user", "list", "--server", "http://127.0.0.1:1", code=1)
    assert told.startswith("wherry: 127.0.0.1 does not answer: ")
    assert len(told.splitlines()) == 1


def test_what_can_be_no_name_is_not_made_a_part_of_an_address(there: Run) -> None:
    assert there("user", "disable", "..", code=2) == "wherry: '..' is no name\n"


def key_in(file: Path) -> str:
    [row] = csv.DictReader(file.read_text().splitlines())
    return row["Access Key Id"]
