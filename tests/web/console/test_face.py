"""What holds for every page: its headers, its errors, and that it needs nothing but itself."""

import re
from html.parser import HTMLParser

import httpx
import pytest

from tests.web.conftest import Serve
from tests.web.console.browsing import browser, signed_in, submit, text_of
from tests.web.running import PASSWORD, Registry
from wherry.access.actions import Need
from wherry.access.grants import grant
from wherry.access.levels import Level
from wherry.access.resources import Resource
from wherry.access.team_grants import grant_to_team
from wherry.identity.one_time_links import invite_user
from wherry.identity.organizations import create_organization
from wherry.identity.teams import add_member, create_team
from wherry.identity.users import Role, set_role
from wherry.observability import AccessLog
from wherry.web.console.face import POLICY
from wherry.web.console.routes import ROUTES


async def pages(registry: Registry) -> dict[str, httpx.Response]:
    """One answer of each kind."""
    now = registry.clock.now()
    link = await registry.database.write(lambda tx: invite_user(tx, "ann", now))
    nobody, bob = browser(registry), await signed_in(registry, "bob")
    return {
        "sign in": await nobody.get("/console/sign-in"),
        "not signed in": await submit(nobody, "/console/sign-in", name="<b>", password='"'),
        "link": await nobody.get(f"/console/links/{link.token}"),
        "home": await bob.get("/console/"),
        "nothing there": await nobody.get("/console/nothing/<script>"),
        "wrong method": await submit(nobody, "/console/"),
    }


async def test_nothing_but_ourselves_is_loaded_and_nobody_frames_or_keeps_a_page(registry: Registry) -> None:
    for name, page in (await pages(registry)).items():
        assert page.headers["content-security-policy"] == POLICY, name
        assert page.headers["cache-control"] == "no-store"
        # With `no-referrer` browsers would send our own forms with `Origin: null`.
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["x-frame-options"] == "DENY"
        assert not re.search(r"<script|style=|<style| on\w+=", page.text), name
        addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page.text)
        assert all(address.startswith(("/console/", "/api/v1/", "#")) for address in addresses), addresses
    assert "default-src 'none'" in POLICY
    assert "frame-ancestors 'none'" in POLICY


class Outline(HTMLParser):
    """Which elements a page has, and with what attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


async def test_a_page_can_be_read_and_used_without_seeing_it(registry: Registry) -> None:
    for name, page in (await pages(registry)).items():
        outline = Outline(page.text)
        assert outline.all("html") == [{"lang": "en"}], name
        assert len(outline.all("h1")) == len(outline.all("main")) == 1
        assert re.search(r"<title>[^<]+ · Wherry</title>", page.text)
        labelled = {label["for"] for label in outline.all("label")}
        fields = [field for field in outline.all("input") if "hidden" not in field.values() | field.keys()]
        assert {field["id"] for field in fields} == labelled
        ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        for _, attributes in outline.elements:
            for pointing in ("aria-describedby", "aria-labelledby"):
                assert set((attributes.get(pointing) or "").split()) <= set(ids)


async def test_what_a_person_typed_is_text_on_the_page(registry: Registry) -> None:
    answer = await submit(browser(registry), "/console/sign-in", name='"><b>', password="x")
    assert 'value="&#34;&gt;&lt;b&gt;"' in answer.text
    assert '"><b>' not in answer.text


async def test_the_stylesheet_is_kept_by_browsers_and_has_two_themes(registry: Registry) -> None:
    page = await browser(registry).get("/console/sign-in")
    (path,) = re.findall(r'<link rel="stylesheet" href="([^"]+)">', page.text)
    sheet = await browser(registry).get(path)
    assert sheet.status_code == 200
    assert sheet.headers["content-type"].startswith("text/css")
    assert "immutable" in sheet.headers["cache-control"]
    assert "prefers-color-scheme: dark" in sheet.text
    assert not re.search(r"url\(|@import", sheet.text)
    assert (await browser(registry).get("/console/style-0123456789ab.css")).status_code == 404


async def test_the_icon_is_a_file_of_ours(registry: Registry) -> None:
    page = await browser(registry).get("/console/sign-in")
    (path,) = re.findall(r'<link rel="icon" href="([^"]+)"', page.text)
    icon = await browser(registry).get(path)
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")


async def test_windows_are_kept_apart_where_browsers_come_by_https(serve: Serve) -> None:
    for address, kept in (("https://registry.example", "same-origin"), ("http://registry.example", None)):
        registry = await serve(public_url=address)
        page = await browser(registry).get("/console/sign-in")
        assert page.headers.get("cross-origin-opener-policy") == kept


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


async def test_text_stands_out_from_its_ground_in_both_themes(registry: Registry) -> None:
    page = await browser(registry).get("/console/sign-in")
    (path,) = re.findall(r'<link rel="stylesheet" href="([^"]+)">', page.text)
    sheet = (await browser(registry).get(path)).text
    themes = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
    assert len(themes) == 2
    for theme in themes:
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", theme))
        for text, ground in [
            *((text, ground) for text in ("text", "quiet", "accent") for ground in ("ground", "card")),
            ("text", "code"),
            ("on-accent", "accent"),
            ("bad", "bad-ground"),
        ]:
            lighter, darker = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (text, ground)


async def test_errors_are_pages_with_a_cause_a_way_on_and_a_request_id(registry: Registry) -> None:
    answer = await browser(registry).get("/console/nothing", headers={"x-request-id": "the-id-of-this"})
    assert answer.status_code == 404
    assert "There is no such page." in text_of(answer)
    assert "the-id-of-this" in text_of(answer)
    answer = await browser(registry).get("/console/sign-out")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"a" * 20_000, 413), (b"\xff=\xfe", 400), (b"&".join([b"a=b"] * 30), 400), (b"", 403)],
)
async def test_what_is_no_form_is_refused(registry: Registry, content: bytes, status: int) -> None:
    headers = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}
    answer = await browser(registry).post("/console/sign-in", content=content, headers=headers)
    assert answer.status_code == status


async def test_head_is_get_without_the_page(registry: Registry) -> None:
    answer = await browser(registry).head("/console/sign-in")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.shown}")
async def test_each_route_decides_by_its_action(registry: Registry, route) -> None:
    path = route.template.replace("{token}", "none")
    headers = {"sec-fetch-site": "same-origin"}
    nobody = await browser(registry).request(route.method, path, headers=headers)
    led_away = nobody.status_code == 303 and nobody.headers["location"].startswith("/console/sign-in")
    if route.action.rule.need is Need.NOTHING:
        assert nobody.status_code < 500
        assert path == "/console/sign-out" or not led_away
    else:
        assert led_away
        client = await signed_in(registry, "bob")
        assert (await client.request(route.method, path, headers=headers)).status_code == 200


async def test_a_link_is_not_written_to_the_log(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    now = registry.clock.now()
    link = await registry.database.write(lambda tx: invite_user(tx, "ann", now))
    registry.app._access_log = AccessLog(format="json", level="info")
    answer = await browser(registry).get(f"/console/links/{link.token}")
    assert answer.status_code == 200
    assert (await browser(registry).get(f"/console/links/{link.token}/")).status_code == 404
    written = capsys.readouterr()
    assert "/console/links/{token}" in written.err + written.out
    assert link.token not in written.err + written.out


async def test_the_first_page_tells_each_right_and_where_it_comes_from(registry: Registry) -> None:
    now = registry.clock.now()

    def give(tx) -> None:
        create_organization(tx, "acme", None, now)
        team = create_team(tx, "acme", "dev", None, now)
        add_member(tx, team, 2, now)
        grant_to_team(tx, team, Resource.parse("acme"), Level.READ, None, now)
        grant(tx, 2, Resource.parse("acme/web"), Level.WRITE, None, now)

    await registry.database.write(give)
    client = await signed_in(registry, "bob")
    told = text_of(await client.get("/console/"))
    assert "acme organization read team dev of acme" in told
    assert "acme/web image write given to you" in told


@pytest.mark.parametrize(
    ("role", "told"), [(Role.ADMIN, "you may do everything"), (Role.AUDITOR, "you see everything")]
)
async def test_the_first_page_tells_a_role(registry: Registry, role: Role, told: str) -> None:
    await registry.database.write(lambda tx: set_role(tx, "bob", role))
    client = await signed_in(registry, "bob", PASSWORD)
    assert told in text_of(await client.get("/console/"))
