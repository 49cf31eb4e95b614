"""The declarations against the SDK's own: every basic operation has its route, every route its action."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from docs.generate import pages
from tests.web.swr.site import swr
from wherry.access.actions import Action, Need
from wherry.web.swr.routes import OPERATIONS, ROUTES, Operation, State

_PAGE = Path(__file__).parents[3] / "docs/reference/swr.md"
_METHOD = re.compile(r'"method": "(\w+)"')
_RESOURCE = re.compile(r'"resource_path": "([^"]+)"')


def test_there_are_59_operations_each_once():
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS) == 59
    assert len({(route.method, route.template) for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_sdk_sends_the_operation_to_this_route(operation: Operation):
    source = inspect.getsource(getattr(swr.SwrClient, f"_{operation.name}_http_info"))
    method, path = _METHOD.search(source), _RESOURCE.search(source)
    assert method is not None
    assert path is not None
    assert method[1] == operation.route.method
    assert path[1] == operation.route.template


def test_changes_take_more_than_a_look():
    """Reads are open to readers and to whoever logged in; what changes an image or organization is not.

    Two lists take more than read: who has which right (edit), and triggers, which name clusters (write).
    """
    for operation in OPERATIONS:
        need = operation.route.action.rule.need
        if operation.route.action is Action.IMAGE_TRIGGERS_SEE:
            assert need is Need.WRITE
        elif operation.route.method == "GET":
            assert need in (Need.NOTHING, Need.LOGIN, Need.READ, Need.EDIT), operation.name
        elif "{namespace}" in operation.route.template:
            assert need in (Need.WRITE, Need.EDIT), operation.name
        else:
            assert need in (Need.LOGIN, Need.USER), operation.name


def test_only_versions_are_open_to_everybody():
    open_to_all = {route.template for route in ROUTES if route.action.rule.need is Need.NOTHING}
    assert open_to_all == {"/", "/{api_version}"}
    assert {route.action for route in ROUTES} <= set(Action)


def test_the_page_is_the_one_of_the_declarations():
    assert _PAGE.read_text() == pages()["swr.md"]
    text = _PAGE.read_text()
    for operation in OPERATIONS:
        route, action = operation.route, operation.route.action
        row = f"| `{operation.name}` | `{route.method} {route.shown}` | `{action}` | `{action.rule.need}` |"
        assert f"{row} {operation.state} |\n" in text
    assert {operation.state for operation in OPERATIONS} == set(State)
