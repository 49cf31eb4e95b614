"""The bare server: Granian and an ASGI app that sends one file, whatever is asked. No registry can be faster.

`python -m bench.bare_app PORT FILE`
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_FILE = os.environ.get("WHERRY_BENCH_FILE", "")
_SIZE = os.path.getsize(_FILE) if _FILE else 0


async def app(scope: MutableMapping[str, Any], receive: object, send: Send) -> None:
    if scope["type"] != "http":
        return
    headers = [(b"content-length", b"%d" % _SIZE), (b"content-type", b"application/octet-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.pathsend", "path": _FILE})


def main() -> None:
    port, file = sys.argv[1:]
    os.environ["WHERRY_BENCH_FILE"] = file
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        "bench.bare_app:app", port=int(port), interface=Interfaces.ASGINL, websockets=False, log_enabled=False
    ).serve()


if __name__ == "__main__":
    main()
