"""schemathesis over the whole OpenAPI document, against a running server, as an administrator and as a user.

It sends what the document allows and what it forbids, follows what it made, and holds every answer against
the document: no 5xx of ours, no status that is not written down, no answer of another shape.
"""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engines.servers.wherry import Wherry, wherry
from tests.web.api.known_names import furnish
from wherry.web.api.routes import OPERATIONS, PREFIX

# A longer run: SCHEMATHESIS_EXAMPLES=500 pytest tests/web/api/test_schemathesis.py
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "2")
HOOKS = "tests.web.api.schemathesis_hooks"
CHECKS = (
    "not_our_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wherry]:
    # Or after twenty tries at `POST /session` every further one is 429, and nothing is tried there.
    settings = {
        "WHERRY_AUTH_LOGIN_ATTEMPTS": "1000000",
        "WHERRY_CLUSTERS_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    with wherry(tmp_path_factory.mktemp("fuzzed") / "data", settings=settings) as running:
        with httpx.Client(base_url=running.url, auth=(running.username, running.password)) as http:
            furnish(http)
        yield running


@pytest.mark.slow
@pytest.mark.parametrize(
    ("who", "phases"),
    [
        ("administrator", "examples,coverage,fuzzing,stateful"),
        # Three of five operations are closed to them: the corners behind a refusal are all the same.
        ("user", "examples,fuzzing"),
    ],
)
def test_every_answer_is_one_that_is_written_down(
    server: Wherry, tmp_path: Path, who: str, phases: str
) -> None:
    login = _login(server, who)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}{PREFIX}/openapi.json"),
            *("--header", f"Authorization: Basic {base64.b64encode(login.encode()).decode()}"),
            *("--checks", ",".join(CHECKS), "--phases", phases),
            *("--max-examples", EXAMPLES, "--seed", "20261123", "--workers", "1"),
            *("--request-timeout", "30", "--generation-database", "none", "--no-color"),
        ],
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-12_000:] + ran.stderr[-2_000:]
    tested = re.search(r"Tested:\s+(\d+)", ran.stdout)
    assert tested is not None, ran.stdout
    assert int(tested[1]) == len(OPERATIONS)


def _login(server: Wherry, who: str) -> str:
    admin = (server.username, server.password)
    if who == "administrator":
        return ":".join(admin)
    with httpx.Client(base_url=server.url, auth=admin) as http:
        made = http.post(f"{PREFIX}/users", json={"name": "ann", "password": "a long password"})
        assert made.status_code in (201, 409), made.text
    return "ann:a long password"
