"""The login of a check reads one image for some minutes, and goes; a forgotten one goes with the next."""

from __future__ import annotations

from tests.clusters.registered import SEALER
from tests.databases import Do, FixedClock
from wherry.access.grants import level_of
from wherry.access.levels import Level
from wherry.clusters.pull_check.image import REPOSITORY
from wherry.clusters.pull_check.login import lend_login, take_back_forgotten, take_login_back
from wherry.identity.access_keys import list_access_keys
from wherry.identity.organizations import list_organizations
from wherry.identity.robots import list_robots
from wherry.oci.names import RepositoryName


def test_it_reads_the_one_image_and_nothing_else(do: Do, clock: FixedClock) -> None:
    lent = do(lend_login, SEALER, "c1", "registry.example.com", clock.now())
    assert lent.login.registry == "registry.example.com"
    assert lent.login.password not in repr(lent)
    assert do(level_of, lent.user_id, REPOSITORY, clock.now()) is Level.READ
    for other in ("other", "acme/web", "wherry-pull-check/web"):
        assert do(level_of, lent.user_id, RepositoryName(other), clock.now()) is Level.NONE
    [key] = do(list_access_keys)
    assert key.scope == {"library/wherry-pull-check": int(Level.READ)}
    assert key.expires_at is not None
    assert key.expires_at <= clock.move(minutes=15)
    assert do(list_organizations) == ()


def test_it_is_taken_back_with_its_key(do: Do, clock: FixedClock) -> None:
    do(lend_login, SEALER, "c1", "h", clock.now())
    do(lend_login, SEALER, "c2", "h", clock.now())
    do(take_login_back, "c1")
    do(take_login_back, "c1")
    assert [robot.name for robot in do(list_robots, "library")] == ["pull-check-c2"]
    assert len(do(list_access_keys)) == 1


def test_a_forgotten_one_is_taken_back_by_the_next_check(do: Do, clock: FixedClock) -> None:
    assert do(take_back_forgotten, clock.now()) == 0
    do(lend_login, SEALER, "c1", "h", clock.now())
    do(lend_login, SEALER, "c2", "h", clock.move(minutes=14))
    assert do(take_back_forgotten, clock.now()) == 0
    assert do(take_back_forgotten, clock.move(minutes=1)) == 1
    assert [robot.name for robot in do(list_robots, "library")] == ["pull-check-c2"]
