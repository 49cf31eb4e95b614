"""Organizations made by hand: their names, their maker's right, and what goes with them."""

import pytest
from sqlalchemy import insert

from tests.databases import Do, FixedClock
from tests.people import add_user, give
from tests.registry.contents import WEB, add_image, image
from wherry.access.grants import level_of, level_on_organization, list_grants
from wherry.access.levels import Level
from wherry.access.shares import list_shares, share_image
from wherry.identity.errors import (
    InvalidOrganizationName,
    OrganizationExists,
    OrganizationReserved,
    OrganizationUnknown,
)
from wherry.identity.organizations import RESERVED, find_organization, list_organizations
from wherry.identity.tables import organizations
from wherry.oci.names import RepositoryName
from wherry.registry.delete_repository import delete_repository
from wherry.registry.errors import OrganizationNotEmpty
from wherry.registry.organizations import create_organization, delete_organization
from wherry.registry.repositories import ensure_repository


def test_who_makes_an_organization_edits_it(do: Do, ann: int, clock: FixedClock) -> None:
    made = do(create_organization, "acme", ann, clock.now())
    assert (made.name, made.creator, made.created_at) == ("acme", "ann", clock.now())
    assert do(level_on_organization, ann, "acme") is Level.EDIT
    assert do(level_of, ann, RepositoryName("acme/not-pushed-yet"), clock.now()) is Level.EDIT
    assert do(find_organization, "acme") == made


@pytest.mark.parametrize("name", ["a", "acme", "a1", "a-b", "a--b", "a.b", "a_b", "a__b", "x" * 64])
def test_names_that_are_taken(do: Do, ann: int, clock: FixedClock, name: str) -> None:
    assert do(create_organization, name, ann, clock.now()).name == name
    with pytest.raises(OrganizationExists):
        do(create_organization, name, ann, clock.now())


@pytest.mark.parametrize(
    "name",
    ["", "1a", "-a", "a-", "a..b", "a___b", "a._b", "A", "a/b", "a b", "a\n", "ä", "x" * 65, "a_", ".a"],
)
def test_names_that_are_not(do: Do, ann: int, clock: FixedClock, name: str) -> None:
    with pytest.raises(InvalidOrganizationName):
        do(create_organization, name, ann, clock.now())


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_names_stay_reserved(do: Do, ann: int, clock: FixedClock, name: str) -> None:
    with pytest.raises(OrganizationReserved):
        do(create_organization, name, ann, clock.now())
    assert do(list_organizations) == ()


def test_organizations_are_listed_by_name_without_the_library(do: Do, ann: int, clock: FixedClock) -> None:
    for name in ("beta", "acme"):
        do(create_organization, name, ann, clock.now())
    do(add_image, RepositoryName("busybox"), image(), ann, clock.now())
    assert [organization.name for organization in do(list_organizations)] == ["acme", "beta"]


def test_an_organization_with_images_does_not_go(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now())
    with pytest.raises(OrganizationNotEmpty):
        do(delete_organization, "acme")
    do(delete_repository, WEB, None, clock.now())
    do(delete_organization, "acme")
    with pytest.raises(OrganizationUnknown):
        do(delete_organization, "acme")


def test_the_next_organization_of_the_name_owes_nobody_a_right(do: Do, ann: int, clock: FixedClock) -> None:
    bob = add_user(do, clock, "bob")
    do(create_organization, "acme", ann, clock.now())
    do(create_organization, "acme-2", ann, clock.now())
    do(create_organization, "partner", ann, clock.now())
    for on in ("acme", "acme/web", "acme/not-pushed-yet", "acme-2/web", "partner"):
        give(do, clock, bob, "write", on)
    do(share_image, RepositoryName("partner/web"), "acme", None, "", ann, clock.now())
    do(delete_organization, "acme")
    do(create_organization, "acme", ann, clock.now())
    assert [given.resource.name for given in do(list_grants, user="bob")] == ["acme-2/web", "partner"]
    assert do(level_of, bob, WEB, clock.now()) is Level.NONE
    assert do(list_shares) == ()


@pytest.mark.parametrize("name", ["1a", "1password", "a" * 65])
def test_a_push_makes_no_organization_that_could_not_be_made_by_hand(
    do: Do, ann: int, clock: FixedClock, name: str
) -> None:
    with pytest.raises(InvalidOrganizationName):
        do(ensure_repository, RepositoryName(f"{name}/web"), ann, clock.now())
    assert do(find_organization, name) is None
    do(ensure_repository, RepositoryName(f"acme/{name}"), ann, clock.now())
    do(ensure_repository, RepositoryName(name), ann, clock.now())


def test_an_organization_from_before_the_rules_keeps_working(do: Do, ann: int, clock: FixedClock) -> None:
    row = {"name": "1password", "created_by": None, "created_at": clock.now()}
    do(lambda tx: tx.execute(insert(organizations).values(**row)))
    name = RepositoryName("1password/web")
    do(add_image, name, image(), ann, clock.now(), "1.0")
    do(delete_repository, name, None, clock.now())
    do(delete_organization, "1password")
    assert do(find_organization, "1password") is None
