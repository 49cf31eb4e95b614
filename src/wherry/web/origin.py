"""The address that a client knows this server by: what we write in a challenge must lead back here."""

import re

from starlette.types import Scope

from wherry.web.proxies import TrustedProxies

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")


class Origin:
    """Answers `https://registry.example.com` for a request.

    The setting wins; else the Host header, and behind a listed proxy X-Forwarded-Proto and -Host.
    From anybody else those two are ignored.
    """

    def __init__(self, public_url: str | None, proxies: TrustedProxies) -> None:
        self._public_url = public_url.rstrip("/") if public_url else None
        self._proxies = proxies

    def of(self, scope: Scope) -> str:
        if self._public_url is not None:
            return self._public_url
        headers = {name: value for name, value in scope["headers"] if name in _WANTED}
        scheme, host = scope.get("scheme", "http"), headers.get(b"host", b"").decode("latin-1")
        if self._proxies.trusts(scope):
            forwarded = headers.get(b"x-forwarded-proto", b"").decode("latin-1")
            scheme = forwarded if forwarded in ("http", "https") else scheme
            host = headers.get(b"x-forwarded-host", b"").decode("latin-1") or host
        if not _HOST.fullmatch(host):
            server = scope.get("server") or ("127.0.0.1", 80)
            host = f"{server[0]}:{server[1]}"
        return f"{scheme}://{host}"


_WANTED = frozenset({b"host", b"x-forwarded-proto", b"x-forwarded-host"})
