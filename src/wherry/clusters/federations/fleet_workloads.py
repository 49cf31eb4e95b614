"""What was deployed to a fleet, kept with its outcome in each cluster, so that a part can be repeated."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from wherry.clusters.cluster import Cluster
from wherry.clusters.errors import FleetWorkloadUnknown, InvalidRequest
from wherry.clusters.federations.differences import (
    Difference,
    containers_of,
    differing,
    has_replicas,
    wrong_difference,
)
from wherry.clusters.federations.fleets import Fleet, clusters_of
from wherry.clusters.federations.tables import fleet_outcomes, fleet_workloads
from wherry.clusters.kinds import KINDS, SECRET, WORKLOADS, Kind, Object, kind_of, name_of, namespace_of
from wherry.clusters.tables import clusters
from wherry.db.upserts import put_row
from wherry.identity.tables import users
from wherry.kit.secrets import Sealer

_KINDS = {str(kind): kind for kind in WORKLOADS}


@dataclass(frozen=True, slots=True)
class FleetRequest:
    """`objects` are the workload, then what goes with it, as built or as YAML said."""

    objects: tuple[Object, ...]
    differences: tuple[Difference, ...] = ()

    def for_cluster(self, cluster: str) -> tuple[Object, ...]:
        """The objects as they are to be there."""
        mine = [one for one in self.differences if one.member == cluster]
        return differing(self.objects, mine[0] if mine else None)


@dataclass(frozen=True, slots=True)
class FleetWorkload:
    """One request that is remembered. `problems` by cluster: None is applied, not in it is not tried."""

    id: int
    namespace: str
    kind: Kind
    name: str
    created_by: str | None
    created_at: datetime
    changed_at: datetime
    problems: Mapping[str, str | None]


def check_request(request: FleetRequest, members: set[str]) -> None:
    """`members` are the names of the fleet's clusters. Raises `InvalidRequest` with all problems."""
    problems: list[str] = []
    if not members:
        problems.append("the fleet has no cluster yet")
    first = request.objects[0] if request.objects else {}
    if first.get("kind") not in _KINDS:
        problems.append(
            "the first object is the workload: a Deployment, StatefulSet, DaemonSet, Job or CronJob"
        )
    for made in request.objects:
        if (made.get("apiVersion"), made.get("kind")) not in KINDS:
            problems.append(f"Wherry does not deploy {str(made.get('kind'))[:63]} objects")
        elif kind_of(made) is SECRET:
            problems.append("a secret does not go with a workload; make a pull secret in each cluster")
    names = {str(container.get("name")) for container in containers_of(first)}
    for difference in request.differences:
        problems += wrong_difference(difference, members, names)
        if difference.pods is not None and not has_replicas(first):
            problems.append(f"a {first.get('kind')} has no number of pods that could differ")
    if len({one.member for one in request.differences}) < len(request.differences):
        problems.append("what differs in a cluster is said once")
    if problems:
        raise InvalidRequest(tuple(problems))


def remember_request(
    tx: Connection, sealer: Sealer, fleet: Fleet, request: FleetRequest, by: int | None, now: datetime
) -> FleetWorkload:
    """Before the clusters are asked. All outcomes of an earlier request for the same workload are void.

    Raises `InvalidRequest`.
    """
    check_request(request, {cluster.name for cluster in clusters_of(tx, fleet)})
    first = request.objects[0]
    place = {
        "fleet_id": fleet.id,
        "namespace": namespace_of(first) or "default",
        "kind": first["kind"],
        "name": name_of(first),
    }
    content = json.dumps(
        {"objects": request.objects, "differences": [asdict(one) for one in request.differences]}
    )
    row = {"sealed_request": sealer.seal(content.encode()), "changed_at": now}
    here = [getattr(fleet_workloads.c, key) == value for key, value in place.items()]
    if tx.execute(update(fleet_workloads).where(*here).values(row)).rowcount == 0:
        tx.execute(insert(fleet_workloads).values(**place, **row, created_by=by, created_at=now))
    number = tx.execute(select(fleet_workloads.c.id).where(*here)).scalar_one()
    tx.execute(delete(fleet_outcomes).where(fleet_outcomes.c.workload_id == number))
    return get_workload(tx, fleet, place["kind"], place["name"], place["namespace"])


def record_outcomes(
    tx: Connection, workload: FleetWorkload, problems: Mapping[str, str | None], now: datetime
) -> None:
    """What came of it, by cluster. A cluster that has left the register meanwhile is left out."""
    known = {
        row[1]: row[0]
        for row in tx.execute(select(clusters.c.id, clusters.c.name).where(clusters.c.name.in_(problems)))
    }
    for name, problem in problems.items():
        if name in known:
            row = {
                "workload_id": workload.id,
                "cluster_id": known[name],
                "problem": problem,
                "tried_at": now,
            }
            put_row(tx, fleet_outcomes, row)


def get_request(tx: Connection, sealer: Sealer, workload: FleetWorkload) -> FleetRequest:
    """What was asked for last. Raises `UnreadableSecret`."""
    sealed = tx.execute(
        select(fleet_workloads.c.sealed_request).where(fleet_workloads.c.id == workload.id)
    ).scalar_one()
    read = json.loads(sealer.open(sealed))
    return FleetRequest(tuple(read["objects"]), tuple(Difference(**one) for one in read["differences"]))


def to_repeat(tx: Connection, fleet: Fleet, workload: FleetWorkload) -> tuple[Cluster, ...]:
    """Clusters of the fleet where it failed, or was never tried: those that were added since, for one."""
    return tuple(
        cluster
        for cluster in clusters_of(tx, fleet)
        if workload.problems.get(cluster.name, "not tried") is not None
    )


def list_workloads(tx: Connection, fleet: Fleet) -> tuple[FleetWorkload, ...]:
    """By namespace, kind and name."""
    rows = tx.execute(
        select(
            fleet_workloads.c.id,
            fleet_workloads.c.namespace,
            fleet_workloads.c.kind,
            fleet_workloads.c.name,
            users.c.name,
            fleet_workloads.c.created_at,
            fleet_workloads.c.changed_at,
        )
        .outerjoin(users, users.c.id == fleet_workloads.c.created_by)
        .where(fleet_workloads.c.fleet_id == fleet.id)
        .order_by(fleet_workloads.c.namespace, fleet_workloads.c.kind, fleet_workloads.c.name)
    ).all()
    problems: dict[int, dict[str, str | None]] = {}
    outcomes = (
        select(fleet_outcomes.c.workload_id, clusters.c.name, fleet_outcomes.c.problem)
        .join(clusters, clusters.c.id == fleet_outcomes.c.cluster_id)
        .where(fleet_outcomes.c.workload_id.in_([row[0] for row in rows]))
        .order_by(clusters.c.name)
    )
    for number, cluster, problem in tx.execute(outcomes):
        problems.setdefault(number, {})[cluster] = problem
    return tuple(
        FleetWorkload(
            row[0], row[1], _KINDS[row[2]], row[3], row[4], row[5], row[6], problems.get(row[0], {})
        )
        for row in rows
    )


def get_workload(tx: Connection, fleet: Fleet, kind: str, name: str, namespace: str) -> FleetWorkload:
    """Raises `FleetWorkloadUnknown`."""
    for one in list_workloads(tx, fleet):
        if (str(one.kind), one.name, one.namespace) == (kind, name, namespace):
            return one
    raise FleetWorkloadUnknown(fleet.name, kind, name, namespace)


def forget_workload(tx: Connection, workload: FleetWorkload) -> None:
    """It is gone from the clusters."""
    tx.execute(delete(fleet_workloads).where(fleet_workloads.c.id == workload.id))
