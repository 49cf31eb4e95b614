"""Invitations and reset links in a browser."""

import asyncio

from tests.web.console.browsing import browser, signed_in, submit, text_of
from tests.web.running import BOB, Registry
from wherry.identity.one_time_links import Link, invite_user, make_reset_link
from wherry.identity.users import set_disabled

NEW = "battery staple"


async def invited(registry: Registry, name: str = "ann") -> Link:
    now = registry.clock.now()
    return await registry.database.write(lambda tx: invite_user(tx, name, now))


async def reset(registry: Registry, name: str = "bob") -> Link:
    now = registry.clock.now()
    return await registry.database.write(lambda tx: make_reset_link(tx, name, now))


async def test_who_is_invited_sets_a_password_and_is_signed_in(registry_on_both: Registry) -> None:
    registry = registry_on_both
    path = f"/console/links/{(await invited(registry)).token}"
    client = browser(registry)
    page = await client.get(path)
    assert page.status_code == 200
    assert "Welcome, ann" in text_of(page)
    answer = await submit(client, path, password=NEW, again=NEW)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
    assert "docker login registry.example -u ann" in (await client.get("/console/")).text
    assert (await registry.client(("ann", NEW)).get("/v2/")).status_code == 200


async def test_a_link_can_be_looked_at_and_is_used_once(registry: Registry) -> None:
    path = f"/console/links/{(await invited(registry)).token}"
    for _ in range(3):
        assert (await browser(registry).get(path)).status_code == 200
        assert (await browser(registry).head(path)).status_code == 200
    assert (await submit(browser(registry), path, password=NEW, again=NEW)).status_code == 303
    for answer in (
        await browser(registry).get(path),
        await submit(browser(registry), path, password="other password", again="other password"),
    ):
        assert answer.status_code == 404
        assert "This link is not valid, or not any more." in text_of(answer)
        assert "set-cookie" not in answer.headers
    assert (await registry.client(("ann", NEW)).get("/v2/")).status_code == 200


async def test_of_two_who_come_at_once_one_is_let_in(registry_on_both: Registry) -> None:
    registry = registry_on_both
    path = f"/console/links/{(await invited(registry)).token}"
    passwords = [f"the password {number}" for number in range(4)]
    answers = await asyncio.gather(
        *(submit(browser(registry), path, password=one, again=one) for one in passwords)
    )
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [303, 404, 404, 404]
    winner = passwords[statuses.index(303)]
    assert (await registry.client(("ann", winner)).get("/v2/")).status_code == 200


async def test_an_expired_link_is_not_valid_any_more(registry: Registry) -> None:
    path = f"/console/links/{(await reset(registry)).token}"
    registry.clock.move(hours=24)
    answer = await submit(browser(registry), path, password=NEW, again=NEW)
    assert answer.status_code == 404
    assert (await registry.client(BOB).get("/v2/")).status_code == 200


async def test_a_link_of_a_disabled_user_is_not_valid(registry: Registry) -> None:
    path = f"/console/links/{(await reset(registry)).token}"
    await registry.database.write(lambda tx: set_disabled(tx, "bob", True))
    assert (await browser(registry).get(path)).status_code == 404


async def test_a_reset_ends_all_sessions_of_the_user_and_nobody_elses(registry: Registry) -> None:
    theirs, mine = await signed_in(registry, "bob"), await signed_in(registry, "admin")
    path = f"/console/links/{(await reset(registry)).token}"
    client = browser(registry)
    assert "the old password and all sign-ins with it are over" in text_of(await client.get(path))
    assert (await theirs.get("/console/")).status_code == 200
    await submit(client, path, password=NEW, again=NEW)
    assert (await theirs.get("/console/")).status_code == 303
    assert (await mine.get("/console/")).status_code == 200
    assert (await client.get("/console/")).status_code == 200
    assert (await registry.client(BOB).get("/v2/")).status_code == 401


async def test_an_administrator_who_tries_the_link_becomes_the_invited(registry: Registry) -> None:
    client = await signed_in(registry, "admin")
    path = f"/console/links/{(await invited(registry)).token}"
    await submit(client, path, password=NEW, again=NEW)
    assert "-u ann" in (await client.get("/console/")).text


async def test_what_cannot_be_a_password_is_told_and_the_link_kept(registry: Registry) -> None:
    path = f"/console/links/{(await invited(registry)).token}"
    for password, again, told in [
        ("short", "short", "A password has 8 to 1024 characters."),
        ("", "", "A password has 8 to 1024 characters."),
        ("x" * 1025, "x" * 1025, "A password has 8 to 1024 characters."),
        (NEW, NEW + "r", "The two passwords are not the same."),
    ]:
        answer = await submit(browser(registry), path, password=password, again=again)
        assert answer.status_code == 422
        assert told in text_of(answer)
        assert password == "" or password not in answer.text
    assert (await submit(browser(registry), path, password=NEW, again=NEW)).status_code == 303


async def test_another_site_does_not_set_the_password(registry: Registry) -> None:
    path = f"/console/links/{(await invited(registry)).token}"
    answer = await submit(browser(registry), path, {"sec-fetch-site": "cross-site"}, password=NEW, again=NEW)
    assert answer.status_code == 403


async def test_made_up_links_lead_nowhere(registry: Registry) -> None:
    for token in ("x", "%00", "%ff", "a" * 3000):
        answer = await browser(registry).get(f"/console/links/{token}")
        assert answer.status_code == 404, token
