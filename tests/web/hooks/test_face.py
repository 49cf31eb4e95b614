"""Pushes elsewhere over HTTP: proved, counted once, and what they fire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.observability.scraping import parsed
from tests.web.running import Registry
from tests.webhooks.told import IMAGES, WITHOUT_DIGEST, digest, proof, told
from wherry.webhooks.pushes_in import Product
from wherry.webhooks.senders import WITH_SECRET

SENDERS = "/api/v1/organizations/acme/webhook-senders"
TRIGGERS = "/api/v1/organizations/acme/images/web/triggers"
RUNS = "/api/v1/organizations/acme/images/web/trigger-runs"


@pytest.fixture
async def site(registry_on_both: Registry) -> Registry:
    http = registry_on_both.http
    for name in ("acme", "beta"):
        await http.post("/api/v1/organizations", json={"name": name})
    assert (await http.post("/api/v1/organizations/acme/images", json={"image": "web"})).status_code == 201
    return registry_on_both


async def make(registry: Registry, product: Product, **more: Any) -> dict[str, Any]:
    body = {"name": "hub", "product": product, "image": IMAGES[product], "repository": "web", **more}
    made = await registry.http.post(SENDERS, json=body)
    assert made.status_code == 201, made.text
    document: dict[str, Any] = made.json()
    return document


async def send(
    registry: Registry, made: dict[str, Any], body: bytes, number: int = 2, **headers: str
) -> tuple[int, dict[str, Any]]:
    product = Product(made["product"])
    sent = proof(product, made["secret"], body, registry.clock.now(), number) | headers
    path = made["url"].removeprefix("http://registry.example")
    answer = await registry.as_nobody.post(path, content=body, headers=sent)
    assert made["url"].rpartition("/")[2] not in answer.text
    return answer.status_code, answer.json()


async def shown(registry: Registry) -> dict[str, Any]:
    found: dict[str, Any] = (await registry.http.get(f"{SENDERS}/hub")).json()
    return found


@pytest.mark.parametrize("product", Product)
async def test_a_push_is_heard_once_however_often_it_is_told(site: Registry, product: Product) -> None:
    made = await make(site, product)
    assert (made["secret"] is not None) is (product in WITH_SECRET)
    status, said = await send(site, made, told(product))
    assert (status, said) == (202, {"fired": 0, "ignored": "no trigger of acme/web is for it"})
    assert (await shown(site))["heard_at"] is not None
    again = await send(site, made, told(product))
    assert again == (202, {"fired": 0, "ignored": "it was told before"})
    site.clock.move(minutes=1)
    _, other = await send(site, made, told(product, "1.2", 3), 3)
    assert other["ignored"] == "no trigger of acme/web is for it"


@pytest.mark.parametrize("product", sorted(WITH_SECRET))
async def test_without_its_proof_nothing_is_heard_and_the_problem_is_kept(
    site: Registry, product: Product
) -> None:
    made = await make(site, product)
    wrong = made | {"secret": "whsec_" + "A" * 32}
    status, said = await send(site, wrong, told(product))
    assert (status, said["status"], said["title"]) == (401, 401, "Unauthorized")
    assert (await shown(site))["last_problem"].startswith("not authentic: ")
    assert (await shown(site))["heard_at"] is None
    path = made["url"].removeprefix("http://registry.example")
    assert (await site.as_nobody.post(path, content=told(product))).status_code == 401
    assert (await send(site, made, told(product)))[0] == 202
    assert (await shown(site))["last_problem"] == ""


async def test_what_was_signed_is_worth_nothing_changed_or_late(site: Registry) -> None:
    made = await make(site, Product.WHERRY)
    body = told(Product.WHERRY)
    sent = proof(Product.WHERRY, made["secret"], body, site.clock.now())
    path = made["url"].removeprefix("http://registry.example")
    changed = await site.as_nobody.post(path, content=told(Product.WHERRY, "1.3"), headers=sent)
    assert changed.status_code == 401
    site.clock.move(minutes=6)
    assert (await site.as_nobody.post(path, content=body, headers=sent)).status_code == 401


async def test_a_signed_body_told_again_under_another_id_is_the_same(site: Registry) -> None:
    made = await make(site, Product.GHCR)
    body = told(Product.GHCR)
    await send(site, made, body, 2, **{"x-github-delivery": "one"})
    site.clock.move(days=6)
    _, said = await send(site, made, body, 2, **{"x-github-delivery": "two"})
    assert said["ignored"] == "it was told before"


async def test_a_tag_that_moves_away_and_back_is_pushed_each_time(site: Registry) -> None:
    made = await make(site, Product.ECR)
    heard = []
    for number, of in enumerate((2, 3, 2, 2)):
        event = json.loads(told(Product.ECR, "latest", of)) | {"id": f"event-{number}"}
        heard.append((await send(site, made, json.dumps(event).encode()))[1]["ignored"])
    new, known = "no trigger of acme/web is for it", "it was told before"
    assert heard == [new, new, new, known]


@pytest.mark.parametrize("product", Product)
async def test_a_push_of_another_image_is_none_of_the_sender(site: Registry, product: Product) -> None:
    made = await make(site, product, image=f"{IMAGES[product]}-other")
    status, said = await send(site, made, told(product))
    assert (status, said["fired"]) == (202, 0)
    assert said["ignored"].startswith("it tells of acme/web, not of ")


async def test_the_same_repository_of_another_account_is_another(site: Registry) -> None:
    made = await make(site, Product.ECR, image="999999999999.dkr.ecr.eu-central-1.amazonaws.com/acme/web")
    assert "not of 9999" in (await send(site, made, told(Product.ECR)))[1]["ignored"]


async def test_a_disabled_sender_is_refused_and_heard_again_when_it_is_enabled(site: Registry) -> None:
    made = await make(site, Product.QUAY, is_enabled=False)
    assert (await send(site, made, told(Product.QUAY)))[0] == 403
    await site.http.patch(f"{SENDERS}/hub", json={"is_enabled": True})
    assert (await send(site, made, told(Product.QUAY)))[0] == 202


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"x" * (1024 * 1024 + 1), 413), (b"{", 422), (b'{"push_data": {"tag": "a b"}}', 422)],
)
async def test_what_cannot_be_read_is_refused(site: Registry, body: bytes, status: int) -> None:
    made = await make(site, Product.DOCKER_HUB)
    assert (await send(site, made, body))[0] == status
    assert ((await shown(site))["last_problem"] != "") is (status == 422)


async def test_a_ping_is_accepted_and_does_nothing(site: Registry) -> None:
    made = await make(site, Product.GHCR)
    said = await send(site, made, b'{"zen": "Design for failure.", "hook_id": 1}')
    assert said == (202, {"fired": 0, "ignored": "it tells of no push"})


async def test_an_address_that_is_none_is_unknown_and_guessing_is_slow(site: Registry) -> None:
    made = await make(site, Product.QUAY)
    statuses = []
    for _ in range(40):
        statuses.append((await site.as_nobody.post("/hooks/guess", content=b"{}")).status_code)
        if statuses[-1] == 429:
            break
    assert statuses[0] == 404
    assert statuses[-1] == 429
    # Who knows an address is not held up by who guesses.
    assert (await send(site, made, told(Product.QUAY)))[0] == 202
    assert (await site.as_nobody.get("/hooks/guess")).status_code == 405


async def test_after_a_rotation_the_address_before_is_none(site: Registry) -> None:
    made = await make(site, Product.HARBOR)
    renewed = (await site.http.post(f"{SENDERS}/hub/rotation")).json()
    assert (await send(site, made, told(Product.HARBOR)))[0] == 404
    assert (await send(site, made | renewed, told(Product.HARBOR)))[0] == 202
    await site.http.delete(f"{SENDERS}/hub")
    assert (await send(site, made | renewed, told(Product.HARBOR)))[0] == 404


async def test_a_sender_is_listed_without_what_it_proves_itself_by(site: Registry) -> None:
    made = await make(site, Product.GHCR, secret="a secret of our own")
    assert made["secret"] == "a secret of our own"
    token = made["url"].rpartition("/")[2]
    for text in (
        (await site.http.get(SENDERS)).text,
        (await site.http.get(f"{SENDERS}/hub")).text,
        (await site.http.get("/api/v1/audit?limit=1000")).text,
    ):
        assert "hub" in text
        assert token not in text
        assert "of our own" not in text
    again = await site.http.post(
        SENDERS, json={"name": "hub", "product": "ghcr", "image": "ghcr.io/a/b", "repository": "web"}
    )
    assert again.status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": "acme/web:1"},
        {"name": "a/b"},
        {"secret": "too short to be one"[:10], "product": "harbor"},
        {"secret": "long enough to be one", "product": "quay"},
        {"secret": "long enough to be one", "product": "wherry"},
        {"product": "nobody"},
    ],
)
async def test_what_cannot_be_is_refused(site: Registry, wrong: dict[str, str]) -> None:
    body = {"name": "hub", "product": "ghcr", "image": "ghcr.io/acme/web", "repository": "web", **wrong}
    assert (await site.http.post(SENDERS, json=body)).status_code == 422


async def test_the_image_that_stands_in_has_to_be_there(site: Registry) -> None:
    body = {"name": "hub", "product": "ghcr", "image": "ghcr.io/acme/web", "repository": "none"}
    assert (await site.http.post(SENDERS, json=body)).status_code == 404


@pytest.mark.parametrize("product", Product)
async def test_a_trigger_of_the_image_that_stands_in_fires(site: Registry, product: Product) -> None:
    made = await make(site, product)
    # Nothing works here: nobody asks that server.
    edits = [{"kind": "kustomize", "path": "kustomization.yaml", "image": "web"}]
    git = {"url": "https://git.example.com/acme/deploy.git", "edits": edits}
    trigger = {"name": "prod", "condition": {"kind": "glob", "text": "1.*"}, "target": {"git": git}}
    answer = await site.http.post(TRIGGERS, json=trigger)
    assert answer.status_code == 201, answer.text
    assert (await send(site, made, told(product)))[1] == {"fired": 1}
    assert (await send(site, made, told(product)))[1]["fired"] == 0
    unknown = await send(site, made, told(product, "2.0", 4), 4)
    assert unknown[1] == {"fired": 0, "ignored": "no trigger of acme/web is for it"}
    (run,) = (await site.http.get(RUNS)).json()["items"]
    of = "" if product in WITHOUT_DIGEST else digest(2)
    assert (run["tag"], run["digest"], run["image"]) == ("1.2", of, IMAGES[product])
    assert run["pushed_by"] == "sender hub"


async def counted(registry: Registry) -> dict[tuple[str, str], float]:
    """By product and result."""
    found = parsed((await registry.as_nobody.get("/metrics")).text)
    return {
        (dict(labels)["product"], dict(labels)["result"]): value
        for (name, labels), value in found.items()
        if name == "wherry_webhooks_heard_total"
    }


@pytest.mark.parametrize("product", Product)
async def test_what_is_told_is_counted_by_what_came_of_it(site: Registry, product: Product) -> None:
    made = await make(site, product)
    await send(site, made, told(product))
    assert await counted(site) == {(product, "heard"): 1}
    await send(site, made, told(product))
    await send(site, made, b"{")
    await site.http.patch(f"{SENDERS}/hub", json={"image": f"{IMAGES[product]}-other"})
    site.clock.move(minutes=1)
    await send(site, made, told(product, "1.3", 3), 3)
    await site.http.patch(f"{SENDERS}/hub", json={"is_enabled": False})
    await send(site, made, told(product, "1.4", 4), 4)
    assert await counted(site) == {
        (product, "heard"): 1,
        (product, "repeated"): 1,
        (product, "ignored"): 1,
        (product, "refused"): 2,
    }


async def test_who_proves_nothing_and_who_guesses_make_no_series_of_their_own(site: Registry) -> None:
    made = await make(site, Product.GHCR)
    await send(site, made | {"secret": "another secret of 16"}, told(Product.GHCR))
    for number in range(3):
        await site.as_nobody.post(f"/hooks/guess-{number}", content=b"{}")
        await site.as_nobody.get(f"/hooks/guess-{number}")  # no webhook at all
    assert await counted(site) == {("ghcr", "refused"): 1, ("unknown", "refused"): 3}
