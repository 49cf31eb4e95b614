"""The matrix of this face: every operation × everybody who may come, from the declarations alone."""

import pytest

from tests.visitors import (
    CLUSTER,
    FLEET,
    ORGANIZATION,
    Login,
    Outcome,
    Place,
    Visitor,
    expected,
    make_visitors,
)
from tests.web.conftest import Serve
from tests.web.running import Registry
from wherry.access.actions import RULES, Action
from wherry.app.wiring import open_sealer
from wherry.settings import Settings
from wherry.settings.tree import AuthSettings
from wherry.web.api.operations import Operation
from wherry.web.api.routes import OPERATIONS, PREFIX

# What paths name beside organization and image: nothing that is there, so that who is let in changes nothing.
NOWHERE = {
    "tag": "none",
    "digest": f"sha256:{'0' * 64}",
    "user": "nobody",
    "team": "none",
    "robot": "none",
    "key": "A" * 20,
    "session": "none",
    "token": "none",
    "with_organization": "nobody",
    "opened_to": "nobody",
    "namespace": "none",
    "kind": "Deployment",
    "workload": "none",
    "secret": "none",
    "webhook": "none",
    "delivery": "1",
    "sender": "none",
    "fleet": FLEET,
    "member": CLUSTER,
    "trigger": "none",
    "run": "0",
}
REFUSALS = {
    "not_logged_in": Outcome.LOG_IN,
    "not_allowed": Outcome.DENIED,
    "token_too_narrow": Outcome.DENIED,
    # There is one; who may not see it is told that there is none.
    "cluster_unknown": Outcome.DENIED,
    "fleet_unknown": Outcome.DENIED,
}


def places_of(operation: Operation) -> tuple[Place, ...]:
    if "{cluster}" in operation.path:
        return (Place.CLUSTER,)
    if "{fleet}" in operation.path:
        return (Place.FLEET,)
    if "{image}" in operation.path:
        return Place.IMAGE, Place.PUBLIC
    return (Place.ORGANIZATION,) if "{organization}" in operation.path else (Place.SERVICE,)


def path_of(operation: Operation, place: Place) -> str:
    image = place.value.partition("/")[2] if "{image}" in operation.path else ""
    names = {**NOWHERE, "organization": ORGANIZATION, "image": image, "cluster": CLUSTER}
    return PREFIX + operation.path.format_map(names)


async def outcome_of(registry: Registry, visitor: Visitor, operation: Operation, path: str) -> Outcome:
    """A body that nothing can be made of, and a version that nothing has."""
    method = operation.method
    async with registry.client(visitor.basic, **{"if-match": '"0"'}) as http:
        answer = await http.request(method, path, json=None if method == "GET" else {})
    # A cluster that does not answer is one of the errors that an operation may declare.
    assert answer.status_code < 500 or answer.status_code in operation.errors, (
        method,
        path,
        visitor.name,
        answer.text,
    )
    is_problem = answer.headers.get("content-type") == "application/problem+json"
    code = answer.json()["code"] if is_problem else ""
    return REFUSALS.get(code, Outcome.ADMITTED)


@pytest.fixture
async def registry(serve: Serve) -> Registry:
    return await serve(auth=AuthSettings(login_attempts=1_000_000))


@pytest.mark.slow
async def test_every_route_lets_in_whom_its_action_says(registry: Registry, tmp_path: object) -> None:
    visitors = make_visitors(registry.database, open_sealer(Settings(data=tmp_path)))  # type: ignore[arg-type]
    wrong = []
    for operation in OPERATIONS:
        for place in places_of(operation):
            for visitor in visitors:
                path = path_of(operation, place)
                came = await outcome_of(registry, visitor, operation, path)
                wanted = expected(visitor, operation.action, place)
                if visitor.login is Login.REFUSED:  # wrong credentials are refused here, never ignored
                    wanted = Outcome.LOG_IN
                if came is not wanted:
                    wrong.append((operation.name, place.name, visitor.name, wanted.name, came.name))
    assert wrong == []


def test_every_route_has_an_action_of_its_own_need() -> None:
    assert OPERATIONS
    for operation in OPERATIONS:
        assert isinstance(operation.action, Action)
        assert operation.action in RULES
        if operation.method == "GET":
            assert operation.action.rule.looks or operation.action.rule.verb is None


def test_no_two_routes_are_one() -> None:
    places = [(operation.method, operation.path) for operation in OPERATIONS]
    assert len(set(places)) == len(places)
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)
