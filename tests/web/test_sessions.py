"""The session cookie where it is read: under which paths it counts, and how other sites are kept off."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from starlette.types import Scope

from tests.databases import Do, FixedClock
from tests.people import add_user
from wherry.db.database import Database
from wherry.db.pull_reader import open_pull_reader
from wherry.identity.sessions import SessionRules, Sessions, Way, begin_session, session_id_of
from wherry.web.origin import Origin
from wherry.web.proxies import TrustedProxies
from wherry.web.sessions import COOKIE, BrowserSessions, CrossSite, cookie_of, set_cookie

RULES = SessionRules(timedelta(hours=12), timedelta(hours=1))


def request(path: str = "/console/", method: str = "GET", **headers: str) -> Scope:
    sent = {"host": "registry.example", **headers}
    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
    return {"type": "http", "scheme": "http", "method": method, "path": path, "headers": listed}


@pytest.fixture
async def sessions(database: Database, clock: FixedClock) -> AsyncIterator[BrowserSessions]:
    reader = await open_pull_reader(database)
    found = Sessions(reader, clock, RULES, lambda _session: None)
    yield BrowserSessions(found, Origin(None, TrustedProxies(())))
    await reader.close()


@pytest.fixture
def cookie(do: Do, clock: FixedClock) -> str:
    user_id = add_user(do, clock, "ann", is_admin=True)
    token = do(begin_session, user_id, Way.PASSWORD, clock.now(), RULES, address="", agent="")
    return f"theme=dark; {COOKIE}={token}; other=1"


@pytest.mark.parametrize("path", ["/console/", "/console/images", "/api/v1/organizations"])
async def test_a_cookie_counts_for_console_and_native_api(
    sessions: BrowserSessions, cookie: str, path: str
) -> None:
    actor = await sessions.actor(request(path, cookie=cookie))
    assert actor
    assert (actor.name, actor.is_admin) == ("ann", True)
    assert actor.session_id == session_id_of(str(cookie_of(request(cookie=cookie), COOKIE)))


@pytest.mark.parametrize(
    "path",
    [
        "/v2/",
        "/v2/acme/web/manifests/1",
        "/v2/manage/namespaces",
        "/token",
        "/",
        "/api",
        "/metrics",
        "/apix/",
    ],
)
async def test_a_cookie_counts_nowhere_else(sessions: BrowserSessions, cookie: str, path: str) -> None:
    assert await sessions.actor(request(path, cookie=cookie)) is None
    assert await sessions.actor(request(path, "POST", cookie=cookie)) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "MADEUP"])
async def test_what_changes_something_has_to_come_from_a_page_of_ours(
    sessions: BrowserSessions, cookie: str, method: str
) -> None:
    path = "/api/v1/organizations"
    with pytest.raises(CrossSite):
        await sessions.actor(request(path, method, cookie=cookie))
    with pytest.raises(CrossSite):
        await sessions.actor(request(path, method, cookie=cookie, origin="http://evil.example"))
    assert await sessions.actor(request(path, method, cookie=cookie, sec_fetch_site="same-origin"))
    assert await sessions.actor(request(path, method, cookie=cookie, origin="http://registry.example"))


async def test_without_a_session_that_can_be_used_nobody_asks_where_a_request_comes_from(
    sessions: BrowserSessions,
) -> None:
    """A program that logs in otherwise may bring any cookie along."""
    assert await sessions.actor(request("/api/v1/x", "POST", cookie=f"{COOKIE}=gone")) is None
    assert await sessions.actor(request("/api/v1/x", "POST")) is None


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("wherry_session=a", "a"),
        ("a=b; wherry_session=c", "c"),
        ("wherry_session=first; wherry_session=second", "first"),
        ("wherry_session=", ""),
        ("xwherry_session=a", None),
        ("wherry_sessionx=a", None),
        ("wherry_session", None),
        ("", None),
    ],
)
def test_cookies_are_read(header: str, value: str | None) -> None:
    assert cookie_of(request(cookie=header), COOKIE) == value


def test_a_cookie_is_secure_exactly_where_browsers_come_by_https() -> None:
    assert "Secure" in set_cookie("a", "b", "/", timedelta(hours=1), secure=True)
    assert set_cookie("a", "b", "/", timedelta(hours=1), secure=False) == (
        "a=b; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"
    )
