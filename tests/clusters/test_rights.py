"""Rights on a cluster: the level on its organization, or what it was opened for; else it is not there."""

from __future__ import annotations

import pytest

from tests.clusters.registered import register
from tests.databases import Do, FixedClock
from tests.people import add_user, give
from wherry.access.decisions import ANONYMOUS, Actor
from wherry.access.levels import Level
from wherry.clusters.errors import ClusterForbidden, ClusterUnknown, InvalidCluster
from wherry.clusters.rights import (
    close_cluster,
    level_on_cluster,
    list_clusters,
    open_cluster,
    openings_of,
    require_level,
    require_register,
    visible_names,
)
from wherry.identity.errors import OrganizationUnknown
from wherry.identity.organizations import create_organization


@pytest.fixture
def ann(do: Do, clock: FixedClock) -> Actor:
    """Write on acme, edit on partner; the clusters `a` of acme, `p` of partner, `s` of the site."""
    for name in ("acme", "partner", "stranger"):
        do(create_organization, name, None, clock.now())
    register(do, "a", "acme")
    register(do, "p", "partner")
    register(do, "s")
    user_id = add_user(do, clock, "ann")
    give(do, clock, user_id, "write", "acme")
    give(do, clock, user_id, "edit", "partner")
    return Actor(user_id, "ann")


def visible(do: Do, actor: Actor) -> list[str]:
    return [cluster.name for cluster in do(list_clusters, actor).items]


def test_a_cluster_is_its_organizations(do: Do, ann: Actor) -> None:
    assert visible(do, ann) == ["a", "p"]
    assert do(require_level, ann, "a", Level.WRITE).name == "a"
    with pytest.raises(ClusterForbidden, match="ann has write on the cluster a, and this takes edit"):
        do(require_level, ann, "a", Level.EDIT)
    do(require_level, ann, "p", Level.EDIT)


def test_a_cluster_that_one_may_not_see_is_not_there(do: Do, ann: Actor) -> None:
    for name in ("s", "none"):
        with pytest.raises(ClusterUnknown, match=f"there is no cluster '{name}'"):
            do(require_level, ann, name, Level.READ)
    with pytest.raises(ClusterUnknown):
        do(require_level, ANONYMOUS, "a", Level.READ)
    assert visible(do, ANONYMOUS) == []


def test_an_administrator_may_everything(do: Do, clock: FixedClock, ann: Actor) -> None:
    root = Actor(add_user(do, clock, "root", is_admin=True), "root", is_admin=True)
    assert visible(do, root) == ["a", "p", "s"]
    do(require_level, root, "s", Level.EDIT)
    do(require_register, root, None)


def test_an_auditor_sees_every_cluster_and_changes_none(do: Do, clock: FixedClock, ann: Actor) -> None:
    eve = Actor(add_user(do, clock, "eve"), "eve", is_auditor=True)
    assert visible(do, eve) == ["a", "p", "s"]
    assert do(visible_names, eve) is None
    for name in ("a", "s"):
        do(require_level, eve, name, Level.READ)
        with pytest.raises(ClusterForbidden):
            do(require_level, eve, name, Level.WRITE)
    cut = Actor(eve.user_id, "eve", is_auditor=True, key_id="K", ceiling={"acme": int(Level.EDIT)})
    assert visible(do, cut) == ["a"]
    assert do(visible_names, cut) == {"a"}


def test_clusters_are_found_by_organization_and_a_part_of_the_name(do: Do, ann: Actor) -> None:
    register(do, "a-b", "acme")
    found = do(list_clusters, ann, contains="-", organization="acme")
    assert [cluster.name for cluster in found.items] == ["a-b"]
    assert do(list_clusters, ann, contains="%").items == ()


def test_an_opened_cluster_is_used_up_to_the_level_of_the_opening(do: Do, ann: Actor) -> None:
    do(open_cluster, "s", "partner", Level.READ)
    assert visible(do, ann) == ["a", "p", "s"]
    with pytest.raises(ClusterForbidden):
        do(require_level, ann, "s", Level.WRITE)
    do(open_cluster, "s", "acme", Level.WRITE)
    cluster = do(require_level, ann, "s", Level.WRITE)
    assert do(openings_of, cluster) == {"acme": Level.WRITE, "partner": Level.READ}
    assert do(close_cluster, "s", "acme") is True
    assert do(close_cluster, "s", "acme") is False
    assert do(level_on_cluster, ann, cluster) is Level.READ


def test_an_opening_gives_nobody_more_than_they_have_on_their_organization(
    do: Do, clock: FixedClock, ann: Actor
) -> None:
    reader = add_user(do, clock, "ron")
    give(do, clock, reader, "read", "stranger")
    do(open_cluster, "a", "stranger", Level.WRITE)
    with pytest.raises(ClusterForbidden, match="ron has read"):
        do(require_level, Actor(reader, "ron"), "a", Level.WRITE)


def test_what_cannot_be_opened(do: Do, ann: Actor) -> None:
    with pytest.raises(InvalidCluster, match="belongs to acme already"):
        do(open_cluster, "a", "acme", Level.READ)
    with pytest.raises(InvalidCluster, match="for read or for write"):
        do(open_cluster, "a", "partner", Level.EDIT)
    with pytest.raises(OrganizationUnknown):
        do(open_cluster, "a", "nobody", Level.READ)


def test_a_right_on_an_image_is_none_on_a_cluster(do: Do, clock: FixedClock, ann: Actor) -> None:
    user_id = add_user(do, clock, "ira")
    give(do, clock, user_id, "edit", "acme/web")
    assert visible(do, Actor(user_id, "ira")) == []


def test_a_keys_ceiling_holds_for_clusters_too(do: Do, clock: FixedClock, ann: Actor) -> None:
    cut = Actor(ann.user_id, "ann", key_id="K", ceiling={"partner": int(Level.READ)})
    assert visible(do, cut) == ["p"]
    with pytest.raises(ClusterForbidden):
        do(require_level, cut, "p", Level.EDIT)
    root_id = add_user(do, clock, "root", is_admin=True)
    root = Actor(root_id, "root", is_admin=True, key_id="K", ceiling={"acme": int(Level.EDIT)})
    assert visible(do, root) == ["a"]
    with pytest.raises(ClusterForbidden):
        do(require_register, root, None)
    do(require_register, root, "acme")


def test_registering_takes_edit_on_the_organization(do: Do, ann: Actor) -> None:
    do(require_register, ann, "partner")
    for organization, said in (("acme", "takes edit"), (None, "only an administrator")):
        with pytest.raises(ClusterForbidden, match=said):
            do(require_register, ann, organization)


def test_lists_come_in_pages(do: Do, ann: Actor) -> None:
    page = do(list_clusters, ann, size=1)
    assert ([one.name for one in page.items], page.more) == (["a"], True)
    page = do(list_clusters, ann, after="a", size=1)
    assert ([one.name for one in page.items], page.more) == (["p"], False)
