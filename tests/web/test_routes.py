"""Every route of every face against every role: what is not declared cannot be reached."""

from typing import Any

import httpx
import pytest

from tests.registry.contents import index
from tests.web.running import BOB, Registry
from wherry.access.actions import Action, Need
from wherry.oci.digests import Digest
from wherry.web.agents.face import ROUTES as AGENTS
from wherry.web.api.routes import OPERATIONS as API
from wherry.web.console.routes import ROUTES as CONSOLE
from wherry.web.distribution.routes import ROUTES as DISTRIBUTION
from wherry.web.hooks.face import ROUTES as HOOKS
from wherry.web.operations.face import ROUTES as OPERATIONS
from wherry.web.routes import Route, RouteTable
from wherry.web.swr.routes import ROUTES as SWR

PARAMETERS = {
    "{name:path}": "acme/web",
    "{reference}": "1.0",
    "{digest}": str(Digest.of(b"nothing")),
    "{upload}": "0" * 32,
}


def path_of(template: str) -> str:
    for name, value in PARAMETERS.items():
        template = template.replace(name, value)
    assert "{" not in template
    return template


def test_every_route_declares_its_action_and_none_is_there_twice() -> None:
    faces: list[list[Route[Any, Any]]] = [
        [*DISTRIBUTION],
        [*OPERATIONS],
        [*SWR],
        [*CONSOLE],
        [*AGENTS],
        [*HOOKS],
    ]
    for routes in faces:
        assert all(isinstance(route.action, Action) for route in routes)
        assert len({(route.method, route.template) for route in routes}) == len(routes)
    bound = {route.action for routes in faces for route in routes} | {operation.action for operation in API}
    assert bound == set(Action)


@pytest.fixture
async def filled(registry: Registry) -> Registry:
    await registry.push_manifest("acme/web", index([]), "1.0")
    return registry


@pytest.mark.parametrize("route", DISTRIBUTION, ids=lambda route: f"{route.method} {route.shown}")
async def test_each_role_on_each_route(filled: Registry, route: Route[object, object]) -> None:
    async def status(client: httpx.AsyncClient) -> int:
        return (await client.request(route.method, path_of(route.template))).status_code

    need = route.action.rule.need
    if need is Need.NOTHING:
        assert await status(filled.as_nobody) not in (401, 403, 500)
        return
    assert await status(filled.as_nobody) == 401
    may_bob = need is Need.LOGIN
    assert (await status(filled.client(BOB)) not in (401, 403)) is may_bob
    assert await status(filled.http) not in (401, 403, 500)


def test_the_first_template_that_fits_wins() -> None:
    table: RouteTable[object, object] = RouteTable(DISTRIBUTION)  # type: ignore[arg-type]

    def found(path: str) -> tuple[str, dict[str, str]] | None:
        match = table.find(path)
        return None if match is None else (next(iter(match[0].values())).template, match[1])

    upload = "/v2/{name:path}/blobs/uploads/{upload}"
    assert found("/v2/a/b/blobs/uploads/1") == (upload, {"name": "a/b", "upload": "1"})
    assert found("/v2/a/manifests/b/manifests/1") == (
        "/v2/{name:path}/manifests/{reference}",
        {"name": "a/manifests/b", "reference": "1"},
    )
    assert found("/v2/a/tags/list/") is None
    assert found("/v2//tags/list") == ("/v2/{name:path}/tags/list", {"name": ""})
    assert found("/other") is None
