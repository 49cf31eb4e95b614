"""`wherry trigger` with `--server`: over the API of a real server it says what it says on the data folder."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engines.servers.wherry import Wherry
from tests.cli.both_ways import Run, administrator, push, rows, run
from tests.clusters.fake_api import FakeAPI
from tests.clusters.fake_cluster import FakeCluster
from tests.triggers.world import deployment
from wherry.clusters.kinds import DEPLOYMENT

WEB, RUNS = "acme/web", "acme/runs"
TO_WEB = ("--cluster", "berlin", "-n", "shop", "--workload", "web")


@pytest.fixture(scope="module")
def berlin(site: Wherry) -> Iterator[FakeCluster]:
    """A cluster that the server knows, with workloads of acme/web and acme/runs, each of 0.9, in it."""
    cluster = FakeCluster("berlin")
    cluster.write({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    cluster.write(deployment(f"{site.host}/{WEB}:0.9"))
    cluster.write(deployment(f"{site.host}/{RUNS}:0.9", name="runs"))
    fakes, ready = FakeAPI({"berlin": cluster}), threading.Event()
    loop, ended = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with fakes.serving():
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(30)
    body = {"name": "berlin", "kubeconfig": fakes.kubeconfig("berlin"), "makes_default_secret": False}
    try:
        with administrator(site) as admin:
            made = admin.post("/api/v1/clusters", json=body)
            assert made.status_code == 201, made.text
        yield cluster
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(30)
        loop.close()


@pytest.fixture
def image(site: Wherry, berlin: FakeCluster, request: pytest.FixtureRequest) -> str:
    """One of the test's own, with the tag 1.0."""
    name = f"acme/{request.node.name.split('[')[0].replace('test_', '')[:40].strip('_')}"
    push(site, "1.0", name=name)
    return name


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def same(there: Run, here: Run, *command: str) -> Any:
    """What both ways tell, printed in each form."""
    assert there(*command) == here(*command), command
    told = rows(there(*command, "--json"))
    assert told == rows(here(*command, "--json")), command
    return told


def test_what_is_made_over_the_api_is_shown_as_on_the_folder(
    there: Run, here: Run, image: str, tmp_path: Path
) -> None:
    options = ("--approval", "--delay", "60", "--window", "mon,tue 09:00-17:00 Europe/Berlin")
    made = there("trigger", "create", image, "prod", "--semver", "~1.4", *TO_WEB, *options)
    assert made == f"{image} has the trigger prod now, for semver ~1.4; it acts as admin.\n"
    git = ("--git-url", "https://git.example.com/shop.git", "--git-user", "ci", "--git-password-stdin")
    edit = ("--kustomize", "kustomization.yaml=web")
    there("trigger", "create", image, "git", "--tag", "a", "--tag", "b", *git, *edit, stdin="s3cret-s3cret")
    shown = rows(here("trigger", "show", image, "prod", "-o", "json"))
    wanted = {key: shown[key] for key in ("condition", "target", "options")}
    file = tmp_path / "trigger.json"
    file.write_text(json.dumps(wanted))
    there("trigger", "create", image, "third", "--file", str(file))
    for name in ("prod", "git", "third"):
        same(there, here, "trigger", "show", image, name)
        document = there("trigger", "show", image, name, "-o", "yaml")
        assert document == here("trigger", "show", image, name, "-o", "yaml")
        assert "s3cret" not in document
    assert "hasPassword" not in document
    assert rows(there("trigger", "show", image, "git", "-o", "json"))["target"]["git"]["has_password"]
    listed = same(there, here, "trigger", "list", image)
    assert [(row["name"], row["where"], row["state"]) for row in listed] == [
        ("git", "https://git.example.com/shop.git", "fires"),
        ("prod", "berlin", "fires"),
        ("third", "berlin", "fires"),
    ]
    page = ("trigger", "list", image, "--after", "git", "--limit", "1")
    assert [row["name"] for row in same(there, here, *page)] == ["prod"]


def test_a_trigger_is_switched_paused_and_deleted_over_the_api(there: Run, here: Run, image: str) -> None:
    there("trigger", "create", image, "prod", "--all", *TO_WEB)
    one = (image, "prod")

    def state() -> Any:
        return same(there, here, "trigger", "show", *one)["state"]

    assert there("trigger", "disable", *one) == "The trigger prod is disabled.\n"
    assert state() == "the trigger is disabled"
    assert there("trigger", "enable", *one) == "The trigger prod is enabled.\n"
    assert there("trigger", "pause", *one) == "The trigger prod is paused: admin has paused it.\n"
    assert there("trigger", "pause", *one, "--reason", "a sale") == "The trigger prod is paused: a sale.\n"
    assert state() == "the trigger is paused: a sale"
    assert there("trigger", "resume", *one) == "The trigger prod goes on.\n"
    assert state() == "fires"
    assert there("trigger", "delete", *one) == "The trigger prod is deleted. Its history stays.\n"
    assert same(there, here, "trigger", "list", image) == []
    [record] = [
        record
        for record in rows(there("audit", "list", "--on", image, "--action", "image.trigger", "--json"))
        if "paused" in record["detail"] and record["detail"]["paused"] == "a sale"
    ]
    assert (record["actor"], record["means"]) == ("admin", "password")


def test_clusters_are_asked_by_the_server(there: Run, here: Run, site: Wherry, berlin: FakeCluster) -> None:
    there("trigger", "create", WEB, "all", "--all", *TO_WEB)
    there("trigger", "create", WEB, "other", "--glob", "v*", *TO_WEB)
    plain = same(there, here, "trigger", "preview", WEB, "1.0")
    assert [(row["trigger"], row["fires"], row["where"]) for row in plain] == [
        ("all", True, "berlin"),
        ("other", False, None),
    ]
    assert "v*" in plain[1]["detail"]
    before = json.dumps(list(berlin.objects.values()))
    asked = same(there, here, "trigger", "preview", WEB, "1.0", "--ask-clusters")
    assert asked[0]["detail"].startswith("Deployment web: container app from 0.9 to 1.0@sha256:")
    assert json.dumps(list(berlin.objects.values())) == before
    elsewhere = ("trigger", "preview", WEB, "1.0", "--held-as", "docker.io/acme/web", "--ask-clusters")
    assert "docker.io/acme/web" in same(there, here, *elsewhere)[0]["detail"]
    yaml = ("trigger", "preview", WEB, "2.0", "-o", "yaml")
    assert there(*yaml) == here(*yaml)
    there("trigger", "create", WEB, "later", "--all", *TO_WEB, "--approval")
    [_, later, _] = rows(there("trigger", "preview", WEB, "1.0", "--ask-clusters", "--json"))
    assert "approval" in later["detail"]
    assert "container app from 0.9 to 1.0" in later["detail"]


def test_runs_are_told_rejected_replayed_and_approved_over_the_api(
    there: Run, here: Run, site: Wherry, berlin: FakeCluster
) -> None:
    push(site, "1.0", name=RUNS)
    to_runs = ("--cluster", "berlin", "-n", "shop", "--workload", "runs")
    there("trigger", "create", RUNS, "prod", "--glob", "2.*", *to_runs, "--approval")

    def runs(*more: str) -> Any:
        return rows(there("trigger", "history", RUNS, *more, "--json"))

    for count, tag in enumerate(("2.0", "2.1", "2.2"), 1):
        push(site, tag, name=RUNS, about=tag)
        until(lambda count=count: len(runs()) == count)  # type: ignore[misc]
    newest, middle, oldest = (row["run"] for row in runs())
    for narrowed in (
        (),
        ("prod",),
        ("--state", "waiting for approval", "--state", "failed"),
        ("--state", "failed"),
        ("--after", str(newest)),
        ("prod", "--after", str(newest), "--limit", "1"),
        ("--limit", "2"),
    ):
        same(there, here, "trigger", "history", RUNS, *narrowed)
    assert [row["run"] for row in runs("--after", str(newest))] == [middle, oldest]
    assert [row["run"] for row in runs("--limit", "2")] == [newest, middle]
    assert runs("--state", "failed") == []
    watch = ("trigger", "history", RUNS, "--watch", "--for", "0.2")
    assert there(*watch) == here(*watch) == here("trigger", "history", RUNS)
    said = there("trigger", "reject", RUNS, str(newest), "--reason", "not today")
    assert said.startswith(f"Run {newest} is skipped: admin has rejected it")
    assert "not today" in said
    again = there("trigger", "replay", RUNS, str(newest))
    number = runs()[0]["run"]
    assert again == f"Run {number} sets 2.2 in berlin: waiting for approval.\n"
    same(there, here, "trigger", "history", RUNS)
    assert same(there, here, "trigger", "list", RUNS)[0]["last"] == "waiting for approval"
    approved = there("trigger", "approve", RUNS, str(number))
    assert approved == f"Run {number} is approved by admin: waiting.\n"

    def image() -> str:
        workload = berlin.objects[str(DEPLOYMENT), "shop", "runs"]
        return str(workload["spec"]["template"]["spec"]["containers"][0]["image"])

    until(lambda: image().startswith(f"{site.host}/{RUNS}:2.2@sha256:"))


@pytest.mark.parametrize(
    "command",
    [
        ("create", WEB, "x", "--all", *TO_WEB),
        ("enable", WEB, "x"),
        ("disable", WEB, "x"),
        ("pause", WEB, "x"),
        ("resume", WEB, "x"),
        ("delete", WEB, "x"),
        ("approve", WEB, "1"),
        ("reject", WEB, "1"),
        ("replay", WEB, "1"),
    ],
    ids=lambda command: command[0],
)
def test_on_a_server_nobody_acts_but_who_is_logged_in(there: Run, command: tuple[str, ...]) -> None:
    said = there("trigger", *command, "--as", "ann", code=2)
    assert said == "wherry: --as ann and --server do not go together: there admin acts\n"


def test_what_the_server_refuses_is_said_in_its_words(
    there: Run, here: Run, site: Wherry, berlin: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in (
        ("show", WEB, "none"),
        ("delete", WEB, "none"),
        ("pause", WEB, "none"),
        ("history", WEB, "none"),
        ("list", "acme/none"),
        ("list", "Acme"),
        ("preview", WEB, "no tag"),
        ("history", "acme//"),
        ("create", WEB, "x", "--all", "--cluster", "rome", "-n", "shop", "--workload", "web"),
        ("approve", WEB, "999999"),
        ("replay", WEB, "999999"),
    ):
        said = there("trigger", *command, code=1)
        assert said.startswith("wherry: ")
        assert len(said.splitlines()) == 1
        assert here("trigger", *command, code=1), command
    assert "has no trigger" in there("trigger", "show", WEB, "none", code=1)
    start = ("trigger", "create", WEB, "x")
    assert "one of --all" in there(*start, *TO_WEB, code=2)
    assert "cannot be read" in there(*start, "--regex", "(", *TO_WEB, code=1)
    assert "--state is one of" in there("trigger", "history", WEB, "--state", "asleep", code=2)
    assert "valid are yaml and json" in there("trigger", "list", WEB, "-o", "table", code=2)
    monkeypatch.setenv("WHERRY_USER", "ann")
    monkeypatch.setenv("WHERRY_PASSWORD", "ann-has-a-password")
    for refused in (("list", WEB), ("create", WEB, "x", "--all", *TO_WEB)):
        said = run("trigger", *refused, "--server", site.url, code=1)
        assert said.startswith("wherry: "), said
        assert "ann" in said or "acme/web" in said
