"""The client table has no hole: for each operation of each client, a test or the reason for none."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from tests.clients.operations import CLIENTS, ClientUnderTest, Operation


def _marks(module: str) -> list[pytest.Mark]:
    tests = vars(importlib.import_module(f"tests.clients.test_{module}")).items()
    functions: list[Any] = [test for name, test in tests if name.startswith("test_")]
    marks: list[pytest.Mark] = [mark for test in functions for mark in getattr(test, "pytestmark", [])]
    return [mark for mark in marks if mark.name == "operation"]


def _proved(client: ClientUnderTest) -> set[Operation]:
    redirects = [mark for mark in _marks("redirects") if mark.kwargs["row"] == client.name]
    return {mark.args[0] for mark in [*_marks(client.module), *redirects]}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_each_operation_is_tested_or_known_as_not_offered(client: ClientUnderTest) -> None:
    proved = _proved(client)
    assert proved | set(client.not_offered) == set(Operation)
    assert proved & set(client.not_offered) == set()


def test_each_client_module_is_in_the_table() -> None:
    modules = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert modules - {"table", "redirects", "login_keys", "login_commands"} == {
        client.module for client in CLIENTS
    }
