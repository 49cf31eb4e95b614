"""Every route × everybody who may come, over HTTP, with password and token: as the actions declare it.

What is asked for is not there (a digest nobody has, an upload nobody began), so that no answer changes what
the next one finds: admitted is whoever gets past the decision, to a 404 or a 400.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import Connection

from engines.servers import wherry
from wherry.access.actions import RULES, Action, Need
from wherry.access.grants import grant, revoke
from wherry.access.levels import NEEDED, Level
from wherry.access.resources import Resource
from wherry.access.shares import end_share, share_image
from wherry.app import open_sealer
from wherry.db.database import Database
from wherry.identity.access_keys import create_access_key, delete_access_key, set_key_disabled
from wherry.identity.login_keys import login_key
from wherry.identity.passwords import Passwords
from wherry.identity.tables import access_keys
from wherry.identity.users import create_user, set_disabled
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName
from wherry.registry.organizations import create_organization
from wherry.settings import Settings
from wherry.web.distribution.routes import ROUTES

PRIVATE, PUBLIC, OTHER = "acme/web", "acme/open", "other/web"
PASSWORD = "a password for everybody"
ABSENT = str(Digest.of(b"nobody pushed this"))
ON_IMAGES = [route for route in ROUTES if route.action.rule.verb is not None]
CONFIG = b"{}"


@dataclass(frozen=True)
class Who:
    """Somebody who comes: what they may on `PRIVATE`, whether they get in at all, and what they come with."""

    name: str
    level: Level = Level.NONE
    known: bool = True
    refused: bool = False

    def __str__(self) -> str:
        return self.name


WHO = (
    Who("anonymous", known=False),
    Who("outsider"),
    Who("read-image", Level.READ),
    Who("write-image", Level.WRITE),
    Who("edit-image", Level.EDIT),
    Who("read-organization", Level.READ),
    Who("write-organization", Level.WRITE),
    Who("edit-organization", Level.EDIT),
    Who("both-the-higher-counts", Level.WRITE),
    Who("shared-with", Level.READ),
    Who("share-expired"),
    Who("administrator", Level.EDIT),
    Who("key-of-all", Level.EDIT),
    Who("key-in-scope", Level.WRITE),
    Who("key-out-of-scope"),
    Who("key-of-administrator", Level.READ),
    Who("key-expired", refused=True),
    Who("key-disabled", refused=True),
    Who("key-deleted", refused=True),
    Who("user-disabled", refused=True),
    Who("key-of-user-disabled", refused=True),
)


@dataclass
class House:
    """A running Wherry, its database, and how everybody logs in."""

    http: httpx.Client
    database: Database
    settings: Settings
    logins: dict[str, tuple[str, str]] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def basic(self, who: str) -> dict[str, str]:
        if who not in self.logins:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(":".join(self.logins[who]).encode()).decode()}

    def token(self, who: str, *scopes: str) -> httpx.Response:
        query = "&".join(f"scope={scope}" for scope in scopes)
        return self.http.get(f"/token?service=wherry&{query}", headers=self.basic(who))

    def bearer(self, who: str, *scopes: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(who, *scopes).raise_for_status().json()['token']}"}

    def catalog(self, who: str) -> list[str]:
        answer = self.http.get("/v2/_catalog", headers=self.basic(who))
        return list(answer.raise_for_status().json()["repositories"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("rights") / "data"
    settings = {"WHERRY_AUTH_LOGIN_ATTEMPTS": "100000"}
    with wherry(data, settings=settings) as server, httpx.Client(base_url=server.url, timeout=60) as http:
        database = Database(f"sqlite:///{data / 'wherry.db'}")
        made = House(http, database, Settings(data=data))
        made.logins["administrator"] = (server.username, server.password)
        for name in (PRIVATE, PUBLIC, OTHER):
            push(made, name)
        database.write_now(lambda tx: furnish(tx, made))
        yield made
        database.close()


def push(house: House, name: str) -> None:
    login = house.basic("administrator")
    digest = Digest.of(CONFIG)
    url = f"/v2/{name}/blobs/uploads/?digest={digest}"
    assert house.http.post(url, headers=login, content=CONFIG).status_code == 201
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": str(digest), "size": 2}
    media_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": []}
    kept = house.http.put(
        f"/v2/{name}/manifests/1",
        headers={**login, "Content-Type": media_type},
        content=json.dumps(manifest).encode(),
    )
    assert kept.status_code == 201, kept.text


def furnish(tx: Connection, house: House) -> None:
    """Everybody of `WHO` with their rights and keys."""
    now, hashed, sealer = datetime.now(UTC), Passwords().hash_now(PASSWORD), open_sealer(house.settings)

    def user(name: str) -> int:
        if name not in house.ids:
            house.ids[name] = create_user(tx, name, hashed, now).id
            house.logins[name] = (name, PASSWORD)
        return house.ids[name]

    def give(name: str, level: Level, on: str) -> None:
        grant(tx, user(name), Resource.parse(on), level, None, now)

    def key(name: str, owner: int, scope: dict[str, int] | None = None) -> str:
        made = create_access_key(tx, sealer, owner, name, now, scope=scope)
        house.logins[name] = (f"ap-southeast-3@{made.id}", login_key(made.id, made.secret))
        house.keys[name] = made.id
        return made.id

    admin = tx.exec_driver_sql("SELECT id FROM users WHERE name = 'admin'").scalar_one()
    for level in (Level.READ, Level.WRITE, Level.EDIT):
        give(f"{level.word}-image", level, PRIVATE)
        give(f"{level.word}-organization", level, "acme")
    user("outsider")
    give("both-the-higher-counts", Level.READ, "acme")
    give("both-the-higher-counts", Level.WRITE, PRIVATE)
    for name, organization in (("shared-with", "partner"), ("share-expired", "late")):
        create_organization(tx, organization, admin, now)
        give(name, Level.EDIT, organization)
        share_image(tx, RepositoryName(PRIVATE), organization, None, "", admin, now)
    tx.exec_driver_sql("UPDATE shares SET deadline = 1 WHERE organization = 'late'")
    give("owner", Level.EDIT, "acme")
    owner = house.ids["owner"]
    key("key-of-all", owner)
    key("key-in-scope", owner, {PRIVATE: Level.WRITE})
    key("key-out-of-scope", owner, {"other": Level.EDIT, "acme/api": Level.EDIT})
    key("key-of-administrator", admin, {"acme": Level.READ})
    expired = key("key-expired", owner)
    tx.execute(access_keys.update().where(access_keys.c.id == expired).values(expires=1))
    set_key_disabled(tx, key("key-disabled", owner), True)
    delete_access_key(tx, key("key-deleted", owner))
    give("user-disabled", Level.EDIT, "acme")
    key("key-of-user-disabled", house.ids["user-disabled"])
    set_disabled(tx, "user-disabled", True)
    tx.exec_driver_sql(f"UPDATE repositories SET is_public = 1 WHERE name = '{PUBLIC}'")


def path_of(template: str, name: str) -> str:
    """A path that changes nothing: what it names is not there."""
    values = {"{name:path}": name, "{reference}": ABSENT, "{digest}": ABSENT, "{upload}": "no-such-upload"}
    for placeholder, value in values.items():
        template = template.replace(placeholder, value)
    # An upload that begins would be left over; a digest that cannot be read stops it behind the decision.
    return template + "?digest=unreadable" if template.endswith("/uploads/") else template


def ask(house: House, method: str, template: str, name: str, login: dict[str, str]) -> httpx.Response:
    return house.http.request(method, path_of(template, name), headers=login, content=b"")


def outcome(answer: httpx.Response) -> str:
    assert answer.status_code < 500, answer.text
    if answer.status_code in (401, 403):
        return {401: "log in", 403: "denied"}[answer.status_code]
    return "admitted"


def expected(who: Who, action: Action, *, public: bool = False) -> str:
    need = action.rule.need
    if who.refused:
        return "log in"
    if need is Need.NOTHING or (public and need is Need.READ):
        return "admitted"
    if not who.known:
        return "log in"
    if need is Need.LOGIN:
        return "admitted"
    return "admitted" if who.level >= NEEDED[need] else "denied"


@pytest.mark.parametrize("who", WHO, ids=str)
def test_with_a_password_everybody_gets_what_the_action_declares(house: House, who: Who) -> None:
    for route in ROUTES:
        if route.template == "/token":
            continue
        answer = ask(house, route.method, route.template, PRIVATE, house.basic(who.name))
        assert outcome(answer) == expected(who, route.action), (route.method, route.shown, answer.text)


@pytest.mark.parametrize("who", WHO, ids=str)
def test_with_a_token_for_all_verbs_everybody_gets_the_same(house: House, who: Who) -> None:
    given = house.token(who.name, f"repository:{PRIVATE}:*", "registry:catalog:*")
    if who.refused:
        assert given.status_code == 401
        return
    granted = given.json()["scope"].rpartition(":")[2].split(",")
    login = {"Authorization": f"Bearer {given.json()['token']}"}
    for route in ON_IMAGES:
        allowed = expected(who, route.action) == "admitted"
        assert (route.action.rule.verb in granted) is allowed
        answer = ask(house, route.method, route.template, PRIVATE, login)
        assert outcome(answer) == expected(who, route.action), (route.method, route.shown, answer.text)
    catalog = house.http.get("/v2/_catalog", headers=login)
    assert outcome(catalog) == expected(who, Action.CATALOG_LIST)


@pytest.mark.parametrize("who", WHO, ids=str)
def test_what_is_public_is_pulled_by_all_whose_login_is_right(house: House, who: Who) -> None:
    # A right on the one image does not reach this one; one on the organization does.
    on_organization = {
        "key-of-all": Level.EDIT,
        "key-of-administrator": Level.READ,
        "both-the-higher-counts": Level.READ,
    }
    level = who.level if "organization" in who.name or who.name == "administrator" else Level.NONE
    level = on_organization.get(who.name, level)
    there = Who(who.name, level, who.known, who.refused)
    for route in ON_IMAGES:
        answer = ask(house, route.method, route.template, PUBLIC, house.basic(who.name))
        wanted = expected(there, route.action, public=True)
        assert outcome(answer) == wanted, (route.method, route.shown, answer.text)


@pytest.mark.parametrize("route", ON_IMAGES, ids=lambda route: f"{route.method} {route.shown}")
def test_a_token_without_the_verb_is_asked_for_more_scope(house: House, route) -> None:
    login = house.bearer("edit-image", f"repository:{OTHER}:*")
    answer = ask(house, route.method, route.template, PRIVATE, login)
    assert answer.status_code == 401
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert f"repository:{PRIVATE}:" in answer.headers["www-authenticate"]


def test_every_action_of_an_image_is_in_the_matrix() -> None:
    assert {route.action for route in ROUTES} >= {Action.IMAGE_PULL, Action.IMAGE_PUSH, Action.IMAGE_DELETE}
    assert all(route.action in RULES for route in ROUTES)


def test_the_bytes_come_and_go_by_level(house: House) -> None:
    """Not only past the decision: what is there is pulled, pushed and deleted."""
    url, blob = f"/v2/{PRIVATE}", Digest.of(CONFIG)
    read, write, edit = (house.basic(f"{level}-image") for level in ("read", "write", "edit"))
    assert house.http.get(f"{url}/blobs/{blob}", headers=read).content == CONFIG
    manifest = house.http.get(f"{url}/manifests/1", headers=read)
    again = {"Content-Type": manifest.headers["content-type"]}
    put = f"{url}/manifests/by-level"
    assert house.http.put(put, headers={**read, **again}, content=manifest.content).status_code == 403
    assert house.http.put(put, headers={**write, **again}, content=manifest.content).status_code == 201
    assert house.http.delete(put, headers=write).status_code == 403
    assert house.http.delete(put, headers=edit).status_code == 202


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("key-expired", "has expired"),
        ("key-disabled", "is disabled"),
        ("key-of-user-disabled", "the owner of the access key"),
        ("key-deleted", "user name or password is wrong"),
        ("user-disabled", "user name or password is wrong"),
    ],
)
def test_a_refused_login_says_why_where_the_login_key_was_right(house: House, who: str, said: str) -> None:
    for answer in (house.http.get("/v2/", headers=house.basic(who)), house.token(who)):
        assert answer.status_code == 401
        assert said in answer.json()["errors"][0]["message"]
    form = {"grant_type": "password", "username": house.logins[who][0], "password": house.logins[who][1]}
    answer = house.http.post("/token", data=form)
    assert answer.status_code == 401
    assert said in answer.json()["errors"][0]["message"]


def test_guessers_are_told_one_thing_whatever_they_guess(house: House) -> None:
    names = [house.logins[who][0] for who in ("key-of-all", "key-expired", "key-disabled", "outsider")]
    answers = set()
    for name in (*names, "x@NOSUCHKEY", "nobody", "@", "a@b@c", "nul\0", "x@nul\0"):
        basic = base64.b64encode(f"{name}:a guess".encode()).decode()
        answer = house.http.get("/v2/", headers={"Authorization": f"Basic {basic}"})
        answers.add((answer.status_code, answer.text, answer.headers["www-authenticate"]))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401


def test_a_denied_key_is_told_of_its_limits(house: House) -> None:
    url = f"/v2/{PRIVATE}/manifests/{ABSENT}"
    answer = house.http.delete(url, headers=house.basic("key-in-scope"))
    message = answer.json()["errors"][0]["message"]
    assert message == f"the access key {house.keys['key-in-scope']} is not for edit on {PRIVATE}"


@pytest.mark.parametrize("who", [who for who in WHO if who.known and not who.refused], ids=str)
def test_the_catalog_shows_what_one_may_pull(house: House, who: Who) -> None:
    listed = house.catalog(who.name)
    everything = who.name == "administrator"
    assert listed == [PUBLIC, *[PRIVATE] * (who.level >= Level.READ), *[OTHER] * everything]
    login = house.basic(who.name)
    for name in (PRIVATE, PUBLIC, OTHER):
        may = house.http.get(f"/v2/{name}/tags/list", headers=login).status_code == 200
        assert may is (name in listed), name


@dataclass(frozen=True)
class Guest:
    """Somebody who may push to `PRIVATE`, or only pull what is shared, until it ends."""

    name: str
    user: int
    key: str


Ending = Callable[[Connection, Guest], object]


def lower(tx: Connection, guest: Guest) -> None:
    grant(tx, guest.user, Resource.parse(PRIVATE), Level.READ, None, datetime.now(UTC))


def expire(tx: Connection, guest: Guest) -> None:
    tx.execute(access_keys.update().where(access_keys.c.id == guest.key).values(expires=1))


ENDINGS: dict[str, Ending] = {
    "right-lowered": lower,
    "right-revoked": lambda tx, guest: revoke(
        tx, guest.user, Resource.parse(PRIVATE), None, datetime.now(UTC)
    ),
    "share-ended": lambda tx, guest: end_share(tx, RepositoryName(PRIVATE), guest.name),
    "user-disabled": lambda tx, guest: set_disabled(tx, guest.name, True),
    "key-disabled": lambda tx, guest: set_key_disabled(tx, guest.key, True),
    "key-deleted": lambda tx, guest: delete_access_key(tx, guest.key),
    "key-expired": expire,
}


def invite(tx: Connection, house: House, name: str) -> Guest:
    """A guest with what the ending of that name takes away."""
    now, user = datetime.now(UTC), create_user(tx, name, Passwords().hash_now(PASSWORD), datetime.now(UTC)).id
    house.logins[name] = (name, PASSWORD)
    if name.startswith("share"):
        create_organization(tx, name, user, now)
        share_image(tx, RepositoryName(PRIVATE), name, None, "", user, now)
        return Guest(name, user, "")
    grant(tx, user, Resource.parse(PRIVATE), Level.WRITE, None, now)
    if not name.startswith("key"):
        return Guest(name, user, "")
    made = create_access_key(tx, open_sealer(house.settings), user, name, now)
    house.logins[name] = (f"x@{made.id}", login_key(made.id, made.secret))
    return Guest(name, user, made.id)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_taken_away_ends_with_the_next_request_also_for_tokens_that_are_out(
    house: House, ending: str
) -> None:
    name = f"{ending}-later"
    guest = house.database.write_now(lambda tx: invite(tx, house, name))
    method, url = "GET", f"/v2/{PRIVATE}/tags/list"
    if ending == "right-lowered":
        method, url = "DELETE", f"/v2/{PRIVATE}/blobs/uploads/no-such-upload"
    logins = (house.basic(name), house.bearer(name, f"repository:{PRIVATE}:pull,push"))
    for login in logins:
        assert outcome(house.http.request(method, url, headers=login)) == "admitted"
    house.database.write_now(lambda tx: ENDINGS[ending](tx, guest))
    # Within five seconds by contract; in fact nothing is waited for here.
    for login in logins:
        assert outcome(house.http.request(method, url, headers=login)) != "admitted"
