"""Mutated requests: no 5xx, no hang, errors in the OCI envelope only. WHERRY_TEST_REQUESTS says how many.

The long run: python -m tests.hostile --requests 100000
"""

from __future__ import annotations

import json
import os

import pytest

from engines.pytest_plugin import require
from engines.servers.postgresql import postgresql
from tests.hostile.attack import DEFAULT_SEED, attack
from tests.hostile.requests import Answer, Request
from tests.hostile.verdict import fault_of, fault_of_wire_answer

REQUESTS = int(os.environ.get("WHERRY_TEST_REQUESTS", "40000"))


@pytest.mark.slow
async def test_mutated_requests_find_nothing():
    outcome = await attack(REQUESTS, DEFAULT_SEED)
    print(outcome)
    assert not outcome.bad, str(outcome)
    assert outcome.tally.sent >= REQUESTS
    # The mutations must not have become so wild that all of them end at the door.
    for status in ("200", "201", "202", "204", "206", "400", "401", "403", "404", "405", "416"):
        assert outcome.tally.statuses[status] >= REQUESTS // 2000, status


@pytest.mark.slow
@pytest.mark.engine("postgresql")
async def test_mutated_requests_find_nothing_on_postgresql():
    """It refuses what SQLite takes: zero bytes, half surrogate pairs, keys too long for an index."""
    require("postgresql")
    with postgresql() as database:
        url = database.create_database("hostile")
        settings = {"WHERRY_DATABASE_URL": url}
        outcome = await attack(REQUESTS // 10, DEFAULT_SEED + 1, settings=settings)
    print(outcome)
    assert not outcome.bad, str(outcome)


GOOD = {"errors": [{"code": "NAME_INVALID", "message": "no"}]}


def _answer(status=400, document=GOOD, **headers):
    told = {"content-type": "application/json", "x-request-id": "0123456789"}
    return Answer(
        status, told | {k.replace("_", "-"): v for k, v in headers.items()}, json.dumps(document).encode()
    )


@pytest.mark.parametrize(
    "answer",
    [
        _answer(500),
        _answer(502),
        _answer(503),
        _answer(400, {}),
        _answer(400, []),
        _answer(400, {"errors": []}),
        _answer(400, {"errors": [{"code": "OTHER", "message": "no"}]}),
        _answer(400, {"errors": [{"code": "UNKNOWN", "message": "no"}]}),
        _answer(400, {"errors": [{"code": "NAME_INVALID"}]}),
        _answer(403, {"errors": [{"code": "UNAUTHORIZED", "message": "no"}]}),
        _answer(401),
        _answer(400, content_type="text/plain"),
        _answer(200, content_type="text/html"),
        _answer(400, x_request_id=""),
        Answer(400, {}, b""),
    ],
    ids=str,
)
def test_the_judge_sees_each_fault(answer):
    """A fuzzer whose judge is blind finds nothing, and says that all is well."""
    assert fault_of(Request("GET", "/v2/a/b/tags/list"), answer) is not None


def test_the_judge_lets_right_answers_pass():
    assert fault_of(Request("GET", "/v2/a/b/tags/list"), _answer()) is None
    unavailable = {"errors": [{"code": "UNAVAILABLE", "message": "no"}]}
    assert fault_of(Request("GET", "/v2/a/b/tags/list"), _answer(507, unavailable)) is None
    assert fault_of_wire_answer(Answer(400, {"content-length": "0"}, b"")) is None


@pytest.mark.parametrize(
    "answer", [Answer(500, {}, b""), Answer(200, {}, b""), Answer(404, {}, b"no"), _answer(500)]
)
def test_the_judge_of_broken_http_sees_each_fault(answer):
    assert fault_of_wire_answer(answer) is not None
