"""Triggers over HTTP: made, shown, changed with the version that was read, fired, approved, made anew."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.clusters.fake_cluster import FakeCluster
from tests.triggers.world import deployment
from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry
from wherry.oci.names import RepositoryName
from wherry.triggers.find import get_trigger
from wherry.triggers.react import Push, fire

WEB = "/api/v1/organizations/acme/images/web"
ALL = f"{WEB}/triggers"
PROD = f"{ALL}/prod"
RUNS = f"{WEB}/trigger-runs"
IMAGE = RepositoryName("acme/web")


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, code_of(answer)


def wanted(name: str = "prod", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "condition": {"kind": "semver", "text": "~1.4"},
        "target": {"namespace": "shop", "name": "web", "waves": [["prod"]]},
        **more,
    }


@pytest.fixture
async def image(acme: Registry) -> Registry:
    """With acme/web, which has nothing in it."""
    made = await acme.http.post("/api/v1/organizations/acme/images", json={"image": "web"})
    assert made.status_code == 201, made.text
    return acme


@pytest.fixture
async def approving(image: Registry) -> Registry:
    """With a trigger that waits for approval."""
    made = await image.http.post(ALL, json=wanted(options={"approval": True}))
    assert made.status_code == 201, made.text
    return image


async def push(registry: Registry, number: int = 1, tag: str = "1.4.2") -> int:
    """What the reaction to a push does; the number of its run."""
    now = registry.wired.api.clock.now()
    event = Push(f"test:{number}", IMAGE, tag, f"sha256:{number:064x}", "bob", now)
    [run] = await registry.wired.api.database.write(
        lambda tx: fire(tx, get_trigger(tx, IMAGE, "prod"), event, now)
    )
    return int(run)


async def test_a_trigger_is_shown_as_it_was_asked_for(image: Registry) -> None:
    options = {"approval": True, "delay": 60, "windows": [{"days": ["mon"], "zone": "Europe/Berlin"}]}
    body = wanted(options=options, platform="linux/amd64", enabled=False)
    made = await image.http.post(ALL, json=body)
    assert (made.status_code, made.headers["location"]) == (201, PROD), made.text
    shown = await image.http.get(PROD)
    assert shown.json() == made.json()
    assert shown.headers["etag"] == made.headers["etag"]
    document = shown.json()
    assert document["condition"] == body["condition"]
    assert document["target"].items() >= body["target"].items()
    assert (document["options"]["approval"], document["options"]["delay"]) == (True, 60)
    assert document["options"]["windows"][0]["zone"] == "Europe/Berlin"
    assert (document["enabled"], document["fires"], document["why_not"]) == (
        False,
        False,
        "the trigger is disabled",
    )
    assert (await image.http.post(ALL, json=body)).status_code == 409


async def test_an_answer_can_be_sent_back(image: Registry) -> None:
    made = (await image.http.post(ALL, json=wanted())).json()
    again = {key: made[key] for key in ("name", "condition", "target", "options", "platform", "enabled")}
    put = await image.http.put(PROD, json=again)
    assert put.status_code == 200, put.text
    assert {**put.json(), "changed_at": None} == {**made, "changed_at": None}


async def test_every_problem_of_a_body_is_told(image: Registry) -> None:
    body = wanted(condition={"kind": "regex", "text": "("}, options={"deadline": -1})
    answer = await image.http.post(ALL, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_trigger")
    said = " ".join(each["message"] for each in answer.json()["errors"])
    assert "cannot be read" in said
    assert "deadline is from 0" in said


async def test_triggers_come_in_pages_with_what_they_did_last(image: Registry) -> None:
    for name in ("prod", "a", "z z"):
        assert (await image.http.post(ALL, json=wanted(name))).status_code == 201
    run = await push(image)
    first = (await image.http.get(ALL, params={"limit": 2})).json()
    assert [each["name"] for each in first["items"]] == ["a", "prod"]
    assert [each["last_run"] and each["last_run"]["id"] for each in first["items"]] == [None, run]
    second = (await image.http.get(ALL, params={"cursor": first["next"]})).json()
    assert [each["name"] for each in second["items"]] == ["z z"]
    assert (await image.http.get(f"{ALL}/z%20z")).json()["name"] == "z z"


async def test_a_request_with_a_key_makes_one_trigger(image: Registry) -> None:
    key = {"idempotency-key": "one"}
    first = await image.http.post(ALL, json=wanted(), headers=key)
    again = await image.http.post(ALL, json=wanted(), headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()


async def test_who_read_another_version_changes_nothing(image: Registry) -> None:
    old = (await image.http.post(ALL, json=wanted())).headers["etag"]
    body = wanted(condition={"kind": "all"})
    assert (await image.http.put(PROD, json=body, headers={"if-match": old})).status_code == 200
    for method, path, sent in (
        ("PUT", PROD, wanted()),
        ("PUT", f"{PROD}/enabled", {"enabled": False}),
        ("PUT", f"{PROD}/pause", {}),
        ("DELETE", f"{PROD}/pause", None),
        ("DELETE", PROD, None),
    ):
        answer = await image.http.request(method, path, json=sent, headers={"if-match": old})
        assert refusal(answer) == (412, "changed_meanwhile"), path
    assert (await image.http.get(PROD)).json()["condition"]["kind"] == "all"


async def test_a_trigger_is_switched_paused_resumed_and_deleted(image: Registry) -> None:
    await image.http.post(ALL, json=wanted())
    assert (await image.http.put(f"{PROD}/enabled", json={"enabled": False})).json()["fires"] is False
    assert (await image.http.put(f"{PROD}/enabled", json={"enabled": True})).json()["fires"] is True
    paused = (await image.http.put(f"{PROD}/pause", json={"reason": "a sale"})).json()
    assert (paused["paused_because"], paused["fires"]) == ("a sale", False)
    assert (await image.http.delete(f"{PROD}/pause")).json()["fires"] is True
    assert (await image.http.delete(PROD)).status_code == 204
    assert refusal(await image.http.get(PROD)) == (404, "trigger_unknown")


async def test_a_password_for_git_never_comes_back_and_stays_when_left_out(image: Registry) -> None:
    git = {
        "url": "https://git.example.com/acme/shop.git",
        "user": "wherry",
        "password": "s3cret-s3cret",
        "push_branch": "wherry",
        "edits": [{"kind": "kustomize", "path": "kustomization.yaml", "image": "web"}],
    }
    made = await image.http.post(ALL, json=wanted(target={"git": git}))
    assert made.status_code == 201, made.text
    assert "s3cret" not in made.text
    assert made.json()["target"]["git"].items() >= {"has_password": True, "push_branch": "wherry"}.items()
    del git["password"]
    kept = (await image.http.put(PROD, json=wanted(target={"git": git}))).json()
    assert kept["target"]["git"]["has_password"] is True
    git["user"] = "another"
    other = (await image.http.put(PROD, json=wanted(target={"git": git}))).json()
    assert other["target"]["git"]["has_password"] is False


async def test_a_run_is_approved_once(approving: Registry) -> None:
    http, run = approving.http, await push(approving)
    waiting = (await http.get(f"{RUNS}/{run}")).json()
    assert (waiting["state"], waiting["tag"], waiting["pushed_by"], waiting["cluster"]) == (
        "waiting for approval",
        "1.4.2",
        "bob",
        "prod",
    )
    approved = (await http.post(f"{RUNS}/{run}/approval")).json()
    assert (approved["state"], approved["approved_by"]) == ("waiting", "admin")
    assert refusal(await http.post(f"{RUNS}/{run}/approval")) == (409, "run_not_open")


async def test_a_run_is_rejected_or_cancelled_with_its_reason_in_the_history(approving: Registry) -> None:
    http = approving.http
    first = await push(approving)
    rejected = (await http.post(f"{RUNS}/{first}/rejection", json={"reason": "not today"})).json()
    assert rejected["state"] == "skipped"
    assert "has rejected it: not today" in rejected["detail"]
    second = await push(approving, 2)
    cancelled = (await http.post(f"{RUNS}/{second}/cancellation")).json()
    assert (cancelled["state"], cancelled["seconds"] is not None) == ("skipped", True)


async def test_runs_are_listed_by_state_newest_first_in_pages(approving: Registry) -> None:
    http = approving.http
    runs = []
    for number in (1, 2, 3):
        runs.append(await push(approving, number))
        await http.post(f"{RUNS}/{runs[-1]}/rejection", json={})
    runs.append(await push(approving, 4))
    for path in (RUNS, f"{PROD}/runs"):
        seen, parameters = [], {"limit": "2", "state": "skipped"}
        while True:
            page = (await http.get(path, params=parameters)).json()
            seen += [each["id"] for each in page["items"]]
            if page.get("next") is None:
                break
            parameters["cursor"] = page["next"]
        assert seen == [runs[2], runs[1], runs[0]]
        assert [each["id"] for each in (await http.get(path)).json()["items"]] == runs[::-1]
    assert (await http.get(RUNS, params={"state": "some"})).status_code == 422
    assert refusal(await http.get(RUNS, params={"cursor": "eHg"})) == (422, "invalid_cursor")


async def test_a_run_of_what_is_gone_is_not_made_anew(approving: Registry) -> None:
    run = await push(approving)
    assert refusal(await approving.http.post(f"{RUNS}/{run}/replay")) == (404, "manifest_unknown")


async def test_a_run_is_found_under_its_own_image_only(approving: Registry) -> None:
    run = await push(approving)
    await approving.http.post("/api/v1/organizations/acme/images", json={"image": "other"})
    other = f"/api/v1/organizations/acme/images/other/trigger-runs/{run}"
    for path in (other, f"{RUNS}/{2**63}", f"{RUNS}/none"):
        assert refusal(await approving.http.get(path)) == (404, "run_unknown")
    assert refusal(await approving.http.post(f"{other}/approval")) == (404, "run_unknown")


async def test_a_preview_says_what_fires_and_why_the_others_do_not(approving: Registry) -> None:
    http = approving.http
    await http.post(ALL, json=wanted("nightly", condition={"kind": "glob", "text": "nightly-*"}))
    found = (await http.get(f"{WEB}/trigger-preview", params={"tag": "1.4.9"})).json()["triggers"]
    assert [(each["trigger"], each["fires"]) for each in found] == [("nightly", False), ("prod", True)]
    assert "does not look like" in found[0]["why_not"]
    [place] = found[1]["places"]
    assert (place["cluster"], place["problem"]) == ("prod", None)
    assert "approval" in place["waits"]
    assert (await http.get(RUNS)).json()["items"] == []


async def test_a_preview_that_asks_the_clusters_says_what_would_change_in_each(approving: Registry) -> None:
    path = f"{WEB}/trigger-preview"
    [quiet] = (await approving.http.get(path, params={"tag": "1.4.9"})).json()["triggers"]
    assert (quiet["places"][0]["changes"], quiet["places"][0]["unchanged"]) == (None, None)
    [asked] = (await approving.http.get(path, params={"tag": "1.4.9", "ask_clusters": "true"})).json()[
        "triggers"
    ]
    [place] = asked["places"]
    assert place["changes"] == []
    assert "web" in place["unchanged"]


async def test_a_preview_of_an_image_held_elsewhere_looks_for_its_whole_name(
    approving: Registry, fake: FakeCluster
) -> None:
    fake.write({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    fake.write(deployment("docker.io/acme/web:1.4.8"), "kubectl-create")
    path, of_it = f"{WEB}/trigger-preview", {"tag": "1.4.9", "held_as": "docker.io/acme/web"}
    answer = await approving.http.get(path, params=of_it | {"ask_clusters": "true"})
    [found] = answer.json()["triggers"]
    assert found["fires"]
    assert found["places"][0]["changes"] == ["Deployment web: container app from 1.4.8 to 1.4.9"]
    refused = await approving.http.get(path, params=of_it | {"held_as": "docker.io/acme/web:tag:more"})
    assert refusal(refused) == (422, "invalid_tag")


async def test_who_may_not_see_the_cluster_is_not_told_by_a_preview(approving: Registry) -> None:
    given = await approving.http.put(f"{WEB}/permissions/users/bob", json={"level": "write"})
    assert given.status_code in (200, 201), given.text
    async with approving.client(BOB) as bob:
        found = await bob.get(f"{WEB}/trigger-preview", params={"tag": "1.4.9", "ask_clusters": "true"})
    [place] = found.json()["triggers"][0]["places"]
    assert place["changes"] == []
    assert "no cluster" in place["unchanged"]


async def test_without_write_on_the_cluster_there_is_no_trigger(image: Registry) -> None:
    path = f"{WEB}/permissions/users/bob"
    given = await image.http.put(path, json={"level": "write"})
    assert given.status_code in (200, 201), given.text
    async with image.client(BOB) as bob:
        assert (await bob.get(ALL)).status_code == 200
        refused = await bob.post(ALL, json=wanted())
    assert refused.status_code in (403, 404)
    assert refused.json()["code"] in ("cluster_forbidden", "cluster_unknown")


async def test_changes_are_on_record_with_the_name_of_the_trigger(approving: Registry) -> None:
    await approving.http.delete(PROD)
    audit = (await approving.http.get("/api/v1/audit", params={"action": "image.trigger"})).json()["items"]
    assert [(each["name"], each["detail"]["trigger"]) for each in audit] == [("acme/web", "prod")] * 2
    assert audit[0]["detail"]["deleted"] is True
