"""The pull secrets of a cluster at a glance: whose key, until when, used by whom, and is each as made?

By what a watch has seen, or by asking. Values are not in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection, Selection, list_all
from wherry.clusters.errors import ClusterRefused
from wherry.clusters.kinds import POD, SECRET, SERVICE_ACCOUNT, WORKLOADS
from wherry.clusters.pull_secrets.create import PullSecret, Sync, list_secrets
from wherry.clusters.pull_secrets.keys import current_source
from wherry.clusters.pull_secrets.logins import may_rotate
from wherry.clusters.pull_secrets.seen import WHICH, SeenSecret, fingerprint, see_secret
from wherry.clusters.tables import pull_secrets
from wherry.clusters.watching.cluster_watch import ClusterWatch
from wherry.clusters.watching.seen import (
    SeenAccount,
    SeenPod,
    SeenWorkload,
    see_account,
    see_pod,
    see_workload,
)
from wherry.kit.secrets import Sealer

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class User:
    """Who pulls with a secret: a workload, a pod of nobody's, or a service account."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Look:
    """What the cluster has, by namespace and name. With `stale_since` it had it until then."""

    secrets: Mapping[Place, SeenSecret]
    users: Mapping[Place, tuple[User, ...]]
    stale_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What Wherry remembers: own secrets with the fingerprint of each, and the default ones' newest keys."""

    secrets: tuple[tuple[PullSecret, str], ...]
    default_source: str | None


@dataclass(frozen=True, slots=True)
class SurveyedSecret:
    """`made` None: Wherry does not know it as an own one. `seen` None: the cluster does not have it."""

    namespace: str
    name: str
    sync: Sync
    used_by: tuple[User, ...]
    seen: SeenSecret | None
    made: PullSecret | None

    @property
    def role(self) -> str:
        """`default`, `own`, or `foreign`."""
        if self.made is not None:
            return "own"
        return (self.seen.role if self.seen is not None else None) or "foreign"

    @property
    def registries(self) -> tuple[str, ...]:
        return (self.made.registry,) if self.made is not None else (self.seen.registries if self.seen else ())

    @property
    def source(self) -> str | None:
        """Whose key it holds; None for one that Wherry did not make."""
        if self.made is not None:
            return self.made.source
        return self.seen.source if self.seen is not None and self.seen.role is not None else None

    @property
    def expires_at(self) -> datetime | None:
        if self.made is not None:
            return self.made.expires_at
        return self.seen.expires_at if self.seen is not None else None

    @property
    def may_rotate(self) -> bool:
        """Whether Wherry may give it a new key by itself."""
        return self.role == "default" or (self.made is not None and may_rotate(self.made.source))


def what_was_made(tx: Connection, sealer: Sealer, cluster: Cluster, namespace: str | None = None) -> Known:
    """What a survey compares with. Raises `UnreadableSecret`."""
    sealed = {
        row[0]: row[1]
        for row in tx.execute(
            select(pull_secrets.c.id, pull_secrets.c.sealed_content).where(
                pull_secrets.c.cluster_id == cluster.id
            )
        )
    }
    own = list_secrets(tx, cluster, namespace)
    return Known(
        tuple((one, fingerprint(sealer.open(sealed[one.id]).decode())) for one in own),
        current_source(tx, cluster),
    )


def look_by_watch(watch: ClusterWatch) -> Look:
    """What was seen last, without a call."""
    workloads = [one for mirror in watch.workloads.values() for one in mirror.items.values()]
    secrets = watch.pull_secrets
    return Look(
        dict(secrets.items),
        _users(workloads, watch.pods.items.values(), watch.accounts.items.values()),
        secrets.stale_since,
    )


async def look_at(connection: ClusterConnection, namespace: str | None = None) -> Look:
    """What the cluster says now. Raises `ClusterCallFailed`."""
    secrets = await list_all(connection, SECRET, Selection(namespace, fields=WHICH.fields))
    which = Selection(namespace)
    workloads = []
    for kind in WORKLOADS:
        try:
            workloads += [see_workload(one) for one in await list_all(connection, kind, which)]
        except ClusterRefused:
            continue  # what the login may not see is used by nobody that we know
    pods = [see_pod(one) for one in await list_all(connection, POD, which)]
    accounts = [see_account(one) for one in await list_all(connection, SERVICE_ACCOUNT, which)]
    seen = [see_secret(one) for one in secrets]
    return Look({(one.namespace, one.name): one for one in seen}, _users(workloads, pods, accounts))


def survey(known: Known, look: Look, namespace: str | None = None) -> tuple[SurveyedSecret, ...]:
    """Pure. All that were made and all that are there, by namespace and name."""
    made = {(one.namespace, one.name): (one, content) for one, content in known.secrets}
    places = sorted(place for place in {*made, *look.secrets} if namespace is None or place[0] == namespace)
    return tuple(_surveyed(place, made.get(place), look, known.default_source) for place in places)


def _surveyed(
    place: Place, made: tuple[PullSecret, str] | None, look: Look, default_source: str | None
) -> SurveyedSecret:
    seen = look.secrets.get(place)
    return SurveyedSecret(
        place[0],
        place[1],
        _sync(made, seen, default_source),
        look.users.get(place, ()),
        seen,
        None if made is None else made[0],
    )


def _sync(made: tuple[PullSecret, str] | None, seen: SeenSecret | None, default_source: str | None) -> Sync:
    if seen is None:
        return Sync.MISSING
    if seen.role is None:
        return Sync.FOREIGN
    if made is not None:
        return Sync.IN_SYNC if seen.fingerprint == made[1] else Sync.DRIFTED
    if seen.role == "default":
        return Sync.IN_SYNC if seen.source == default_source else Sync.DRIFTED
    return Sync.UNKNOWN


def _users(
    workloads: Iterable[SeenWorkload], pods: Iterable[SeenPod], accounts: Iterable[SeenAccount]
) -> dict[Place, tuple[User, ...]]:
    found: dict[Place, set[User]] = {}
    for workload in workloads:
        if workload.owner is None:
            _note(found, workload.namespace, workload.pull_secrets, User(workload.kind, workload.name))
    for pod in pods:
        # A pod whose service account names the secret got it from there: the workload does not say so itself.
        _note(found, pod.namespace, pod.pull_secrets, User(*(pod.owner or ("Pod", pod.name))))
    for account in accounts:
        _note(found, account.namespace, account.pull_secrets, User("ServiceAccount", account.name))
    return {
        place: tuple(sorted(users, key=lambda user: (user.kind, user.name))) for place, users in found.items()
    }


def _note(found: dict[Place, set[User]], namespace: str, secrets: Iterable[str], user: User) -> None:
    for secret in secrets:
        found.setdefault((namespace, secret), set()).add(user)
