"""Everybody who may come to a face: people, robots and keys with their rights, each with credentials.

What a visitor may is written down here by hand, and `expected` says from an action's declaration what comes
of a request; the matrices of the faces compare that with what their servers do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from ipaddress import ip_network

from sqlalchemy import Connection, update

from tests.clusters.kubeconfigs import kubeconfig
from wherry.access.actions import Action, Need
from wherry.access.grants import grant
from wherry.access.levels import NEEDED, Level
from wherry.access.resources import Resource
from wherry.access.shares import share_image
from wherry.access.tables import shares
from wherry.access.team_grants import grant_to_team
from wherry.clusters.addresses import AddressRules
from wherry.clusters.federations.fleets import create_fleet
from wherry.clusters.kubeconfig import read_kubeconfig
from wherry.clusters.register import Registration, register_cluster
from wherry.db.database import Database
from wherry.identity.access_keys import create_access_key, delete_access_key, set_key_disabled
from wherry.identity.login_keys import login_key
from wherry.identity.passwords import Passwords
from wherry.identity.robots import change_robot, create_robot
from wherry.identity.tables import access_keys
from wherry.identity.teams import add_member, create_team
from wherry.identity.users import create_user, set_disabled
from wherry.kit.secrets import Sealer
from wherry.oci.names import RepositoryName
from wherry.registry.attributes import create_repository
from wherry.registry.organizations import create_organization

ORGANIZATION, OTHER = "acme", "other"
# Rights on the first are given by name: whether it is there is up to the test. The second is there.
IMAGE, PUBLIC = "acme/web", "acme/open"
# Of the first organization. Nothing answers there.
CLUSTER = "prod"
FLEET = "shops"
PASSWORD = "a password for everybody"


class Login(Enum):
    """What comes with a request: nothing, what is refused, a part of what somebody may, or all of it."""

    ABSENT = "absent"
    REFUSED = "refused"
    NARROW = "narrow"
    WHOLE = "whole"


class Place(Enum):
    """What a request is about."""

    SERVICE = "service"
    ORGANIZATION = ORGANIZATION
    IMAGE = IMAGE
    PUBLIC = PUBLIC
    CLUSTER = CLUSTER
    FLEET = FLEET


class Outcome(Enum):
    """What comes of a request: it gets past the decision, or it does not."""

    ADMITTED = "admitted"
    DENIED = "denied"
    LOG_IN = "log in"


@dataclass(frozen=True, slots=True)
class Visitor:
    """`basic` are user and password, `key` an access key's id and secret; each where there is one."""

    name: str
    on_image: Level = Level.NONE
    on_organization: Level = Level.NONE
    login: Login = Login.WHOLE
    is_admin: bool = False
    is_auditor: bool = False
    basic: tuple[str, str] | None = None
    key: tuple[str, str] | None = None

    def __str__(self) -> str:
        return self.name


_NARROW, _REFUSED = Login.NARROW, Login.REFUSED

# Without credentials: for names of tests. `make_visitors` fills them in.
VISITORS = (
    Visitor("anonymous", login=Login.ABSENT),
    Visitor("outsider"),
    Visitor("read-image", Level.READ),
    Visitor("write-image", Level.WRITE),
    Visitor("edit-image", Level.EDIT),
    Visitor("read-organization", Level.READ, Level.READ),
    Visitor("write-organization", Level.WRITE, Level.WRITE),
    Visitor("edit-organization", Level.EDIT, Level.EDIT),
    Visitor("both-the-higher-counts", Level.WRITE, Level.READ),
    Visitor("team-write-image", Level.WRITE),
    Visitor("team-edit-organization", Level.EDIT, Level.EDIT),
    Visitor("shared-with", Level.READ),
    Visitor("share-expired"),
    Visitor("auditor", is_auditor=True),
    Visitor("auditor-write-image", Level.WRITE, is_auditor=True),
    Visitor("administrator", Level.EDIT, Level.EDIT, is_admin=True),
    Visitor("key-in-scope", Level.WRITE, login=_NARROW),
    Visitor("key-for-the-organization", Level.READ, Level.READ, login=_NARROW),
    Visitor("key-out-of-scope", login=_NARROW),
    Visitor("key-beyond-its-owner", Level.READ, login=_NARROW),
    Visitor("key-of-administrator", Level.READ, Level.READ, login=_NARROW),
    Visitor("robot-write-image", Level.WRITE, login=_NARROW),
    Visitor("robot-edit-organization", Level.EDIT, Level.EDIT, login=_NARROW),
    Visitor("robot-key-in-scope", Level.READ, login=_NARROW),
    Visitor("robot-key-out-of-scope", login=_NARROW),
    Visitor("robot-of-another-organization", login=_NARROW),
    Visitor("robot-disabled", login=_REFUSED),
    Visitor("wrong-secret", login=_REFUSED),
    Visitor("key-expired", login=_REFUSED),
    Visitor("key-disabled", login=_REFUSED),
    Visitor("key-deleted", login=_REFUSED),
    Visitor("user-disabled", login=_REFUSED),
)


def expected(visitor: Visitor, action: Action, place: Place, *, always_logged_in: bool = False) -> Outcome:
    """By the action's rule alone. With `always_logged_in` the face shows nothing without a login."""
    need, looks = action.rule.need, action.rule.looks
    if need is Need.NOTHING:
        return Outcome.ADMITTED
    if visitor.login is Login.REFUSED or (always_logged_in and visitor.login is Login.ABSENT):
        return Outcome.LOG_IN
    if need is Need.READ and place is Place.PUBLIC:
        return Outcome.ADMITTED
    if visitor.login is Login.ABSENT:
        return Outcome.LOG_IN
    if need is Need.LOGIN or (visitor.is_auditor and looks):
        return Outcome.ADMITTED
    if need in (Need.USER, Need.ADMIN):
        may = visitor.login is Login.WHOLE and (need is Need.USER or visitor.is_admin)
    else:
        level = visitor.on_image if place is Place.IMAGE else visitor.on_organization
        may = level >= NEEDED[need]
    return Outcome.ADMITTED if may else Outcome.DENIED


def make_visitors(database: Database, sealer: Sealer) -> tuple[Visitor, ...]:
    """All of `VISITORS` with their credentials; makes all that is named above but `IMAGE`."""
    return database.write_now(lambda tx: _Making(tx, sealer).all())


class _Making:
    def __init__(self, tx: Connection, sealer: Sealer) -> None:
        self._tx, self._sealer, self._now = tx, sealer, datetime.now(UTC)
        self._hash = Passwords().hash_now(PASSWORD)
        self._made = {visitor.name: visitor for visitor in VISITORS}
        self._ids: dict[str, int] = {}

    def all(self) -> tuple[Visitor, ...]:
        self._person("administrator", is_admin=True)
        admin = self._ids["administrator"]
        for organization in (ORGANIZATION, OTHER):
            create_organization(self._tx, organization, admin, self._now)
        create_repository(self._tx, RepositoryName(PUBLIC), admin, self._now, is_public=True)
        away = read_kubeconfig(kubeconfig({"server": "https://127.0.0.1:1"}), self._now)
        asked = Registration(CLUSTER, away, organization=ORGANIZATION)
        rules = AddressRules((ip_network("127.0.0.0/8"),))
        register_cluster(self._tx, self._sealer, rules, asked, uid=None, created_by=admin, now=self._now)
        create_fleet(self._tx, FLEET, ORGANIZATION, "", admin, self._now)
        self._people()
        self._teams()
        self._partners(admin)
        self._keys(admin)
        self._robots()
        return tuple(self._made.values())

    def _people(self) -> None:
        self._person("outsider")
        for level in (Level.READ, Level.WRITE, Level.EDIT):
            self._give(self._person(f"{level.word}-image"), level, IMAGE)
            self._give(self._person(f"{level.word}-organization"), level, ORGANIZATION)
        both = self._person("both-the-higher-counts")
        self._give(both, Level.READ, ORGANIZATION)
        self._give(both, Level.WRITE, IMAGE)
        self._person("auditor", is_auditor=True)
        self._give(self._person("auditor-write-image", is_auditor=True), Level.WRITE, IMAGE)
        self._give(self._person("user-disabled"), Level.EDIT, ORGANIZATION)
        set_disabled(self._tx, "user-disabled", True)

    def _teams(self) -> None:
        for name, level, on in (
            ("team-write-image", Level.WRITE, IMAGE),
            ("team-edit-organization", Level.EDIT, ORGANIZATION),
        ):
            team = create_team(self._tx, ORGANIZATION, name, None, self._now)
            add_member(self._tx, team, self._person(name), self._now)
            grant_to_team(self._tx, team, Resource.parse(on), level, None, self._now)

    def _partners(self, admin: int) -> None:
        for name, organization in (("shared-with", "partner"), ("share-expired", "late")):
            create_organization(self._tx, organization, admin, self._now)
            self._give(self._person(name), Level.EDIT, organization)
            share_image(self._tx, RepositoryName(IMAGE), organization, None, "", admin, self._now)
        expired = update(shares).where(shares.c.organization == "late").values(deadline=1)
        self._tx.execute(expired)

    def _keys(self, admin: int) -> None:
        owner = self._ids["edit-organization"]
        self._key("key-in-scope", owner, {IMAGE: Level.WRITE})
        self._key("key-for-the-organization", owner, {ORGANIZATION: Level.READ})
        self._key("key-out-of-scope", owner, {OTHER: Level.EDIT, f"{ORGANIZATION}/api": Level.EDIT})
        self._key("key-beyond-its-owner", self._ids["read-image"], {ORGANIZATION: Level.EDIT})
        self._key("key-of-administrator", admin, {ORGANIZATION: Level.READ})
        self._key("wrong-secret", owner)
        self._made["wrong-secret"] = replace(
            self._made["wrong-secret"],
            key=(self._key_id("wrong-secret"), "x" * 40),
            basic=(f"local@{self._key_id('wrong-secret')}", "0" * 64),
        )
        self._key("key-expired", owner)
        mine = access_keys.c.id == self._key_id("key-expired")
        self._tx.execute(update(access_keys).where(mine).values(expires=1))
        self._key("key-disabled", owner)
        set_key_disabled(self._tx, self._key_id("key-disabled"), True)
        self._key("key-deleted", owner)
        delete_access_key(self._tx, self._key_id("key-deleted"))

    def _robots(self) -> None:
        self._give(self._robot("robot-write-image"), Level.WRITE, IMAGE)
        self._give(self._robot("robot-edit-organization"), Level.EDIT, ORGANIZATION)
        of_all = self._ids["robot-edit-organization"]
        self._key("robot-key-in-scope", of_all, {IMAGE: Level.READ})
        self._key("robot-key-out-of-scope", of_all, {f"{ORGANIZATION}/api": Level.EDIT, OTHER: Level.EDIT})
        self._give(self._robot("robot-of-another-organization", OTHER), Level.EDIT, OTHER)
        self._give(self._robot("robot-disabled"), Level.EDIT, ORGANIZATION)
        change_robot(self._tx, ORGANIZATION, "robot-disabled", description="", is_disabled=True)

    def _person(self, name: str, *, is_admin: bool = False, is_auditor: bool = False) -> int:
        """With a password, and a key of all that they may."""
        made = create_user(self._tx, name, self._hash, self._now, is_admin=is_admin, is_auditor=is_auditor)
        self._ids[name] = made.id
        self._key(name, made.id)
        self._made[name] = replace(self._made[name], basic=(name, PASSWORD))
        return made.id

    def _robot(self, name: str, organization: str = ORGANIZATION) -> int:
        """With a key of all that it may."""
        self._ids[name] = create_robot(self._tx, organization, name, "", None, self._now).user_id
        self._key(name, self._ids[name])
        return self._ids[name]

    def _key(self, name: str, owner: int, scope: dict[str, int] | None = None) -> None:
        key = create_access_key(self._tx, self._sealer, owner, name, self._now, scope=scope)
        self._made[name] = replace(
            self._made[name],
            key=(key.id, key.secret),
            basic=(f"local@{key.id}", login_key(key.id, key.secret)),
        )

    def _key_id(self, name: str) -> str:
        key = self._made[name].key
        assert key is not None
        return key[0]

    def _give(self, user_id: int, level: Level, on: str) -> None:
        grant(self._tx, user_id, Resource.parse(on), level, None, self._now)
