"""What can be wrong with clusters and what is deployed to them.

ClusterError
├── KubeconfigRefused       it cannot be used as it is; the text says why, and what to do
├── AddressRefused          the server is at an address that Wherry does not connect to
├── InvalidCluster          a name or description that cannot be
├── ClusterExists
├── ClusterUnknown
├── ClusterForbidden        the actor lacks the right on the cluster
├── PullSecretUnknown       none of that name was made by Wherry there
├── FleetExists
├── FleetUnknown
├── FleetWorkloadUnknown    the fleet remembers no such workload
├── FleetForbidden          the actor lacks the right on the fleet
├── JoinRefused             a token to join by is unknown, used or too old; or an agent's credential ended
├── InvalidRequest          what is asked for cannot be sent to a cluster; one sentence for each problem
└── ClusterCallFailed       the cluster did not do what was asked
    ├── ClusterUnreachable  no connection, or no answer in time
    ├── ClusterLoginFailed  the credentials in the kubeconfig are not accepted (401)
    ├── ClusterRefused      the cluster's own rules forbid it: RBAC, a quota, a webhook, a rule on values
    ├── ObjectUnknown       there is no such object, namespace or kind of object
    ├── ObjectExists        there is one of that name, which is somebody else's
    ├── ApplyConflict       another field manager owns what would change
    └── WatchExpired        the cluster no longer knows the version that the watch goes on from
"""

from dataclasses import dataclass


class ClusterError(Exception):
    """Base of this domain's errors; the text is fit for a person."""


class KubeconfigRefused(ClusterError):
    """`context` is None where the whole file is refused."""

    def __init__(self, reason: str, context: str | None = None) -> None:
        self.reason = reason
        self.context = context
        super().__init__(reason if context is None else f"context {context[:80]!r}: {reason}")


class AddressRefused(ClusterError):
    def __init__(self, host: str, address: str, reason: str) -> None:
        self.host = host
        self.address = address
        self.reason = reason
        named = address if host == address else f"{host[:200]} ({address})"
        super().__init__(
            f"Wherry does not connect to {named}: {reason};"
            " an administrator may allow it with the setting clusters.allowed_networks"
        )


class InvalidCluster(ClusterError):
    """The text says what is wrong."""


class ClusterExists(ClusterError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is a cluster {name!r} already")


class ClusterUnknown(ClusterError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is no cluster {name[:80]!r}")


class ClusterForbidden(ClusterError):
    """The text names who, what they have and what it takes."""


class PullSecretUnknown(ClusterError):
    def __init__(self, cluster: str, namespace: str, name: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.name = name
        super().__init__(f"Wherry made no pull secret {name[:80]!r} in {namespace[:80]} of {cluster}")


class FleetExists(ClusterError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is a fleet {name!r} already")


class FleetUnknown(ClusterError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is no fleet {name[:80]!r}")


class FleetWorkloadUnknown(ClusterError):
    def __init__(self, fleet: str, kind: str, name: str, namespace: str) -> None:
        self.fleet = fleet
        super().__init__(f"the fleet {fleet} has no {kind} {name[:80]!r} in {namespace[:80]}")


class FleetForbidden(ClusterError):
    """The text names who, what they have and what it takes."""


class JoinRefused(ClusterError):
    """Does not tell why."""

    def __init__(self) -> None:
        super().__init__("there is no such invitation to join, or it was used, or its time is over")


class InvalidRequest(ClusterError):
    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class ClusterCallFailed(ClusterError):
    """`cluster` is the name that people know; the text carries the cluster's own words."""

    def __init__(self, cluster: str, text: str) -> None:
        self.cluster = cluster
        super().__init__(f"cluster {cluster}: {text}")


class ClusterUnreachable(ClusterCallFailed):
    """The same call may succeed later. `part` is what failed: dns, tcp, tls, http or tunnel."""

    def __init__(self, cluster: str, part: str, text: str) -> None:
        self.part = part
        super().__init__(cluster, text)


class ClusterLoginFailed(ClusterCallFailed):
    """A new kubeconfig is needed."""


class ClusterRefused(ClusterCallFailed):
    """`reason` is Kubernetes' word for it, such as `Forbidden` or `Invalid`; `causes` by field."""

    def __init__(self, cluster: str, reason: str, text: str, causes: tuple[str, ...] = ()) -> None:
        self.reason = reason
        self.causes = causes
        super().__init__(cluster, text)


class ObjectUnknown(ClusterCallFailed):
    """It may be the object, its namespace, or the whole kind that the cluster does not have."""


class ObjectExists(ClusterCallFailed):
    """Nothing was changed."""


@dataclass(frozen=True, slots=True)
class FieldOwner:
    """`field` as Kubernetes writes it (`.spec.replicas`); `owner` is the other field manager."""

    field: str
    owner: str


class ApplyConflict(ClusterCallFailed):
    """Nothing was changed; applying with `force` takes the fields over."""

    def __init__(self, cluster: str, owners: tuple[FieldOwner, ...]) -> None:
        self.owners = owners
        said = ", ".join(f"{owner.field} belongs to {owner.owner}" for owner in owners)
        super().__init__(cluster, f"somebody else manages a part of this: {said}")


class WatchExpired(ClusterCallFailed):
    """List again and watch from there."""
