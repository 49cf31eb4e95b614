"""Signing in and out by name and password, in a browser."""

from datetime import timedelta

import pytest

from tests.web.conftest import Serve
from tests.web.console.browsing import (
    AGENT,
    COOKIE,
    SAME_ORIGIN,
    attributes_of,
    browser,
    signed_in,
    submit,
    text_of,
)
from tests.web.running import PASSWORD, Registry
from wherry.identity.access_keys import create_access_key
from wherry.identity.login_keys import login_key
from wherry.identity.sessions import list_sessions
from wherry.identity.users import NO_PASSWORD, create_user, set_disabled, set_password
from wherry.settings.tree import AuthSettings


async def test_a_browser_that_opens_the_address_is_led_to_the_sign_in_page(registry: Registry) -> None:
    client = browser(registry)
    for path, leads_to in [
        ("/", "/console/"),
        ("/console", "/console/"),
        ("/console/", "/console/sign-in"),
    ]:
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, leads_to)
    page = await client.get("/console/sign-in")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Sign in to the registry registry.example" in text_of(page)


async def test_a_program_that_asks_for_the_address_gets_its_word_in_plain_text(registry: Registry) -> None:
    answer = await registry.as_nobody.get("/", headers={"accept": "*/*"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")


async def test_name_and_password_lead_to_the_first_page(registry_on_both: Registry) -> None:
    client = browser(registry_on_both)
    answer = await submit(client, "/console/sign-in", name="bob", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
    home = await client.get("/console/")
    assert home.status_code == 200
    assert "docker login registry.example -u bob" in home.text
    assert "Nothing was given to you yet" in text_of(home)


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(registry: Registry) -> None:
    client = browser(registry)
    answer = await submit(client, "/console/sign-in", name="bob", password=PASSWORD)
    cookie = attributes_of(answer.headers["set-cookie"])
    assert len(cookie.pop("value")) >= 43
    assert cookie == {
        "name": COOKIE, "path": "/", "max-age": "43200", "httponly": True, "samesite": "Lax",
    }  # fmt: skip


async def test_where_browsers_come_by_https_the_cookie_never_travels_in_the_clear(serve: Serve) -> None:
    registry = await serve(public_url="https://registry.example")
    headers = {"sec-fetch-site": "same-origin", "origin": "https://registry.example"}
    answer = await submit(browser(registry), "/console/sign-in", headers, name="bob", password=PASSWORD)
    assert attributes_of(answer.headers["set-cookie"])["secure"] is True


@pytest.mark.parametrize(
    ("name", "password"),
    [("bob", "wrong horse"), ("nobody", PASSWORD), ("", ""), ("bob", ""), ("bob\0", PASSWORD), ("new", "")],
)
async def test_the_page_does_not_tell_what_was_wrong(registry: Registry, name: str, password: str) -> None:
    now = registry.clock.now()
    await registry.database.write(lambda tx: create_user(tx, "new", NO_PASSWORD, now))
    answer = await submit(browser(registry), "/console/sign-in", name=name, password=password)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "Not signed in. User name or password is wrong. Name" in text_of(answer)
    told = answer.text.replace(f'value="{name}"', 'value=""').replace(" autofocus", "")
    other = await submit(browser(registry), "/console/sign-in", name="", password="x")
    assert told == other.text.replace(" autofocus", "")


async def test_a_disabled_user_is_told_no_more_than_anybody(registry: Registry) -> None:
    await registry.database.write(lambda tx: set_disabled(tx, "bob", True))
    answer = await submit(browser(registry), "/console/sign-in", name="bob", password=PASSWORD)
    assert answer.status_code == 403
    assert "User name or password is wrong." in text_of(answer)


async def test_guessing_is_slowed_down_as_everywhere(serve: Serve) -> None:
    registry = await serve(auth=AuthSettings(login_attempts=3, login_window=timedelta(minutes=1)))
    for _ in range(3):
        answer = await submit(browser(registry), "/console/sign-in", name="bob", password="guess")
        assert answer.status_code == 403
    answer = await submit(browser(registry), "/console/sign-in", name="bob", password=PASSWORD)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert "Too many sign-ins. Try again in 60 seconds." in text_of(answer)
    registry.clock.move(minutes=1)
    await signed_in(registry, "bob")


async def test_an_access_key_is_no_way_in(registry: Registry) -> None:
    now, sealer = registry.clock.now(), registry.wired.console.sealer
    key = await registry.database.write(lambda tx: create_access_key(tx, sealer, 2, "ci", now))
    password = login_key(key.id, key.secret)
    assert (await registry.client((f"cn@{key.id}", password)).get("/v2/")).status_code == 200
    answer = await submit(browser(registry), "/console/sign-in", name=f"cn@{key.id}", password=password)
    assert answer.status_code == 403
    assert "Access keys are for programs" in text_of(answer)


async def test_a_planted_cookie_does_not_become_a_session(registry: Registry) -> None:
    """Session fixation: what comes after signing in is unknown to whoever knew what was before."""
    client = browser(registry)
    client.cookies.set(COOKIE, "planted", domain="registry.example")
    answer = await submit(client, "/console/sign-in", name="bob", password=PASSWORD)
    assert attributes_of(answer.headers["set-cookie"])["value"] != "planted"
    other = browser(registry)
    other.cookies.set(COOKIE, "planted", domain="registry.example")
    assert (await other.get("/console/")).status_code == 303


async def test_signing_in_again_ends_the_session_that_the_browser_had(registry: Registry) -> None:
    client = await signed_in(registry, "bob")
    (former,) = [cookie.value for cookie in client.cookies.jar if cookie.name == COOKIE]
    await submit(client, "/console/sign-in", name="admin", password=PASSWORD)
    assert "administrator" in text_of(await client.get("/console/"))
    thief = browser(registry)
    thief.cookies.set(COOKIE, str(former), domain="registry.example")
    assert (await thief.get("/console/")).status_code == 303


async def test_signing_out_ends_the_session_on_the_server_too(registry: Registry) -> None:
    client = await signed_in(registry, "bob")
    (token,) = [cookie.value for cookie in client.cookies.jar if cookie.name == COOKIE]
    answer = await submit(client, "/console/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
    assert not client.cookies.jar
    thief = browser(registry)
    thief.cookies.set(COOKIE, str(token), domain="registry.example")
    assert (await thief.get("/console/")).status_code == 303
    assert (await submit(client, "/console/sign-out")).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "http://registry.example"},
        {"sec-fetch-site": "same-site", "origin": "http://registry.example"},
        {"sec-fetch-site": "none", "origin": "http://evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "http://registry.example.evil.example"},
        {"origin": "https://registry.example"},
        {"origin": "null"},
        {},
    ],
)
async def test_what_another_site_makes_a_browser_send_is_refused(
    registry: Registry, headers: dict[str, str]
) -> None:
    client = await signed_in(registry, "bob")
    answer = await submit(client, "/console/sign-out", headers)
    assert answer.status_code == 403
    assert "does not come from a page of this registry" in text_of(answer)
    assert (await client.get("/console/")).status_code == 200
    # Nor is anybody signed in by another site, as somebody whom that site chooses.
    answer = await submit(browser(registry), "/console/sign-in", headers, name="bob", password=PASSWORD)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none", "origin": "http://registry.example"},
        {"origin": "http://registry.example"},
    ],
)
async def test_what_a_page_of_ours_sends_is_taken(registry: Registry, headers: dict[str, str]) -> None:
    client = await signed_in(registry, "bob")
    assert (await submit(client, "/console/sign-out", headers)).status_code == 303


@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ("/console/images/acme/web?tag=1", "/console/images/acme/web?tag=1"),
        ("https://evil.example/console/", "/console/"),
        ("//evil.example/console/", "/console/"),
        ("/console/../../evil", "/console/../../evil"),
        ("/console/\\evil.example", "/console/"),
        ("/console//evil.example", "/console/"),
        ("/\\evil.example/console/", "/console/"),
        ("/console/\r\nset-cookie: a=b", "/console/"),
        ("javascript:alert(1)", "/console/"),
        ("/v2/", "/console/"),
        ("/consoles/", "/console/"),
        ("", "/console/"),
        ("/console/" + "a" * 3000, "/console/"),
        ("/console/é", "/console/"),
    ],
)
async def test_signing_in_leads_to_pages_of_ours_only(registry: Registry, asked: str, leads_to: str) -> None:
    client = browser(registry)
    answer = await submit(client, "/console/sign-in", name="bob", password=PASSWORD, next=asked)
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)
    again = await client.get("/console/sign-in", params={"next": asked})
    assert (again.status_code, again.headers["location"]) == (303, leads_to)


async def test_a_session_ends_by_idleness_and_by_age(registry: Registry) -> None:
    client = await signed_in(registry, "bob")
    for _ in range(13):
        registry.clock.move(minutes=55)
        assert (await client.get("/console/")).status_code == 200
        await registry.wired.console.database.write(lambda _tx: None)  # after what was noted
    registry.clock.move(minutes=6)
    assert (await client.get("/console/")).status_code == 303
    client = await signed_in(registry, "bob")
    registry.clock.move(minutes=61)
    assert (await client.get("/console/")).status_code == 303


async def test_another_password_ends_the_session_at_once(registry_on_both: Registry) -> None:
    client = await signed_in(registry_on_both, "bob")
    await registry_on_both.database.write(lambda tx: set_password(tx, "bob", "another hash"))
    assert (await client.get("/console/")).status_code == 303


async def test_a_session_says_whose_browser_it_is(registry: Registry) -> None:
    await signed_in(registry, "bob")
    rules, now = registry.wired.console.sessions.rules, registry.clock.now()
    (session,) = await registry.database.read(lambda tx: list_sessions(tx, 2, now, rules))
    assert (session.address, session.agent) == ("192.0.2.7", AGENT)


@pytest.mark.parametrize("path", ["/v2/", "/v2/_catalog", "/token?service=wherry&scope=registry:catalog:*"])
async def test_a_cookie_opens_nothing_of_the_registry(registry: Registry, path: str) -> None:
    client = await signed_in(registry)
    answer = await client.get(path)
    anonymous = await registry.as_nobody.get(path)
    assert answer.status_code == anonymous.status_code
    if path.startswith("/token"):
        assert answer.json()["scope"] == anonymous.json()["scope"] == ""
    else:
        assert answer.status_code == 401


async def test_a_cookie_opens_the_native_api(registry: Registry) -> None:
    client = await signed_in(registry, "bob")
    assert (await client.get("/api/v1/organizations")).status_code == 200
    assert (await registry.as_nobody.get("/api/v1/organizations")).status_code == 401


async def test_another_site_changes_nothing_by_the_native_api(registry: Registry) -> None:
    client = await signed_in(registry)
    made = {"name": "acme"}
    evil = {"sec-fetch-site": "cross-site", "origin": "http://evil.example"}
    assert (await client.post("/api/v1/organizations", json=made, headers=evil)).status_code == 403
    answer = await client.post("/api/v1/organizations", json=made, headers=SAME_ORIGIN)
    assert answer.status_code == 201
