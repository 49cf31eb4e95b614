"""The administrative commands, run on the data folder of a running server, which heeds them at once."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer.main

from tests.cli.served import PASSWORD, Served, clean_environment, run, served
from wherry.cli.main import build_app

Wherry = Callable[..., str]
ADMIN = ("admin", PASSWORD)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("administration") / "data") as running:
        push(running, "acme/web", "1.0", "1.1", "latest")
        yield running


@pytest.fixture
def wherry(server: Served) -> Wherry:
    """Runs a command on the server's data folder; answers what it printed."""

    def command(*arguments: str, stdin: str = "", code: int = 0) -> str:
        ended = run(*arguments, "--data", str(server.data), stdin=stdin)
        assert ended.returncode == code, ended.stderr
        return ended.stderr if code else ended.stdout

    return command


def push(server: Served, name: str, *tags: str) -> None:
    """The smallest image: an empty config and no layer."""
    config = b"{}"
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    url = f"{server.url}/v2/{name}"
    assert httpx.post(f"{url}/blobs/uploads/?digest={digest}", content=config, auth=ADMIN).status_code == 201
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2},
        "layers": [],
    }
    for tag in tags:
        pushed = httpx.put(
            f"{url}/manifests/{tag}",
            content=json.dumps(manifest),
            headers={"content-type": str(manifest["mediaType"])},
            auth=ADMIN,
        )
        assert pushed.status_code == 201, pushed.text


def logs_in(server: Served, name: str, password: str) -> bool:
    status = httpx.get(f"{server.url}/v2/", auth=(name, password)).status_code
    assert status in (200, 401)
    return status == 200


def test_a_user_who_is_made_can_log_in_until_disabled_and_again_when_enabled(wherry: Wherry, server: Served):
    made = json.loads(wherry("user", "create", "ci", "--password-stdin", "--json", stdin="first password\n"))
    assert [(user["name"], user["admin"], user["disabled"]) for user in made] == [("ci", False, False)]
    assert logs_in(server, "ci", "first password")
    assert not logs_in(server, "ci", "first password\n")

    wherry("user", "password", "ci", "--password-stdin", stdin="second password\n")
    assert not logs_in(server, "ci", "first password")
    assert logs_in(server, "ci", "second password")

    wherry("user", "disable", "ci")
    assert not logs_in(server, "ci", "second password")
    wherry("user", "enable", "ci")
    assert logs_in(server, "ci", "second password")

    listed = json.loads(wherry("user", "list", "--json"))
    assert {user["name"]: user["admin"] for user in listed} == {"admin": True, "ci": False}


def test_what_cannot_be_is_told_in_one_line(wherry: Wherry, tmp_path: Path):
    wherry("user", "create", "twin", "--password-stdin", stdin="some password\n")
    for arguments, told in [
        (("user", "create", "twin", "--password-stdin"), "there is a user 'twin' already"),
        (("user", "create", "no such name", "--password-stdin"), "user name 'no such name'"),
        (("user", "password", "nobody", "--password-stdin"), "there is no user 'nobody'"),
        (("user", "disable", "nobody"), "there is no user 'nobody'"),
        (("repository", "show", "acme/none"), "there is no repository acme/none"),
        (("repository", "show", "../etc"), "a repository name is"),
        (("repository", "set", "acme/none", "--public"), "there is no repository acme/none"),
        (("tag", "list", "acme/none"), "there is no repository acme/none"),
    ]:
        said = wherry(*arguments, stdin="some password\n", code=1)
        assert told in said
        assert len(said.splitlines()) == 1
    assert "a password has" in wherry("user", "create", "x", "--password-stdin", stdin="short\n", code=1)
    assert "give it with --password-stdin" in wherry("user", "create", "x", code=2)
    assert "--idle must be a duration" in wherry("uploads", "expire", "--idle", "soon", code=2)
    nowhere = run("user", "list", "--data", str(tmp_path / "nowhere"))
    assert nowhere.returncode == 1
    assert "there is no database in" in nowhere.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_repository_made_public_is_pulled_without_a_login_until_it_is_private(
    wherry: Wherry, server: Served
):
    def anonymous() -> int:
        token = httpx.get(f"{server.url}/token?scope=repository:acme/web:pull").json()["token"]
        headers = {"authorization": f"Bearer {token}"}
        return httpx.get(f"{server.url}/v2/acme/web/manifests/1.0", headers=headers).status_code

    assert anonymous() == 401
    wherry("repository", "set", "acme/web", "--public")
    assert anonymous() == 200
    assert json.loads(wherry("repository", "show", "acme/web", "--json"))["public"] is True
    assert "acme/web" in wherry("repository", "list", "--public")
    wherry("repository", "set", "acme/web", "--private")
    assert anonymous() == 401
    assert "acme/web" not in wherry("repository", "list", "--public")


def test_lists_are_tables_or_json_and_go_on_where_they_were_cut(wherry: Wherry, server: Served):
    assert json.loads(wherry("tag", "list", "acme/web", "--json")) == [
        {"tag": "1.0"},
        {"tag": "1.1"},
        {"tag": "latest"},
    ]
    assert wherry("tag", "list", "acme/web").split() == ["tag", "1.0", "1.1", "latest"]
    cut = run("tag", "list", "acme/web", "--limit", "2", "--data", str(server.data))
    assert cut.stdout.split() == ["tag", "1.0", "1.1"]
    assert "go on with --after 1.1" in cut.stderr
    assert wherry("tag", "list", "acme/web", "--after", "1.1").split() == ["tag", "latest"]
    push(server, "other/thing", "1")
    names = [
        row["name"] for row in json.loads(wherry("repository", "list", "--organization", "acme", "--json"))
    ]
    assert names == ["acme/web"]


def test_unfinished_uploads_are_listed_and_ended(wherry: Wherry, server: Served):
    begun = httpx.post(f"{server.url}/v2/acme/web/blobs/uploads/", auth=ADMIN)
    location = httpx.URL(server.url).join(begun.headers["location"])
    sent = httpx.patch(
        location, content=b"x" * 1000, auth=ADMIN, headers={"content-type": "application/octet-stream"}
    )
    assert sent.status_code == 202
    [upload] = json.loads(wherry("uploads", "list", "--json"))
    assert (upload["repository"], upload["user"], upload["received_bytes"]) == ("acme/web", "admin", 1000)
    assert wherry("uploads", "expire", "--idle", "1h") == "0 uploads ended.\n"
    assert wherry("uploads", "expire", "--idle", "1ms") == "1 uploads ended.\n"
    assert wherry("uploads", "list") == "No upload is unfinished.\n"
    assert httpx.get(location, auth=ADMIN).status_code == 404


def test_the_schema_is_made_before_a_server_ever_ran(tmp_path: Path):
    data = ("--data", str(tmp_path / "fresh"))
    assert run("db", "status", *data).returncode == 1
    assert run("db", "upgrade", *data).returncode == 0
    status = json.loads(run("db", "status", "--json", *data).stdout)
    assert status["up_to_date"] is True
    assert status["version"] == status["needed"]
    assert run("user", "list", "--json", *data).stdout == "[]\n"


def test_settings_prints_value_and_source_of_each_and_no_secret(tmp_path: Path):
    (tmp_path / "wherry.toml").write_text("[limits]\npage_size = 50\n")
    ended = run(
        "settings",
        "--json",
        "--data",
        str(tmp_path),
        "--set",
        "log.format=json",
        environ={
            "WHERRY_ADMIN_PASSWORD": "hunter2hunter2",
            "WHERRY_DATABASE_URL": "postgresql://wherry:hunter2@db/wherry",
        },
    )
    rows: dict[str, dict[str, Any]] = {row["setting"]: row for row in json.loads(ended.stdout)}
    assert (rows["limits.page_size"]["value"], rows["limits.page_size"]["from"]) == (
        "50",
        f"file {tmp_path / 'wherry.toml'} limits.page_size",
    )
    assert (rows["log.format"]["value"], rows["log.format"]["from"]) == ("json", "flag --log-format")
    assert rows["admin_password"]["value"] == "***"
    assert rows["admin_password"]["from"] == "environment WHERRY_ADMIN_PASSWORD"
    assert rows["database_url"]["value"] == "postgresql://wherry:***@db/wherry"
    assert rows["workers"]["from"] == "default"
    assert "hunter2" not in ended.stdout


def test_version_names_what_a_report_of_a_fault_needs():
    facts = json.loads(run("version", "--json").stdout)
    assert {"wherry", "python", "system", "granian", "sqlalchemy"} <= set(facts)


def commands(path: tuple[str, ...] = (), command: Any = None) -> Iterator[tuple[tuple[str, ...], Any]]:
    command = command or typer.main.get_command(build_app())
    below = getattr(command, "commands", None)
    if not below:
        yield path, command
        return
    for name, inner in below.items():
        yield from commands((*path, name), inner)


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(path: tuple[str, ...]):
    command = dict(commands())[path]
    summary, _, example = command.help.partition("Example: ")
    assert summary.strip()
    assert re.search(rf"\bwherry {' '.join(path)}\b", example)
    assert all(getattr(option, "help", None) for option in command.params)


def test_help_is_instant_because_nothing_heavy_is_imported_for_it():
    program = (
        "import sys\nfrom wherry.cli.main import build_app\nbuild_app()\n"
        "heavy = {'sqlalchemy', 'alembic', 'starlette', 'granian', 'obstore', 'cryptography', 'argon2',"
        " 'prometheus_client', 'psycopg', 'asyncio', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=clean_environment()
    )
    assert ended.stdout == "[]\n"
