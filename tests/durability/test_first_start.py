"""A first start that a kill or a power cut breaks off at any moment: the next one finishes what it began."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from engines.servers import ServerProcess, free_port
from engines.servers.process import answers
from tests.durability.kill import children, wait_until_gone
from tests.durability.power import PowerCut, freeze, why_not
from tests.durability.seeds import new_seed
from tests.durability.wire import Connection

TIMES = 6


class FirstStart:
    """A server with a generated password, started on `data` without waiting for it."""

    def __init__(self, data: Path, log: Path) -> None:
        self.data = data
        self.host = f"127.0.0.1:{free_port()}"
        port = self.host.partition(":")[2]
        self.process = ServerProcess(
            "wherry",
            [sys.executable, "-m", "wherry", "serve", "--data", data, "--port", port],
            log=log,
            env={name: value for name, value in os.environ.items() if not name.startswith("WHERRY_")},
        )

    def wait(self) -> None:
        self.process.wait_until(lambda: answers(f"http://{self.host}/readyz", 200), 60)

    def kill(self) -> None:
        pids = [self.process.pid, *children(self.process.pid)]
        self.process.kill()
        wait_until_gone(pids)

    async def assert_the_password_in_the_folder_works(self) -> None:
        password = (self.data / "admin-password").read_text().strip()
        connection = Connection(self.host, "admin", password)
        answer = await connection.request("POST", "/v2/acme/first/blobs/uploads/")
        connection.close()
        assert answer.status == 202, (answer.status, answer.body)


async def break_off_and_repeat(
    folder: Callable[[int], Path], log: Path, crash: Callable[[FirstStart], None]
) -> None:
    seed = new_seed()
    print(f"seed {seed}")
    random = Random(seed)
    began = time.monotonic()
    whole = FirstStart(folder(0), log)
    try:
        whole.wait()
    finally:
        whole.kill()
    seconds = time.monotonic() - began
    for number in range(TIMES):
        data = folder(number + 1)
        broken = FirstStart(data, log)
        try:
            await asyncio.sleep(random.uniform(0.3, 1.0) * seconds)
            crash(broken)
        finally:
            broken.kill()
        again = FirstStart(data, log)
        try:
            again.wait()
            await again.assert_the_password_in_the_folder_works()
        finally:
            again.kill()


@pytest.mark.slow
async def test_a_first_start_that_is_killed_can_be_repeated(tmp_path: Path) -> None:
    await break_off_and_repeat(
        lambda number: tmp_path / f"data-{number}", tmp_path / "server.log", FirstStart.kill
    )


@pytest.mark.slow
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
async def test_a_first_start_that_loses_its_power_can_be_repeated(tmp_path: Path) -> None:
    with PowerCut(tmp_path) as power:

        def crash(started: FirstStart) -> None:
            freeze([started.process.pid, *children(started.process.pid)])
            power.cut()
            started.kill()
            power.mount_again()

        await break_off_and_repeat(power.data, tmp_path / "server.log", crash)
