"""A server that a command works on over its API (``--server URL``), in place of a data folder.

Who we are there stands on no command line, which others can read: it is told by WHERRY_USER and
WHERRY_PASSWORD, or by a netrc file (NETRC, else ~/.netrc) that only its owner can read.
"""

from __future__ import annotations

import base64
import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import typer

from wherry.cli.options import fail

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

_PAGE = 1000
_SECONDS = 60.0


class Listed(NamedTuple):
    """Items of a list; `more` where it was cut."""

    items: list[dict[str, Any]]
    more: bool


class ApiCall(NamedTuple):
    """What is asked of a server; `path` begins where the command's own things are."""

    method: str
    path: tuple[str, ...]
    body: Any = None


class Server:
    """Calls its API; what it refuses ends the program with its own words."""

    def __init__(self, url: str) -> None:
        """Ends the program where `url` is none, or nothing says who we are there."""
        parts = urlsplit(url if "://" in url else f"https://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            fail(f"--server {url}: write its address, such as https://registry.example.com", 2)
        self._base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/api/v1"
        self._host = parts.hostname
        self.user, password = _login_at(parts.hostname)
        login = base64.b64encode(f"{self.user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}", "Accept": "application/json"}
        self._opener: OpenerDirector | None = None

    def get(self, *path: str, **query: Any) -> Any:
        return self.call("GET", *path, query=query)

    def list(self, *path: str, limit: int | None = None, after: str | int = "", **query: Any) -> Listed:
        """All items, or `limit` of them; with `after` those whose name comes behind.

        A number is an id: such lists begin with the newest.
        """
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        size = _PAGE if limit is None or after else min(limit, _PAGE)
        while True:
            page = self.get(*path, **query, limit=size, cursor=cursor)
            items += [each for each in page["items"] if _is_behind(each, after)]
            cursor = page["next"]
            if limit is not None and len(items) + (cursor is not None) > limit:
                return Listed(items[:limit], more=True)
            if cursor is None:
                return Listed(items, more=False)

    def call(
        self,
        method: str,
        *path: str,
        body: Any = None,
        query: dict[str, Any] | None = None,
        seconds: float = _SECONDS,
    ) -> Any:
        """The answer's JSON; None for an empty one. Each of `path` is one segment, whatever is in it.

        A tuple in `query` is given value by value. The server has `seconds` to answer.
        """
        from urllib.error import HTTPError, URLError
        from urllib.request import Request

        for segment in path:
            # Who stands between could read such a path as that of something else.
            if segment in ("", ".", ".."):
                fail(f"{segment!r} is no name", 2)
        url = "/".join([self._base, *(quote(segment, safe="") for segment in path)])
        asked = [(name, _text(one)) for name, value in (query or {}).items() for one in _values(value)]
        content = None if body is None else json.dumps(body).encode()
        typed = {} if body is None else {"Content-Type": "application/json"}
        request = Request(  # noqa: S310 (http and https only, see above)
            f"{url}?{urlencode(asked)}" if asked else url,
            data=content,
            headers=self._headers | typed,
            method=method,
        )
        try:
            with self._open().open(request, timeout=seconds) as answer:
                said = answer.read()
        except HTTPError as error:
            fail(self._refusal(error.code, error.read()))
        except (URLError, OSError) as error:
            fail(f"{self._host} does not answer: {getattr(error, 'reason', error)}")
        try:
            return json.loads(said) if said else None
        except ValueError:
            fail(f"what answers at {self._base} is no Wherry")

    def _open(self) -> OpenerDirector:
        from urllib.request import HTTPRedirectHandler, build_opener

        class Stay(HTTPRedirectHandler):
            """The login is for this server, and for no other that it might name."""

            def redirect_request(self, *_: Any) -> None:
                return None

        self._opener = self._opener or build_opener(Stay)
        return self._opener

    def _refusal(self, status: int, said: bytes) -> str:
        try:
            problem = json.loads(said)
            detail = str(problem["detail"])
            errors = [f"{each['where']}: {each['message']}" for each in problem.get("errors", ())]
        except (ValueError, KeyError, TypeError):
            return f"{self._host} answers with status {status}, and not as a Wherry does"
        if status == 401:
            return f"{self._host} does not let {self.user} in: {detail}"
        return "; ".join([detail, *errors])


ServerOption = Annotated[
    Server | None,
    typer.Option(
        "--server",
        parser=Server,
        metavar="URL",
        show_default=False,
        help="Work on this server over its API, not on a data folder."
        " The login is WHERRY_USER and WHERRY_PASSWORD, or in ~/.netrc.",
    ),
]


def moment(text: str | None) -> datetime | None:
    """A time as the API writes it."""
    return None if text is None else datetime.fromisoformat(text)


def resource_path(on: str) -> tuple[str, ...]:
    """Where an organization or an image is in the API. Ends the program where it is no name."""
    from wherry.access.resources import Kind, Resource
    from wherry.oci.errors import InvalidName

    try:
        resource = Resource.parse(on)
    except InvalidName as error:
        fail(str(error))
    path = ("organizations", resource.organization)
    if resource.kind is Kind.ORGANIZATION:
        return path
    return *path, "images", resource.scope.removeprefix(f"{resource.organization}/")


def image_path(name: str) -> tuple[str, ...]:
    """Where an image is in the API; without an organization it is one of the library."""
    from wherry.identity.organizations import LIBRARY

    return resource_path(name if "/" in name else f"{LIBRARY}/{name}")


def _login_at(host: str) -> tuple[str, str]:
    user, password = os.environ.get("WHERRY_USER"), os.environ.get("WHERRY_PASSWORD")
    if user and password:
        return user, password
    from netrc import NetrcParseError, netrc

    file = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    if not file.is_file():
        fail(f"who are you at {host}? Set WHERRY_USER and WHERRY_PASSWORD, or write a line in {file}.", 2)
    if file.stat().st_mode & 0o077:
        fail(f"others can read {file}: chmod 600 {file}", 2)
    try:
        found = netrc(file).authenticators(host)
    except (NetrcParseError, OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}", 2)
    if found is None or not found[2]:
        fail(f"{file} has no login for {host}, and WHERRY_USER and WHERRY_PASSWORD are not set", 2)
    return found[0], found[2]


def _is_behind(item: dict[str, Any], after: str | int) -> bool:
    if isinstance(after, int):
        return bool(item["id"] < after)
    return not after or item["name"] > after


def _values(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)
