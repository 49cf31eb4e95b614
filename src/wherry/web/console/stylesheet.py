"""The one stylesheet, under an address that changes when it does: browsers keep it, and never an old one."""

import hashlib
from importlib.resources import files

from starlette.responses import Response


class Stylesheet:
    """Read once, from the package."""

    def __init__(self) -> None:
        self._text = (files("wherry.web.console") / "static" / "style.css").read_bytes()
        self.path = f"/console/style-{hashlib.sha256(self._text).hexdigest()[:12]}.css"

    def response(self) -> Response:
        headers = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(self._text, headers=headers, media_type="text/css")
