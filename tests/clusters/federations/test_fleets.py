"""Fleets are sets of clusters with an owner: they give no right on any, and remember what was deployed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.clusters.registered import SEALER, register
from tests.clusters.workloads.requests import DEMO, IMAGE, of_each_kind
from tests.databases import Do, FixedClock
from tests.people import add_user
from wherry.access.decisions import Actor
from wherry.access.grants import grant
from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.clusters.errors import (
    ClusterForbidden,
    ClusterUnknown,
    FleetExists,
    FleetForbidden,
    FleetUnknown,
    FleetWorkloadUnknown,
    InvalidCluster,
    InvalidRequest,
)
from wherry.clusters.federations.differences import Difference
from wherry.clusters.federations.fleet_workloads import (
    FleetRequest,
    forget_workload,
    get_request,
    get_workload,
    list_workloads,
    record_outcomes,
    remember_request,
    to_repeat,
)
from wherry.clusters.federations.fleets import (
    Fleet,
    add_cluster,
    change_fleet,
    clusters_for,
    clusters_of,
    create_fleet,
    delete_fleet,
    get_fleet,
    list_fleets,
    remove_cluster,
    require_create_fleet,
    require_fleet,
)
from wherry.clusters.federations.tables import fleet_workloads
from wherry.clusters.register import remove_cluster as unregister
from wherry.clusters.workloads.build import build
from wherry.identity.organizations import create_organization

ROOT = Actor(None, "root", is_admin=True)
REQUEST = FleetRequest(build(DEMO), (Difference("b", {"container-1": IMAGE}, pods=3),))


@pytest.fixture
def fleet(do: Do, clock: FixedClock) -> Fleet:
    """Of acme, over its clusters `a` and `b` and the partner's `c`."""
    for name in ("acme", "partner"):
        do(create_organization, name, None, clock.now())
    made: Fleet = do(create_fleet, "everywhere", "acme", "All shops", None, clock.now())
    for cluster, organization in {"a": "acme", "b": "acme", "c": "partner"}.items():
        register(do, cluster, organization)
        do(add_cluster, ROOT, made, cluster, clock.now())
    return made


def member(do: Do, clock: FixedClock, name: str, level: Level, *, organization: str = "acme") -> Actor:
    user = add_user(do, clock, name)
    do(grant, user, Resource(Kind.ORGANIZATION, organization), level, None, clock.now())
    return Actor(user, name)


def names(clusters: Any) -> list[str]:
    return [cluster.name for cluster in clusters]


def test_a_fleet_is_made_changed_and_deleted(do: Do, clock: FixedClock, fleet: Fleet) -> None:
    later = clock.move(days=1)
    changed = do(change_fleet, "everywhere", later, new_name="shops", description="New")
    assert (changed.name, changed.organization, changed.description) == ("shops", "acme", "New")
    assert (changed.created_at, changed.changed_at) == (later - timedelta(days=1), later)
    do(create_fleet, "site", None, "", None, later)
    assert [one.name for one in do(list_fleets, ROOT).items] == ["shops", "site"]
    page = do(list_fleets, ROOT, size=1)
    assert ([one.name for one in page.items], page.more) == (["shops"], True)
    with pytest.raises(FleetExists):
        do(change_fleet, "site", later, new_name="shops")
    with pytest.raises(FleetExists):
        do(create_fleet, "site", None, "", None, later)
    do(delete_fleet, "shops")
    for act in (lambda: do(delete_fleet, "shops"), lambda: do(get_fleet, "shops")):
        with pytest.raises(FleetUnknown):
            act()


@pytest.mark.parametrize("name", ["", "A", "1a", "a-", "a.b", "a" * 64])
def test_a_name_that_cannot_be(do: Do, clock: FixedClock, name: str) -> None:
    with pytest.raises(InvalidCluster, match="fleet name"):
        do(create_fleet, name, None, "", None, clock.now())
    with pytest.raises(InvalidCluster, match="at most 1000"):
        do(create_fleet, "a", None, "x" * 1001, None, clock.now())


def test_members_see_and_use_a_fleet_by_their_level(do: Do, clock: FixedClock, fleet: Fleet) -> None:
    reader, editor = member(do, clock, "ann", Level.READ), member(do, clock, "eve", Level.EDIT)
    stranger = member(do, clock, "bob", Level.EDIT, organization="partner")
    do(create_fleet, "site", None, "", None, clock.now())
    assert [one.name for one in do(list_fleets, reader).items] == ["everywhere"]
    assert do(list_fleets, stranger).items == ()
    assert do(require_fleet, reader, "everywhere", Level.READ) == do(get_fleet, "everywhere")
    with pytest.raises(FleetForbidden, match="ann has read on the fleet everywhere, and this takes write"):
        do(require_fleet, reader, "everywhere", Level.WRITE)
    for who, what in ((stranger, "everywhere"), (editor, "site")):
        with pytest.raises(FleetUnknown):
            do(require_fleet, who, what, Level.READ)
    assert do(require_fleet, ROOT, "site", Level.EDIT).organization is None
    do(require_create_fleet, editor, "acme")
    for who, organization in ((reader, "acme"), (editor, None), (editor, "partner")):
        with pytest.raises(FleetForbidden):
            do(require_create_fleet, who, organization)


def test_a_fleet_gives_no_right_on_its_clusters(do: Do, clock: FixedClock, fleet: Fleet) -> None:
    writer = member(do, clock, "ann", Level.WRITE)
    may, refused = do(clusters_for, writer, fleet, Level.WRITE)
    assert (names(may), refused) == (["a", "b"], {})  # and nothing of what they may not see
    reader = member(do, clock, "eve", Level.READ)
    may, refused = do(clusters_for, reader, fleet, Level.WRITE)
    assert names(may) == []
    assert refused["a"] == "eve has read on the cluster a, and this takes write"
    for actor, error in ((writer, ClusterUnknown), (reader, ClusterForbidden)):
        with pytest.raises(error):
            do(add_cluster, actor, fleet, "c" if actor is writer else "a", clock.now())


def test_a_cluster_leaves_its_fleets(do: Do, clock: FixedClock, fleet: Fleet) -> None:
    workload = do(remember_request, SEALER, fleet, REQUEST, None, clock.now())
    do(record_outcomes, workload, {"a": None, "b": "away", "gone": None}, clock.now())
    assert do(remove_cluster, fleet, "a", clock.now()) is True
    assert do(remove_cluster, fleet, "a", clock.now()) is False
    do(unregister, "b")
    assert names(do(clusters_of, fleet)) == ["c"]
    [left] = do(list_workloads, fleet)
    assert left.problems == {}


def test_what_failed_and_what_is_new_is_repeated(do: Do, clock: FixedClock, fleet: Fleet) -> None:
    workload = do(remember_request, SEALER, fleet, REQUEST, None, clock.now())
    assert names(do(to_repeat, fleet, workload)) == ["a", "b", "c"]
    do(record_outcomes, workload, {"a": None, "b": "no connection", "c": None}, clock.now())
    register(do, "d", "acme")
    do(add_cluster, ROOT, fleet, "d", clock.now())
    workload = do(get_workload, fleet, "Deployment", "demo", "default")
    assert workload.problems == {"a": None, "b": "no connection", "c": None}
    assert names(do(to_repeat, fleet, workload)) == ["b", "d"]
    do(record_outcomes, workload, {"b": None, "d": None}, clock.now())
    assert do(to_repeat, fleet, do(get_workload, fleet, "Deployment", "demo", "default")) == ()


def test_a_request_is_remembered_sealed_and_a_newer_one_voids_its_outcomes(
    do: Do, clock: FixedClock, fleet: Fleet
) -> None:
    workload = do(remember_request, SEALER, fleet, REQUEST, None, clock.now())
    assert do(get_request, SEALER, workload) == REQUEST
    sealed = do(lambda tx: tx.execute(select(fleet_workloads.c.sealed_request)).scalar_one())
    assert IMAGE not in sealed
    do(record_outcomes, workload, {"a": None}, clock.now())
    newer = FleetRequest(build(DEMO))
    again = do(remember_request, SEALER, fleet, newer, None, clock.move(days=1))
    assert (again.id, again.problems, again.created_at) == (workload.id, {}, workload.created_at)
    assert do(get_request, SEALER, again) == newer
    do(forget_workload, again)
    with pytest.raises(FleetWorkloadUnknown, match="has no Deployment 'demo' in default"):
        do(get_workload, fleet, "Deployment", "demo", "default")


def test_each_cluster_is_asked_for_its_own() -> None:
    pods = {name: REQUEST.for_cluster(name)[0]["spec"]["replicas"] for name in "ab"}
    assert pods == {"a": 2, "b": 3}


SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (FleetRequest(()), "the first object is the workload"),
        (FleetRequest((SECRET,)), "the first object is the workload"),
        (FleetRequest((*build(DEMO), SECRET)), "a secret does not go with a workload"),
        (FleetRequest((*build(DEMO), {"apiVersion": "x/v1", "kind": "Ingress"})), "does not deploy Ingress"),
        (FleetRequest(build(DEMO), (Difference("x"),)), "not placed there"),
        (FleetRequest(build(DEMO), (Difference("a"), Difference("a"))), "is said once"),
        (FleetRequest(build(of_each_kind()["daemon-set"]), (Difference("a", pods=1),)), "no number of pods"),
    ],
)
def test_what_cannot_be_deployed_is_said(
    do: Do, clock: FixedClock, fleet: Fleet, request_: FleetRequest, said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        do(remember_request, SEALER, fleet, request_, None, clock.now())


def test_an_empty_fleet_is_deployed_to_by_nobody(do: Do, clock: FixedClock) -> None:
    empty = do(create_fleet, "empty", None, "", None, clock.now())
    with pytest.raises(InvalidRequest, match="no cluster yet"):
        do(remember_request, SEALER, empty, FleetRequest(build(DEMO)), None, clock.now())
