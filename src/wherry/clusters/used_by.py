"""Which image runs where: kept in the database, so that it is known of clusters that do not answer as well.

`in_use` is what retention and garbage collection ask, so that what runs is never removed.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from wherry.clusters.cluster import Cluster, State
from wherry.clusters.tables import cluster_states, clusters, running_images
from wherry.clusters.watching.seen import SeenPod
from wherry.clusters.workloads.images import ImageName
from wherry.db.upserts import put_row
from wherry.oci.errors import InvalidValue
from wherry.oci.names import RepositoryName

# Databases take so many values in one statement.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Running:
    """So many pods of a workload run this; `digest` empty where no node has said it yet."""

    namespace: str
    kind: str
    workload: str
    image: str
    digest: str
    repository: str
    tag: str | None
    pods: int


@dataclass(frozen=True, slots=True)
class Use:
    """Where an image is used; `seen_at` is when that was last known to be so."""

    cluster: str
    running: Running
    seen_at: datetime


def running_images_of(pods: Iterable[SeenPod], hosts: Collection[str]) -> tuple[Running, ...]:
    """Pure. Images of the registry that is known by these names; ended pods count for nothing."""
    counts: dict[tuple[str, str, str, str, str], int] = {}
    names: dict[str, ImageName] = {}
    for pod in pods:
        if pod.phase in ("Succeeded", "Failed"):
            continue
        kind, workload = pod.owner or ("Pod", pod.name)
        for container in pod.containers:
            name = names.get(container.image) or _ours(container.image, hosts)
            if name is None:
                continue
            names[container.image] = name
            digest = container.digest or (str(name.digest) if name.digest else "")
            key = (pod.namespace, kind, workload, container.image, digest)
            counts[key] = counts.get(key, 0) + 1
    return tuple(
        Running(*key, names[key[3]].repository.text, _tag(names[key[3]]), count)
        for key, count in sorted(counts.items())
    )


def record_running(tx: Connection, cluster: Cluster, running: Collection[Running], now: datetime) -> bool:
    """What runs there now, in place of what did before; False where nothing is different."""
    known = {
        Running(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7])
        for row in tx.execute(_RUNNING.where(running_images.c.cluster_id == cluster.id))
    }
    wanted = set(running)
    if known == wanted:
        return False
    tx.execute(delete(running_images).where(running_images.c.cluster_id == cluster.id))
    rows = [
        {
            "cluster_id": cluster.id,
            "namespace": one.namespace,
            "kind": one.kind,
            "workload": one.workload,
            "image": one.image,
            "digest": one.digest,
            "repository": one.repository,
            "tag": one.tag,
            "pods": one.pods,
            "seen_at": now,
        }
        for one in sorted(
            wanted, key=lambda one: (one.namespace, one.kind, one.workload, one.image, one.digest)
        )
    ]
    if rows:
        tx.execute(insert(running_images), rows)
    return True


def record_state(tx: Connection, cluster: Cluster, state: State) -> None:
    """What was last seen of the cluster."""
    row = {
        "cluster_id": cluster.id,
        "version": state.version,
        "nodes": state.nodes,
        "nodes_ready": state.nodes_ready,
        "architectures": ",".join(state.architectures),
        "latency": state.latency,
        "problem": state.problem,
        "seen_at": state.seen_at,
        "stale_since": state.stale_since,
    }
    put_row(tx, cluster_states, row)


def in_use(tx: Connection, digests: Collection[str]) -> frozenset[str]:
    """Those of `digests` that run somewhere, by what was last seen of every cluster."""
    wanted = sorted(set(digests))
    found: set[str] = set()
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        query = select(running_images.c.digest).where(running_images.c.digest.in_(some)).distinct()
        found.update(tx.execute(query).scalars())
    return frozenset(found)


def used_by(
    tx: Connection, repository: RepositoryName, *, visible: Collection[str] | None = None
) -> Mapping[str, tuple[Use, ...]]:
    """By digest; with `visible` in the clusters of these names only."""
    query = (
        _RUNNING.add_columns(clusters.c.name, running_images.c.seen_at)
        .join(clusters, clusters.c.id == running_images.c.cluster_id)
        .where(running_images.c.repository == repository.text)
        .order_by(
            clusters.c.name, running_images.c.namespace, running_images.c.kind, running_images.c.workload
        )
    )
    if visible is not None:
        query = query.where(clusters.c.name.in_(visible))
    found: dict[str, list[Use]] = {}
    for row in tx.execute(query):
        running = Running(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7])
        found.setdefault(running.digest, []).append(Use(row[8], running, row[9]))
    return {digest: tuple(uses) for digest, uses in found.items()}


def _ours(image: str, hosts: Collection[str]) -> ImageName | None:
    try:
        name = ImageName.parse(image)
    except InvalidValue:
        return None
    return name if name.host in hosts else None


def _tag(name: ImageName) -> str | None:
    return None if name.tag is None else name.tag.text


_RUNNING = select(
    running_images.c.namespace,
    running_images.c.kind,
    running_images.c.workload,
    running_images.c.image,
    running_images.c.digest,
    running_images.c.repository,
    running_images.c.tag,
    running_images.c.pods,
)
