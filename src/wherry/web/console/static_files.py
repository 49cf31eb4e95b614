"""Files that pages load, under addresses that change when they do: browsers keep them, never an old one."""

import hashlib
from importlib.resources import files

from starlette.responses import Response


class StaticFile:
    """Read once, from the package. `shown` is its address as logs and metrics have it."""

    def __init__(self, name: str, media_type: str) -> None:
        self._content = (files("wherry.web.console") / "static" / name).read_bytes()
        self._media_type = media_type
        stem, _, ending = name.rpartition(".")
        self.shown = f"/console/{name}"
        self.path = f"/console/{stem}-{hashlib.sha256(self._content).hexdigest()[:12]}.{ending}"

    def response(self) -> Response:
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(self._content, headers=headers, media_type=self._media_type)
