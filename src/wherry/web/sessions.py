"""The session cookie: who a browser's request comes from, and whether another site made the browser send it.

A cookie counts under `/api/` and `/console/` only: registry clients have no browser's memory, and a browser
has no business in `/v2/`.
"""

from datetime import timedelta

from starlette.types import Scope

from wherry.access.actors import actor_of
from wherry.access.decisions import Actor
from wherry.identity.sessions import Sessions
from wherry.web.origin import Origin

COOKIE = "wherry_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FACES = ("/api/", "/console/")


class CrossSite(Exception):
    """Another site made the browser send this, or nothing shows that none did."""


class BrowserSessions:
    """Finds the session that a request brings."""

    def __init__(self, sessions: Sessions, origin: Origin) -> None:
        self.rules = sessions.rules
        self._sessions = sessions
        self._origin = origin

    async def actor(self, scope: Scope) -> Actor | None:
        """Whose browser it is, with `session_id`; None without a session that can be used.

        Raises `CrossSite` where the request changes something and does not come from a page of ours, and
        `DatabaseUnavailable`.
        """
        token = cookie_of(scope, COOKIE)
        if token is None or not scope["path"].startswith(_FACES):
            return None
        signed_in = await self._sessions.find(token)
        if signed_in is None:
            return None
        self.refuse_cross_site(scope)
        return actor_of(signed_in.account, session_id=signed_in.session_id)

    def refuse_cross_site(self, scope: Scope) -> None:
        """Raises `CrossSite`. Browsers say where a request comes from, and pages cannot change that.

        `Sec-Fetch-Site` is what they say over HTTPS and to this machine, `Origin` what they say elsewhere.
        """
        if scope["method"] in SAFE_METHODS:
            return
        site, origin = header_of(scope, b"sec-fetch-site"), header_of(scope, b"origin")
        if site == "same-origin":
            return
        host = header_of(scope, b"host")
        own = (self._origin.of(scope), f"{scope.get('scheme', 'http')}://{host}")
        if site not in (None, "none") or origin not in own:
            raise CrossSite("this request does not come from a page of this registry")

    def cookie(self, scope: Scope, token: str) -> str:
        """The value of `Set-Cookie` that begins a session in the browser."""
        return set_cookie(COOKIE, token, "/", self.rules.lifetime, secure=self.is_secure(scope))

    def no_cookie(self, scope: Scope) -> str:
        """The value of `Set-Cookie` that takes the session's cookie away."""
        return set_cookie(COOKIE, "", "/", timedelta(0), secure=self.is_secure(scope))

    def is_secure(self, scope: Scope) -> bool:
        """Whether the browser reaches us by HTTPS."""
        return self._origin.of(scope).startswith("https:")


def set_cookie(name: str, value: str, path: str, lasts: timedelta, *, secure: bool) -> str:
    """A `Set-Cookie` out of scripts' reach, that other sites' forms do not bring along."""
    text = f"{name}={value}; Path={path}; Max-Age={int(lasts.total_seconds())}; HttpOnly; SameSite=Lax"
    return f"{text}; Secure" if secure else text


def cookie_of(scope: Scope, name: str) -> str | None:
    """The first cookie of that name, which is the one with the longest path."""
    wanted = name.encode() + b"="
    for header, value in scope["headers"]:
        if header == b"cookie":
            for part in value.split(b";"):
                if part.strip().startswith(wanted):
                    return str(part.strip()[len(wanted) :].decode("latin-1"))
    return None


def header_of(scope: Scope, name: bytes) -> str | None:
    """The first header of that name, in lower case."""
    for header, value in scope["headers"]:
        if header == name:
            return str(value.decode("latin-1"))
    return None
