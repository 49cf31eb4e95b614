"""The face is loaded by the first request to it, once, and no earlier."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from tests.web.running import Registry
from wherry.web.api.routes import PREFIX


def test_a_server_starts_without_what_only_the_native_api_needs():
    program = (
        "import sys\nimport wherry.app.application\n"
        "print(sorted({'fastapi', 'pydantic', 'wherry.web.api.routes'} & set(sys.modules)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


async def test_first_requests_that_come_at_once_are_all_answered(registry: Registry):
    answers = await asyncio.gather(*(registry.http.get(f"{PREFIX}/organizations") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5


async def test_a_first_request_that_is_given_up_leaves_the_face_as_it_was(registry: Registry):
    first = asyncio.create_task(registry.http.get(f"{PREFIX}/organizations"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert (await registry.http.get(f"{PREFIX}/organizations")).status_code == 200
