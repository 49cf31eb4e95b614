"""What somebody sees of a registry, page by page: the same as asking about each image by itself."""

import random
from datetime import timedelta

import pytest

from tests.databases import Do, FixedClock
from tests.people import add_user, give
from wherry.access.grants import level_of
from wherry.access.levels import Level
from wherry.access.shares import share_image
from wherry.identity.organizations import ensure_organization
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import ensure_repository, list_repositories, set_public
from wherry.registry.repository_details import RepositoryFilter, RepositoryOrder, list_repository_details

# `acme-x/…` sorts before `acme/…`, the library's images between all others.
ORGANIZATIONS = ("a", "acme", "acme-x", "acme.x", "acme0", "b")
NAMES = sorted(
    [f"{organization}/{image}" for organization in ORGANIZATIONS for image in ("api", "web", "web/x", "x-1")]
    + ["acme", "b1", "busybox"]
)


@pytest.fixture
def everything(do: Do, ann: int, clock: FixedClock) -> None:
    for name in NAMES:
        do(ensure_repository, RepositoryName(name), ann, clock.now())


def walked(do: Do, size: int, **how: object) -> list[str]:
    found: list[str] = []
    while True:
        page = do(list_repositories, after=found[-1] if found else "", size=size, **how)
        found += [repository.name.text for repository in page.items]
        if not page.more:
            return found


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("seed", range(6))
def test_the_list_shows_what_may_be_pulled_and_nothing_else(
    do: Do, ann: int, clock: FixedClock, seed: int
) -> None:
    chance = random.Random(seed)
    bob = add_user(do, clock, "bob")
    public = set(chance.sample(NAMES, chance.randrange(4)))
    for name in public:
        do(set_public, RepositoryName(name), True)
    for organization in chance.sample(ORGANIZATIONS, chance.randrange(4)):
        give(do, clock, bob, "read", organization)
    for name in chance.sample(NAMES, chance.randrange(6)):
        give(do, clock, bob, "write", f"library/{name}" if "/" not in name else name)
    do(ensure_organization, "partner", ann, clock.now())
    give(do, clock, bob, "read", "partner")
    for name in chance.sample(NAMES, chance.randrange(4)):
        deadline = clock.now() + timedelta(hours=chance.choice([1, 3]))
        do(share_image, RepositoryName(name), "partner", deadline, "", ann, clock.now())
    now = clock.move(hours=2)

    def may(name: str) -> bool:
        return name in public or do(level_of, bob, RepositoryName(name), now) is not Level.NONE

    expected = [name for name in NAMES if may(name)]
    for size in (1, 2, 3, 100):
        assert walked(do, size, visible_to=bob, shared_at=now) == expected
    for organization in (*ORGANIZATIONS, "library"):
        theirs = [name for name in expected if RepositoryName(name).organization == organization]
        assert walked(do, 2, visible_to=bob, shared_at=now, organization=organization) == theirs


@pytest.mark.usefixtures("everything")
def test_an_administrators_key_shows_what_it_is_for(do: Do) -> None:
    do(set_public, RepositoryName("b/api"), True)
    seen = walked(do, 2, within=("acme", "a/web", "gone", "acme-x/web/x", "library/b1"))
    assert seen == [
        "a/web",
        "acme-x/web/x",
        *[f"acme/{image}" for image in ("api", "web", "web/x", "x-1")],
        "b/api",
        "b1",
    ]


@pytest.mark.usefixtures("everything")
def test_a_key_shows_what_it_is_for_and_its_owner_may_see(do: Do, clock: FixedClock) -> None:
    bob = add_user(do, clock, "bob")
    give(do, clock, bob, "read", "acme")
    give(do, clock, bob, "read", "a/web")
    give(do, clock, bob, "read", "b/web")
    assert walked(do, 2, visible_to=bob, within=("acme/api", "a", "b")) == ["a/web", "acme/api", "b/web"]
    assert walked(do, 2, visible_to=bob, within=("acme", "b/web"), organization="acme")[-1] == "acme/x-1"


@pytest.mark.usefixtures("everything")
def test_a_page_by_number_shows_the_same(do: Do, clock: FixedClock) -> None:
    bob = add_user(do, clock, "bob")
    give(do, clock, bob, "read", "acme")
    give(do, clock, bob, "read", "acme/api")
    give(do, clock, bob, "read", "b/web")
    do(set_public, RepositoryName("acme/web"), True)
    found = do(
        list_repository_details,
        RepositoryFilter(visible_to=bob),
        order=RepositoryOrder.NAME,
        descending=False,
        offset=1,
        limit=3,
    )
    assert found.total == 5
    assert [item.name.text for item in found.items] == ["acme/web", "acme/web/x", "acme/x-1"]
