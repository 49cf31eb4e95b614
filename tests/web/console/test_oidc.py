"""Signing in through a real provider (Dex), as a browser does it: there, back, and what can go wrong."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx
import pytest

from engines.pytest_plugin import require
from engines.servers.dex import CLIENT_ID, CLIENT_SECRET, GROUP, PASSWORD, PERSON, Dex, dex
from tests.databases import FixedClock
from tests.registry.contents import index
from tests.web.conftest import Serve
from tests.web.console.browsing import COOKIE, SAME_ORIGIN, attributes_of, text_of
from tests.web.running import Registry
from wherry.access.grants import grant
from wherry.access.levels import Level
from wherry.access.resources import Resource
from wherry.access.team_grants import grant_to_team
from wherry.audit.entries import LOGIN_FAILED
from wherry.audit.listing import AuditFilter, list_records
from wherry.identity.access_keys import create_access_key
from wherry.identity.federated_users import link_user, list_federated_users
from wherry.identity.login_keys import login_key
from wherry.identity.teams import add_member, create_team, list_members
from wherry.identity.users import NO_PASSWORD, create_user, find_user, get_user, set_disabled
from wherry.settings.tree import OidcSettings

pytestmark = pytest.mark.engine("dex")

CALLBACK = "http://registry.example/console/oidc/callback"
SCOPES = "openid profile email groups"


class RunningClock(FixedClock):
    """The machine's clock, which a test can put forward: the provider's tokens have the machine's time."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def move(self, **how: float) -> datetime:
        self._ahead += timedelta(**how)
        return self.now()


@pytest.fixture
def clock() -> FixedClock:
    return RunningClock()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dex]:
    require("dex")
    require("htpasswd")
    with dex(tmp_path_factory.mktemp("dex"), CALLBACK, users=("ann", "bob")) as server:
        yield server


@pytest.fixture
def provider(running: Dex) -> Dex:
    """With its person in the group, whatever the test before did to it."""
    running.stop()
    running.start()
    return running


@pytest.fixture
async def registry(serve: Serve, provider: Dex) -> Registry:
    return await serve(oidc=settings(provider))


def settings(provider: Dex, **others: object) -> OidcSettings:
    chosen = {
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "scopes": SCOPES,
        "label": "Sign in with Example",
        **others,
    }
    return OidcSettings(**chosen)  # type: ignore[arg-type]


class Browser:
    """Reaches the registry and the provider alike, and keeps the cookies of both apart."""

    def __init__(self, registry: Registry) -> None:
        inside = httpx.ASGITransport(app=registry.app, client=("192.0.2.7", 4711))
        self.http = httpx.AsyncClient(
            mounts={"all://registry.example": inside}, base_url="http://registry.example", trust_env=False
        )

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def start(self, target: str | None = None) -> str:
        """Press the button; the address at the provider that it leads to."""
        params = {} if target is None else {"next": target}
        answer = await self.http.get("/console/oidc/start", params=params)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def at_provider(self, url: str, name: str | None = None) -> str:
        """Say who one is there; the address that it sends the browser back to.

        Without a name it is the provider's own person, who need not say anything.
        """
        page = await self.http.get(url)
        wanted = "/auth/people?" if name in (None, PERSON) else "/auth/local?"
        while not page.headers.get("location", "").startswith(CALLBACK):
            if page.has_redirect_location:
                page = await self.http.get(str(page.url.join(page.headers["location"])))
            elif "password" in page.text and "<form" in page.text:
                login = PERSON if name == PERSON else f"{name}@example.com"
                action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
                assert action, page.text
                where = str(page.url.join(unescape(action[1])))
                page = await self.http.post(where, data={"login": login, "password": PASSWORD})
                assert page.has_redirect_location, page.text
            else:
                links = [unescape(link) for link in re.findall(r'href="([^"]+)"', page.text)]
                (link,) = [link for link in links if wanted in link]
                page = await self.http.get(str(page.url.join(link)))
        return page.headers["location"]

    async def sign_in(self, name: str | None = None, target: str | None = None) -> httpx.Response:
        """All of it; the registry's last answer, a redirect or a page."""
        return await self.http.get(await self.at_provider(await self.start(target), name))

    def cookie(self, name: str) -> str | None:
        return next((cookie.value for cookie in self.http.cookies.jar if cookie.name == name), None)


@pytest.fixture
async def browser(registry: Registry) -> AsyncIterator[Browser]:
    async with Browser(registry) as opened:
        yield opened


def changed(url: str, **others: str) -> str:
    """The address with other parameters."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return urlunsplit(parts._replace(query=urlencode({**query, **others})))


async def refused(answer: httpx.Response, status: int, told: str) -> None:
    assert answer.status_code == status, answer.text
    assert told in text_of(answer)
    cookies = [attributes_of(text) for text in answer.headers.get_list("set-cookie")]
    assert COOKIE not in {cookie["name"] for cookie in cookies}


async def test_the_first_sign_in_makes_a_user_and_leads_where_it_was_begun(
    registry: Registry, browser: Browser
) -> None:
    page = await browser.http.get("/console/sign-in", params={"next": "/console/?here"})
    assert "Sign in with Example" in text_of(page)
    (path,) = re.findall(r'href="(/console/oidc/start[^"]*)"', page.text)
    location = (await browser.http.get(unescape(path))).headers["location"]
    answer = await browser.http.get(await browser.at_provider(location))
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/?here")
    home = await browser.http.get("/console/")
    assert "kilgore" in home.text
    assert "You sign in through your organization" in text_of(home)
    user = await registry.database.read(lambda tx: get_user(tx, "kilgore"))
    assert (user.has_password, user.is_admin) == (False, False)


async def test_the_request_to_the_provider_has_state_nonce_and_pkce(browser: Browser) -> None:
    first, second = [parse_qs(urlsplit(await browser.start()).query) for _ in range(2)]
    assert first["response_type"] == ["code"]
    assert first["code_challenge_method"] == ["S256"]
    assert first["redirect_uri"] == [CALLBACK]
    assert first["scope"] == [SCOPES]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


async def test_the_secrets_of_an_attempt_are_sealed_in_a_short_lived_cookie(browser: Browser) -> None:
    answer = await browser.http.get("/console/oidc/start")
    cookie = attributes_of(answer.headers["set-cookie"])
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    value = cookie.pop("value")
    assert query["state"][0] not in value
    assert cookie == {
        "name": "wherry_oidc", "path": "/console/oidc/", "max-age": "600",
        "httponly": True, "samesite": "Lax",
    }  # fmt: skip


async def test_a_group_makes_a_member_of_a_team_and_its_right_holds_until_it_is_gone(
    registry: Registry, browser: Browser, provider: Dex
) -> None:
    await registry.push_manifest("acme/web", index([]), "1.0")
    now = registry.clock.now()

    def prepare(tx) -> None:
        team = create_team(tx, "acme", "dev", None, now, oidc_group=GROUP)
        grant_to_team(tx, team, Resource.parse("acme/web"), Level.READ, None, now)
        other = create_team(tx, "acme", "by-hand", None, now, oidc_group="others")
        create_user(tx, "ann", NO_PASSWORD, now)
        add_member(tx, other, get_user(tx, "bob").id, now)

    await registry.database.write(prepare)
    await browser.sign_in()
    user = await registry.database.read(lambda tx: get_user(tx, "kilgore"))
    sealer = registry.wired.console.sealer
    key = await registry.database.write(lambda tx: create_access_key(tx, sealer, user.id, "ci", now))
    client = registry.client((f"cn@{key.id}", login_key(key.id, key.secret)))
    assert (await client.get("/v2/acme/web/manifests/1.0")).status_code == 200
    assert "acme/web image read team dev of acme" in text_of(await browser.http.get("/console/"))

    provider.stop()
    provider.start(with_groups=False)
    registry.clock.move(minutes=1)  # the provider's keys are new, and asked for again
    assert (await client.get("/v2/acme/web/manifests/1.0")).status_code == 200
    assert (await browser.sign_in(PERSON)).status_code == 303
    assert (await client.get("/v2/acme/web/manifests/1.0")).status_code == 403


async def test_what_was_given_by_hand_is_left_alone(registry: Registry, browser: Browser) -> None:
    await registry.push_manifest("acme/web", index([]), "1.0")
    now = registry.clock.now()

    def prepare(tx):
        create_user(tx, "kilgore", NO_PASSWORD, now)
        user = get_user(tx, "kilgore")
        team = create_team(tx, "acme", "by-hand", None, now, oidc_group="others")
        add_member(tx, team, user.id, now)
        grant(tx, user.id, Resource.parse("acme"), Level.EDIT, None, now)
        return team

    team = await registry.database.write(prepare)
    await refused(await browser.sign_in(), 403, "There is a user kilgore here already")
    subject = await subject_of(registry)
    issuer = registry.wired.console.oidc.client.issuer  # type: ignore[union-attr]
    await registry.database.write(lambda tx: link_user(tx, "kilgore", issuer, subject, now))
    assert (await browser.sign_in()).status_code == 303
    members = await registry.database.read(lambda tx: list_members(tx, team))
    assert [(member.user, member.from_oidc) for member in members] == [("kilgore", False)]
    assert "acme organization edit given to you" in text_of(await browser.http.get("/console/"))


async def subject_of(registry: Registry) -> str:
    """The provider's id of its person, as the page of a refusal tells it."""
    async with Browser(registry) as other:
        told = re.search(r"subject (\S+) of", text_of(await other.sign_in()))
    assert told
    return told[1]


async def test_a_name_that_a_local_user_has_is_refused_in_words(registry: Registry, browser: Browser) -> None:
    await refused(await browser.sign_in("bob"), 403, "There is a user bob here already who is not linked")
    assert await registry.database.read(list_federated_users) == ()
    await registry.wired.console.audited.settle()
    wanted = AuditFilter(action=LOGIN_FAILED)
    (failed,) = (await registry.database.read(lambda tx: list_records(tx, wanted, size=10))).items
    assert (failed.name, failed.client) == ("bob@example.com", "192.0.2.7")
    assert "who is not linked" in failed.reason


async def test_another_person_of_the_provider_is_another_user(registry: Registry, browser: Browser) -> None:
    await browser.sign_in()
    async with Browser(registry) as other:
        assert (await other.sign_in("ann")).status_code == 303
        assert "ann" in (await other.http.get("/console/")).text
    ties = await registry.database.read(list_federated_users)
    assert [tie.user for tie in ties] == ["ann", "kilgore"]
    assert len({tie.subject for tie in ties}) == 2


async def test_an_answer_with_another_state_is_refused(registry: Registry, browser: Browser) -> None:
    back = await browser.at_provider(await browser.start())
    for state in ("", "made-up", "é"):
        await browser.start()
        await refused(await browser.http.get(changed(back, state=state)), 400, "was not begun here")


async def test_an_answer_that_is_brought_to_another_browser_is_refused(
    registry: Registry, browser: Browser
) -> None:
    """Else somebody could sign another person's browser in as themselves, or use a stolen code."""
    back = await browser.at_provider(await browser.start())
    async with Browser(registry) as other:
        await refused(await other.http.get(back), 400, "was not begun here")
        await other.start()
        await refused(await other.http.get(back), 400, "was not begun here")
    assert (await browser.http.get(back)).status_code == 303


async def test_an_answer_is_taken_once(browser: Browser) -> None:
    start = await browser.start()
    kept = browser.cookie("wherry_oidc")
    back = await browser.at_provider(start)
    assert (await browser.http.get(back)).status_code == 303
    assert browser.cookie("wherry_oidc") is None
    await refused(await browser.http.get(back), 400, "was not begun here")
    # Also for whoever kept the cookie: the provider gives its tokens once.
    browser.http.cookies.set("wherry_oidc", str(kept), domain="registry.example", path="/console/oidc/")
    await refused(await browser.http.get(back), 403, "did not accept its own code")


async def test_a_token_for_another_attempt_is_refused(browser: Browser) -> None:
    back = await browser.at_provider(changed(await browser.start(), nonce="of-another-attempt"))
    await refused(await browser.http.get(back), 403, "does not hold")


async def test_a_code_is_worth_nothing_without_the_verifier(registry: Registry, browser: Browser) -> None:
    back = await browser.at_provider(await browser.start())
    sealer = registry.wired.console.sealer
    kept = json.loads(sealer.open(str(browser.cookie("wherry_oidc"))))
    other = sealer.seal(json.dumps({**kept, "verifier": "v" * 64}).encode())
    browser.http.cookies.set("wherry_oidc", other, domain="registry.example", path="/console/oidc/")
    await refused(await browser.http.get(back), 403, "did not accept its own code")


async def test_a_cookie_that_was_tampered_with_is_none(registry: Registry, browser: Browser) -> None:
    back = await browser.at_provider(await browser.start())
    kept = str(browser.cookie("wherry_oidc"))
    sealed = registry.wired.console.sealer.seal
    for other in ("", "x", kept[:-4], kept[::-1], sealed(b"{}"), sealed(b"[]"), sealed(b"\xff")):
        browser.http.cookies.set("wherry_oidc", other, domain="registry.example", path="/console/oidc/")
        await refused(await browser.http.get(back), 400, "was not begun here")


async def test_an_attempt_lasts_ten_minutes(registry: Registry, browser: Browser) -> None:
    start = await browser.start()
    kept = str(browser.cookie("wherry_oidc"))
    back = await browser.at_provider(start)
    registry.clock.move(minutes=11)
    browser.http.cookies.set("wherry_oidc", kept, domain="registry.example", path="/console/oidc/")
    await refused(await browser.http.get(back), 400, "too long ago")


async def test_a_disabled_user_is_refused(registry: Registry, browser: Browser) -> None:
    await browser.sign_in()
    await registry.database.write(lambda tx: set_disabled(tx, "kilgore", True))
    assert (await browser.http.get("/console/")).status_code == 303
    await refused(await browser.sign_in(), 403, "The user kilgore is disabled")


async def test_a_provider_that_is_away_is_a_page(registry: Registry, browser: Browser, provider: Dex) -> None:
    back = await browser.at_provider(await browser.start())
    provider.stop()
    await refused(await browser.http.get(back), 503, "The sign-in service does not answer.")
    registry.clock.move(hours=2)  # what it had said of itself is asked for again
    await refused(await browser.http.get("/console/oidc/start"), 503, "Try again in a minute.")
    answer = await browser.http.post(
        "/console/sign-in", data={"name": "bob", "password": "correct horse"}, headers=SAME_ORIGIN
    )
    assert answer.status_code == 303
    provider.start()


async def test_new_keys_of_the_provider_are_learned(
    registry: Registry, browser: Browser, provider: Dex
) -> None:
    await browser.sign_in()
    provider.stop()
    provider.start()
    registry.clock.move(seconds=11)
    assert (await browser.sign_in()).status_code == 303


async def test_what_the_provider_refuses_is_told(browser: Browser) -> None:
    (state,) = parse_qs(urlsplit(await browser.start()).query)["state"]
    query = urlencode({"error": "access_denied", "error_description": "<b>not you", "state": state})
    await refused(await browser.http.get(f"{CALLBACK}?{query}"), 403, "refused: <b>not you")


async def test_an_answer_of_another_provider_is_refused(browser: Browser) -> None:
    back = await browser.at_provider(await browser.start())
    await refused(await browser.http.get(changed(back, iss="https://evil.example")), 403, "another sign-in")


async def test_who_is_not_linked_stays_out_where_no_users_are_made(serve: Serve, provider: Dex) -> None:
    registry = await serve(oidc=settings(provider, create_users=False))
    async with Browser(registry) as browser:
        await refused(await browser.sign_in(), 403, "ask an administrator to link you")
    assert await registry.database.read(lambda tx: find_user(tx, "kilgore")) is None


async def test_groups_make_administrators_for_as_long_as_they_say_so(serve: Serve, provider: Dex) -> None:
    registry = await serve(oidc=settings(provider, admin_group=GROUP))
    async with Browser(registry) as browser:
        await browser.sign_in()
        assert "you may do everything" in text_of(await browser.http.get("/console/"))
        provider.stop()
        provider.start(with_groups=False)
        registry.clock.move(minutes=1)
        await browser.sign_in(PERSON)
        assert "you may do everything" not in text_of(await browser.http.get("/console/"))


async def test_auditors_are_made_by_a_group_too(serve: Serve, provider: Dex) -> None:
    registry = await serve(oidc=settings(provider, admin_group="nobody", auditor_group=GROUP))
    async with Browser(registry) as browser:
        await browser.sign_in()
        assert "you see everything" in text_of(await browser.http.get("/console/"))


async def test_a_wrong_client_secret_is_a_page(serve: Serve, provider: Dex) -> None:
    registry = await serve(oidc=settings(provider, client_secret="another"))
    async with Browser(registry) as browser:
        await refused(await browser.sign_in(), 403, "did not accept its own code")


async def test_without_a_provider_there_is_no_button_and_no_way(serve: Serve) -> None:
    registry = await serve()
    client = registry.client()
    assert "oidc" not in (await client.get("/console/sign-in")).text
    for path in ("/console/oidc/start", "/console/oidc/callback?code=x&state=y"):
        assert (await client.get(path)).status_code == 404
