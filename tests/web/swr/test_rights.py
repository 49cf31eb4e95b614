"""Every route × everybody who may come, signed with their key: as the routes' actions declare it.

What is asked for is not there (an image nobody pushed, a tag nobody gave) or the body is empty, so that no
answer changes what the next one finds: admitted is whoever gets past the decision, to a 404 or a 400.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import Table, select

from tests.visitors import (
    IMAGE,
    ORGANIZATION,
    PUBLIC,
    VISITORS,
    Outcome,
    Place,
    Visitor,
    expected,
    make_visitors,
)
from tests.web.swr.site import BOTH, Key, Site, code_of
from wherry.access.actions import Action
from wherry.access.tables import grants, shares
from wherry.identity.tables import organizations, users
from wherry.registry.tables import repositories, tags
from wherry.web.swr.routes import OPERATIONS, ROUTES

pytestmark = BOTH

_VALUES = {
    "namespace": ORGANIZATION,
    "tag": "absent",
    "access_domain": "absent",
    "trigger": "absent",
    "retention_id": "1",
    "project_id": "p1",
    "api_version": "v2",
    "resource_type": "store",
    "frequency": "daily",
    "rest": "i1/namespaces",
    "job_id": "1",
    "last_id": "1",
    "resource_id": "1",
    "sub_resource_type": "s1",
}
_KEPT = (users, organizations, repositories, tags, grants, shares)
# Who may, would delete the image that the others come for.
_ENDS_THE_IMAGE = ("DELETE", "/v2/manage/namespaces/{namespace}/repos/{repository}")


@pytest.fixture(scope="module")
def visitors(site: Site) -> Iterator[dict[str, Visitor]]:
    """Everybody; and whatever they did, nothing has changed when they are gone."""
    made = make_visitors(site.database, site.sealer)
    before = {table.name: _rows(site, table) for table in _KEPT}
    yield {visitor.name: visitor for visitor in made}
    assert {table.name: _rows(site, table) for table in _KEPT} == before


def _rows(site: Site, table: Table) -> list[tuple[object, ...]]:
    """Of these organizations and people; other tests work on the same server."""
    rows = site.database.read_now(lambda tx: tx.execute(select(table)).all())
    mine = re.compile(rf"{ORGANIZATION}(/.*)?|partner|late|{'|'.join(visitor.name for visitor in VISITORS)}")
    return sorted(
        (
            tuple(row)
            for row in rows
            if any(isinstance(value, str) and mine.fullmatch(value) for value in row)
        ),
        key=repr,
    )


def _place(template: str, *, public: bool) -> Place:
    if "{repository}" in template:
        return Place.PUBLIC if public else Place.IMAGE
    return Place.ORGANIZATION if "{namespace}" in template else Place.SERVICE


def _path(template: str, *, public: bool) -> str:
    values = {**_VALUES, "repository": (PUBLIC if public else IMAGE).partition("/")[2]}
    return re.sub(r"\{(\w+)(:path)?\}", lambda found: values[found[1]], template)


def _ask(site: Site, visitor: Visitor, method: str, path: str) -> httpx.Response:
    if visitor.key is not None:
        return site.send(site.signed(Key(*visitor.key), method, path))
    headers = {"content-type": "application/json"}
    return site.send(httpx.Request(method, site.url + path, headers=headers))


def _outcome(answer: httpx.Response) -> Outcome:
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    if answer.status_code == 401:
        assert code_of(answer)[1] == "4010000"
        return Outcome.LOG_IN
    if answer.status_code == 403:
        assert code_of(answer)[1] == "4030170"
        return Outcome.DENIED
    return Outcome.ADMITTED


def _routes(visitor: Visitor) -> list[tuple[str, str, Action]]:
    """Unsigned, paths of the enterprise edition are the registry's."""
    served = ROUTES if visitor.key else tuple(operation.route for operation in OPERATIONS)
    return [(route.method, route.template, route.action) for route in served]


@pytest.mark.parametrize("name", [visitor.name for visitor in VISITORS])
def test_everybody_gets_what_the_actions_declare(site: Site, visitors: dict[str, Visitor], name: str):
    visitor = visitors[name]
    for method, template, action in _routes(visitor):
        answer = _ask(site, visitor, method, _path(template, public=False))
        wanted = expected(visitor, action, _place(template, public=False), always_logged_in=True)
        assert _outcome(answer) is wanted, f"{method} {template}: {answer.status_code} {answer.text}"


@pytest.mark.parametrize("name", [visitor.name for visitor in VISITORS])
def test_what_is_public_is_seen_by_all_who_log_in_and_changed_by_nobody_else(
    site: Site, visitors: dict[str, Visitor], name: str
):
    visitor = visitors[name]
    for method, template, action in _routes(visitor):
        wanted = expected(visitor, action, _place(template, public=True), always_logged_in=True)
        ends_it = (method, template) == _ENDS_THE_IMAGE and wanted is Outcome.ADMITTED
        if "{repository}" not in template or ends_it:
            continue
        answer = _ask(site, visitor, method, _path(template, public=True))
        assert _outcome(answer) is wanted, f"{method} {template}: {answer.status_code} {answer.text}"


def test_every_route_has_an_action_and_the_matrix_a_value_for_each_parameter(site: Site):
    names = {name for route in ROUTES for name in re.findall(r"\{(\w+)", route.template)}
    assert names == {*_VALUES, "repository"}
    for route in ROUTES:
        assert isinstance(route.action, Action), f"{route.method} {route.shown} is reached without a decision"
