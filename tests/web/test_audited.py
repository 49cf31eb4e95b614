"""Every change and every refused attempt at the registry leaves one record, whole and without a secret."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.audit.reading import Facts, all_facts, facts_of_request
from tests.databases import FixedClock
from tests.registry.contents import image
from tests.web.conftest import Serve
from tests.web.running import ADMIN, BOB, PASSWORD, Registry
from wherry.access.actions import Action
from wherry.app.audit_chain import chain_for_ever
from wherry.audit.chain import SEALING, Head, is_waiting
from wherry.audit.entries import Result, Source, Target
from wherry.audit.verify import verify_chain
from wherry.identity.access_keys import create_access_key, set_key_disabled
from wherry.identity.login_keys import login_key
from wherry.identity.users import get_user
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName
from wherry.web.audited import MAX_TRIED, Attempt, Audited
from wherry.web.distribution.routes import ROUTES
from wherry.web.routes import Audit

IMAGE = image()
DIGEST = Digest.of(IMAGE)
LAYER = Digest.of(b"layer")
MANIFESTS = "/v2/{name:path}/manifests/{reference}"
BLOBS = "/v2/{name:path}/blobs/{digest}"
UPLOADS = "/v2/{name:path}/blobs/uploads/"
UPLOAD = UPLOADS + "{upload}"

# What is sent to each route that is a change, and what its record says more.
CHANGES: dict[tuple[str, str], tuple[str, bytes, Facts]] = {
    ("PUT", MANIFESTS): ("manifests/2.0", IMAGE, {"digest": str(DIGEST), "tags": ["2.0"]}),
    ("DELETE", MANIFESTS): ("manifests/1.0", b"", {"tag": "1.0"}),
    ("DELETE", BLOBS): (f"blobs/{Digest.of(b'spare')}", b"", {"blob": str(Digest.of(b"spare"))}),
}
STEPS = {
    ("POST", UPLOADS): "blobs/uploads/",
    ("PATCH", UPLOAD): f"blobs/uploads/{'0' * 32}",
    ("PUT", UPLOAD): f"blobs/uploads/{'0' * 32}?digest={LAYER}",
    ("DELETE", UPLOAD): f"blobs/uploads/{'0' * 32}",
}
UNSAFE = [route for route in ROUTES if route.method not in ("GET", "HEAD")]


@pytest.fixture
async def ready(registry_on_both: Registry) -> Registry:
    """`acme/web` has an image under the tag 1.0, and a blob that no manifest names."""
    for blob in (b"{}", b"layer", b"spare"):
        await registry_on_both.push_blob("acme/web", blob)
    await registry_on_both.push_manifest("acme/web", IMAGE, "1.0")
    return registry_on_both


async def told(registry: Registry, answer: httpx.Response) -> list[Facts]:
    """What the request has left. On a slow machine the answer does not wait for the record of a refusal."""
    await registry.wired.distribution.audited.close()
    return facts_of_request(registry.database, answer.headers["x-request-id"])


def test_every_route_that_is_not_just_read_says_what_the_trail_has_of_it() -> None:
    by_kind = {
        audit: {(route.method, route.template) for route in UNSAFE if route.audit is audit} for audit in Audit
    }
    assert by_kind[Audit.CHANGE] == set(CHANGES), "each change needs a request in this table"
    assert by_kind[Audit.STEP] == set(STEPS)
    assert by_kind[Audit.NOTHING] == {("POST", "/token")}
    assert all(route.audit is Audit.NOTHING for route in ROUTES if route.method in ("GET", "HEAD"))


@pytest.mark.parametrize("route", CHANGES, ids=" ".join)
async def test_a_change_leaves_exactly_one_record(
    ready: Registry, clock: FixedClock, route: tuple[str, str]
) -> None:
    path, content, detail = CHANGES[route]
    answer = await ready.http.request(route[0], f"/v2/acme/web/{path}", content=content)
    assert answer.is_success, answer.text
    [facts] = await told(ready, answer)
    assert facts["at"] == clock.now().isoformat(timespec="microseconds")
    assert (facts["actor"], facts["means"], facts["client"]) == ("admin", "password", "192.0.2.7")
    assert facts["actor_id"] == ready.database.read_now(lambda tx: get_user(tx, "admin")).id
    assert (facts["kind"], facts["name"], facts["organization"]) == ("image", "acme/web", "acme")
    assert facts["action"] == ("image.push" if route[0] == "PUT" else "image.delete")
    assert (facts["result"], facts["reason"]) == ("done", "")
    assert facts["detail"].items() >= detail.items()


@pytest.mark.parametrize("route", [*CHANGES, *STEPS], ids=" ".join)
async def test_a_refused_attempt_leaves_exactly_one_record(ready: Registry, route: tuple[str, str]) -> None:
    path, content = CHANGES[route][:2] if route in CHANGES else (STEPS[route], b"")
    async with ready.client(BOB) as bob:
        answer = await bob.request(route[0], f"/v2/acme/web/{path}", content=content)
    assert answer.status_code == 403
    [facts] = await told(ready, answer)
    assert (facts["actor"], facts["result"], facts["name"]) == ("bob", "refused", "acme/web")
    assert facts["reason"] == "bob has no right on acme/web"


@pytest.mark.parametrize("route", [*CHANGES, *STEPS], ids=" ".join)
async def test_the_first_step_of_every_client_leaves_none(ready: Registry, route: tuple[str, str]) -> None:
    before = len(all_facts(ready.database))
    path, content = CHANGES[route][:2] if route in CHANGES else (STEPS[route], b"")
    async with ready.as_nobody as nobody:
        answer = await nobody.request(route[0], f"/v2/acme/web/{path}", content=content)
    assert answer.status_code == 401
    assert len(all_facts(ready.database)) == before


async def test_a_token_that_does_not_reach_is_a_refusal_with_its_means(ready: Registry) -> None:
    asked = await ready.http.get("/token", params={"scope": "repository:acme/web:pull"})
    token = asked.json()["token"]
    async with ready.client(authorization=f"Bearer {token}") as client:
        answer = await client.delete("/v2/acme/web/manifests/1.0")
        assert answer.status_code == 401
        [facts] = await told(ready, answer)
        assert (facts["actor"], facts["means"], facts["result"]) == ("admin", "token", "refused")
        assert facts["detail"] == {"reference": "1.0"}
        assert token not in str(facts)
        pulled = await client.get("/v2/acme/web/manifests/1.0")
    assert (pulled.status_code, await told(ready, pulled)) == (200, [])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", f"manifests/{DIGEST}x", 400),
        ("DELETE", "manifests/9.9", 404),
        ("DELETE", f"blobs/{LAYER}", 409),
        ("PUT", "manifests/3.0", 400),
    ],
)
async def test_what_failed_is_recorded_as_failed(
    ready: Registry, method: str, path: str, status: int
) -> None:
    answer = await ready.http.request(method, f"/v2/acme/web/{path}", content=b"")
    assert answer.status_code == status
    [facts] = await told(ready, answer)
    assert (facts["result"], facts["reason"]) == ("failed", answer.json()["errors"][0]["message"])


async def test_uploads_mounts_and_pulls_leave_no_record(ready: Registry) -> None:
    before = len(all_facts(ready.database))
    await ready.push_blob("acme/web", b"more")
    started = await ready.http.post("/v2/acme/web/blobs/uploads/")
    await ready.http.patch(started.headers["location"], content=b"bytes")
    await ready.http.delete(started.headers["location"])
    await ready.http.post(f"/v2/acme/api/blobs/uploads/?mount={LAYER}&from=acme/web")
    for path in ("manifests/1.0", f"blobs/{LAYER}", "tags/list", "manifests/none"):
        await ready.http.get(f"/v2/acme/web/{path}")
    assert len(all_facts(ready.database)) == before


async def test_a_change_without_its_record_cannot_be(registry: Registry) -> None:
    """Neither is a refusal any other where the trail cannot be written."""
    await registry.push_blob("acme/web", b"{}")
    await registry.push_blob("acme/web", b"layer")
    registry.database.write_now(lambda tx: tx.execute(text("ALTER TABLE audit_journal RENAME TO away")))
    answer = await registry.http.put("/v2/acme/web/manifests/1.0", content=IMAGE)
    assert answer.status_code >= 500
    async with registry.client(BOB) as bob:
        assert (await bob.put("/v2/acme/web/manifests/1.0", content=IMAGE)).status_code == 403
    async with registry.client(("admin", "wrong")) as guesser:
        assert (await guesser.get("/v2/")).status_code == 401
    assert (await registry.http.get("/v2/acme/web/manifests/1.0")).status_code == 404
    registry.database.write_now(lambda tx: tx.execute(text("ALTER TABLE away RENAME TO audit_journal")))
    assert (await registry.http.put("/v2/acme/web/manifests/1.0", content=IMAGE)).status_code == 201


def key_of(registry: Registry, user: str, disabled: bool = False) -> tuple[str, str, str]:
    """Id, secret and login key."""
    sealer = open_sealer_of(registry)

    def work(tx: Any) -> tuple[str, str]:
        made = create_access_key(tx, sealer, get_user(tx, user).id, "test", registry.clock.now())
        if disabled:
            set_key_disabled(tx, made.id, True)
        return made.id, made.secret

    key_id, secret = registry.database.write_now(work)
    return key_id, secret, login_key(key_id, secret)


def open_sealer_of(registry: Registry) -> Any:
    return registry.wired.swr.sealer


async def test_a_key_is_named_with_what_it_did(ready: Registry) -> None:
    key_id, _, password = key_of(ready, "admin")
    async with ready.client((f"eu-1@{key_id}", password)) as client:
        answer = await client.delete("/v2/acme/web/manifests/1.0")
    [facts] = await told(ready, answer)
    assert (facts["actor"], facts["means"], facts["key_id"]) == ("admin", "access key", key_id)


async def test_a_failed_login_is_recorded_with_the_name_that_was_tried(ready: Registry) -> None:
    tried: list[tuple[tuple[str, str], str, str]] = [
        (("bob", "not his password"), "user", "bob"),
        (("nobody", "x"), "user", "nobody"),
        (("n" * 500, "x"), "user", "n" * MAX_TRIED),
        (("eu-1@NOSUCHKEY", "x"), "access key", "NOSUCHKEY"),
    ]
    for auth, kind, name in tried:
        async with ready.client(auth) as client:
            answer = await client.get("/v2/acme/web/manifests/1.0")
        assert answer.status_code == 401
        [facts] = await told(ready, answer)
        assert (facts["action"], facts["result"]) == ("login.failed", "refused")
        assert (facts["kind"], facts["name"], facts["client"]) == (kind, name, "192.0.2.7")
        assert auth[1] not in facts["reason"]
    async with ready.as_nobody as client:
        form = {"grant_type": "password", "username": "bob", "password": "no"}
        answer = await client.post("/token", data=form)
    [facts] = await told(ready, answer)
    assert (facts["action"], facts["actor"]) == ("login.failed", "bob")


async def test_a_login_with_a_key_that_cannot_be_used_says_why(ready: Registry) -> None:
    key_id, _, password = key_of(ready, "bob", disabled=True)
    async with ready.client((f"x@{key_id}", password)) as client:
        answer = await client.get("/v2/")
    [facts] = await told(ready, answer)
    assert (facts["action"], facts["reason"]) == ("login.failed", f"the access key {key_id} is disabled")


async def test_a_token_that_has_run_out_is_no_failed_login(ready: Registry) -> None:
    async with ready.client(authorization="Bearer e30.e30.e30") as client:
        answer = await client.get("/v2/")
    assert (answer.status_code, await told(ready, answer)) == (401, [])


async def test_no_secret_is_ever_in_the_trail(ready: Registry) -> None:
    key_id, secret, password = key_of(ready, "admin")
    token = (await ready.http.get("/token", params={"scope": "repository:acme/web:pull,push"})).json()[
        "token"
    ]
    basic = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    for auth in (ADMIN, BOB, (f"x@{key_id}", password), ("bob", "a wrong guess"), (f"x@{key_id}", "guess 2")):
        async with ready.client(auth) as client:
            for method, path in (("PUT", "manifests/1.0"), ("DELETE", "manifests/none")):
                await client.request(method, f"/v2/acme/web/{path}", content=IMAGE)
    async with ready.client(authorization=f"Bearer {token}") as client:
        await client.put("/v2/acme/web/manifests/token", content=IMAGE)
        await client.delete(f"/v2/acme/web/manifests/{token}")
    kept = str(all_facts(ready.database))
    for hidden in (PASSWORD, secret, password, token, basic, "a wrong guess", "guess 2"):
        assert hidden not in kept


def attempt_of(user_id: int | None, name: str = "bob") -> Attempt:
    return Attempt(Source(name, user_id), Action.IMAGE_PUSH, Target.image(RepositoryName("acme/web")))


async def test_a_stranger_cannot_fill_the_disk(ready: Registry, clock: FixedClock) -> None:
    """After the allowance one record says how many were left out; the minute after counts anew."""
    audited = Audited(ready.database, clock, b"key", a_minute=5)
    for number in range(12):
        await audited.login_failed(f"user{number}", None, "192.0.2.9", "wrong")
    assert [facts["name"] for facts in all_facts(ready.database)][-5:] == [f"user{n}" for n in range(5)]
    clock.move(seconds=61)
    await audited.login_failed("late", None, "192.0.2.9", "wrong")
    left, late = all_facts(ready.database)[-2:]
    assert (left["action"], left["actor"], left["detail"]) == ("audit.left_out", "anonymous", {"left_out": 7})
    assert late["name"] == "late"
    for number in range(6):
        await audited.login_failed(f"user{number}", None, "192.0.2.9", "wrong")
    await audited.close()
    assert all_facts(ready.database)[-1]["detail"] == {"left_out": 2}


async def test_who_is_refused_often_uses_up_nobody_elses_allowance(
    ready: Registry, clock: FixedClock
) -> None:
    audited = Audited(ready.database, clock, b"key", a_minute=3)
    for _ in range(10):
        await audited.unsuccessful(attempt_of(7), Result.REFUSED, "no right")
        await audited.login_failed("guess", None, "192.0.2.9", "wrong")
    await audited.unsuccessful(attempt_of(8, "ann"), Result.REFUSED, "no right")
    assert all_facts(ready.database)[-1]["actor"] == "ann"
    await audited.close()
    counts = {facts["actor"]: facts["detail"] for facts in all_facts(ready.database)[-2:]}
    assert counts == {"bob": {"left_out": 7}, "anonymous": {"left_out": 7}}


async def test_who_nobody_knows_leaves_no_refusal(ready: Registry, clock: FixedClock) -> None:
    audited, before = Audited(ready.database, clock, b"key"), len(all_facts(ready.database))
    await audited.unsuccessful(attempt_of(None, "anonymous"), Result.REFUSED, "log in first")
    assert len(all_facts(ready.database)) == before


async def until_nothing_waits(registry: Registry) -> None:
    while registry.database.read_now(is_waiting):  # noqa: ASYNC110 (another task writes to a database)
        await asyncio.sleep(0.02)


async def test_the_chore_chains_what_was_written_and_tells_the_log(
    ready: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "wherry.app.audit_chain")
    audited = ready.wired.distribution.audited
    chore = asyncio.create_task(chain_for_ever(audited))
    try:
        async with asyncio.timeout(20):
            await until_nothing_waits(ready)
            while not caplog.messages:  # noqa: ASYNC110 (another task writes to the log)
                await asyncio.sleep(0.02)
            await ready.push_manifest("acme/web", IMAGE, "again")
            await until_nothing_waits(ready)
    finally:
        chore.cancel()
        await asyncio.gather(chore, return_exceptions=True)
    verdict = verify_chain(ready.database.read_now, open_sealer_of(ready).key_for(SEALING))
    assert verdict.fault is None
    assert verdict.checked == len(all_facts(ready.database)) > 1
    [said] = caplog.messages
    noted = Head.parse(said.removeprefix("the audit trail ends with "))
    assert verify_chain(ready.database.read_now, open_sealer_of(ready).key_for(SEALING), noted).fault is None


async def test_a_chain_that_was_tampered_with_stops_no_push(
    ready: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    audited = ready.wired.distribution.audited
    await audited.settle()
    ready.database.write_now(lambda tx: tx.execute(text("UPDATE audit_head SET seal = 'x'")))
    await ready.push_manifest("acme/web", IMAGE, "again")
    await audited.settle()
    await audited.settle()
    assert ready.database.read_now(is_waiting)
    assert len([line for line in caplog.records if "are not chained" in line.message]) == 1


async def test_the_same_push_at_once_leaves_a_record_each(ready: Registry) -> None:
    """Of a transaction that PostgreSQL runs again, the one that was committed counts."""
    answers = await asyncio.gather(
        *(ready.http.put("/v2/acme/web/manifests/race", content=IMAGE) for _ in range(8))
    )
    assert [answer.status_code for answer in answers] == [201] * 8
    assert [len(await told(ready, answer)) for answer in answers] == [1] * 8


async def test_the_key_of_the_seal_is_not_the_master_key(serve: Serve, tmp_path: Any) -> None:
    registry = await serve()
    master = base64.urlsafe_b64decode((tmp_path / "master.key").read_text().strip())
    key = open_sealer_of(registry).key_for(SEALING)
    assert key not in (master, hashlib.sha256(master).digest())
    assert key != open_sealer_of(registry).key_for("something else")
