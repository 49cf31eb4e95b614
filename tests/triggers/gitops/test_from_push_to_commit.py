"""A push to a real server, its commit in a real Git server, and the run that tells of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engines.pytest_plugin import require
from engines.servers import Wherry, wherry, write_image_archive
from tests.triggers.gitops.git_server import PASSWORD, USER, GitServer, git

WEB = "/organizations/acme/images/web"
RUNS = f"{WEB}/triggers/prod/runs"
PLAIN, CHART, BASE = "apps/web.yaml", "charts/values.yaml", "base/kustomization.yaml"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Wherry]:
    settings = {"WHERRY_CLUSTERS_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with wherry(tmp_path / "data", settings=settings) as started:
        yield started


@pytest.fixture
def repositories(tmp_path: Path) -> Iterator[GitServer]:
    made = GitServer(tmp_path)
    yield made
    made.close()


@pytest.fixture
def http(server: Wherry) -> Iterator[httpx.Client]:
    login = (server.username, server.password)
    with httpx.Client(base_url=f"{server.url}/api/v1", auth=login, timeout=60) as client:
        yield client


def push(server: Wherry, tag: str, folder: Path, note: str = "") -> str:
    """Answers the digest."""
    archive = folder / "image.tar"
    digest = write_image_archive(archive, "app:1", [], ["/bin/none"], note=note or tag)
    login = f"--dest-creds={server.username}:{server.password}"
    given = ["--quiet", "--preserve-digests", "--dest-tls-verify=false", login]
    image = f"docker://{server.host}/acme/web:{tag}"
    subprocess.run([require("skopeo"), "copy", *given, f"oci-archive:{archive}", image], check=True)
    return digest


def make_trigger(http: httpx.Client, url: str, password: str = PASSWORD) -> None:
    """Not for 1.0: the push of that may be on its way to the triggers still."""
    edits = [
        {"kind": "marker", "path": PLAIN, "image": "web"},
        {"kind": "kustomize", "path": BASE, "image": "web"},
        {"kind": "helm", "path": CHART, "places": [{"part": "tag", "path": "web.image.tag"}]},
    ]
    target = {"git": {"url": url, "user": USER, "password": password, "edits": edits}}
    body = {"name": "prod", "condition": {"kind": "semver", "text": ">1.0.0"}, "target": target}
    made = http.post(f"{WEB}/triggers", json=body)
    assert made.status_code == 201, made.text


def ended(http: httpx.Client, count: int) -> dict[str, Any]:
    """The newest run, when there are so many of them and it is over."""
    deadline = time.monotonic() + 30
    while True:
        answer = http.get(RUNS)
        assert answer.is_success, answer.text
        runs = answer.json()["items"]
        if len(runs) == count and runs[0]["ended_at"] is not None:
            return dict(runs[0])
        assert time.monotonic() < deadline, runs
        time.sleep(0.05)


def test_a_push_is_committed_and_its_run_names_the_commit(
    server: Wherry, repositories: GitServer, http: httpx.Client, tmp_path: Path
) -> None:
    image = f"{server.host}/acme/web"
    files = {
        PLAIN: f"image: {image}:1.0 # wherry: web\n",
        CHART: "web:\n  image:\n    tag: '1.0' # by hand\n",
        BASE: f"images:\n- name: web\n  newName: {image}\n  newTag: '1.0'\n",
    }
    repositories.make("shop", files)
    push(server, "1.0", tmp_path)
    make_trigger(http, repositories.url("shop"))

    digest = push(server, "1.1", tmp_path)
    run = ended(http, 1)
    assert (run["state"], run["kind"], run["pushed_by"]) == ("success", "Git", "admin"), run
    bare = repositories.root / "shop.git"
    commit = git(bare, "rev-parse", "main").strip()
    assert run["detail"].startswith(f"committed {commit[:12]} to main: ")
    assert repositories.show("shop", "main", PLAIN) == f"image: {image}:1.1@{digest} # wherry: web\n"
    assert "tag: '1.1' # by hand" in repositories.show("shop", "main", CHART).replace('"', "'")
    assert digest in repositories.show("shop", "main", BASE)
    said = git(bare, "log", "-1", "--format=%B", "main")
    assert f"{image}:1.1" in said
    git(bare, "fsck", "--strict")

    # The newest version wins, whenever the older one was pushed.
    push(server, "1.0.5", tmp_path)
    older = ended(http, 2)
    assert (older["state"], older["detail"]) == ("skipped", f"{PLAIN} has 1.1, and 1.0.5 is older")

    # Once more is no second commit.
    assert http.post(f"{WEB}/trigger-runs/{run['id']}/replay").status_code == 201
    again = ended(http, 3)
    assert (again["state"], again["detail"]) == ("success", f"main has it already, at {commit[:12]}")
    assert git(bare, "rev-parse", "main").strip() == commit
    assert repositories.pushes == 1

    # By hand one goes back to the older version.
    assert http.post(f"{WEB}/trigger-runs/{older['id']}/replay").status_code == 201
    back = ended(http, 4)
    assert back["state"] == "success", back
    assert f"{image}:1.0.5@" in repositories.show("shop", "main", PLAIN)


def test_a_login_that_is_not_accepted_is_in_the_history_without_the_password(
    server: Wherry, repositories: GitServer, http: httpx.Client, tmp_path: Path
) -> None:
    repositories.make("shop", {PLAIN: "image: a:1 # wherry: web\n"})
    push(server, "1.0", tmp_path)
    make_trigger(http, repositories.url("shop"), "not-this-one")
    push(server, "1.1", tmp_path)
    run = ended(http, 1)
    assert run["state"] == "failed", run
    assert run["detail"]
    assert "not-this-one" not in str(run)
    assert repositories.log("shop", "main") == ["first"]
