"""`wrk` for GETs of small things: run once, its figures read from a line that its own script prints."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.failure import BenchFailed

_SCRIPT = """\
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\nFIGURES {"requests": %d, "microseconds": %d, "bytes": %d, "failed": %d, "p99": %d}\\n',
    summary.requests, summary.duration, summary.bytes,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True)
class Burst:
    """What one run of wrk saw."""

    requests: int
    seconds: float
    received: int
    p99_seconds: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def get(
    url: str, authorization: str, *, connections: int, seconds: float, least: int, accept: str = "*/*"
) -> Burst:
    """GET until time is up. Fails on any error, and where answers have under `least` bytes on average."""
    program = shutil.which("wrk")
    if program is None:
        raise BenchFailed("wrk is not installed (Debian and Ubuntu: apt-get install wrk)")
    with tempfile.TemporaryDirectory(prefix="wherry-bench-wrk-") as folder:
        script = Path(folder) / "figures.lua"
        script.write_text(_SCRIPT)
        headers = ["-H", f"Accept: {accept}"]
        if authorization:
            headers += ["-H", f"Authorization: {authorization}"]
        argv = [
            program,
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "-s",
            str(script),
            *headers,
            url,
        ]
        ran = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=seconds + 60)
    lines = [line for line in ran.stdout.splitlines() if line.startswith("FIGURES ")]
    if not lines:
        raise BenchFailed(f"wrk said nothing about {url}: {ran.stdout[-300:]}{ran.stderr[-300:]}")
    told = json.loads(lines[0].removeprefix("FIGURES "))
    if told["failed"] or not told["requests"]:
        raise BenchFailed(f"GET {url}: {told['failed']} of {told['requests']} requests failed")
    if told["bytes"] < told["requests"] * least:
        raise BenchFailed(f"GET {url}: {told['bytes'] / told['requests']:.0f} bytes an answer, not {least}")
    return Burst(told["requests"], told["microseconds"] / 1e6, told["bytes"], told["p99"] / 1e6)
