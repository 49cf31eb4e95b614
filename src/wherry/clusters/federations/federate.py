"""Deploying to a federation: the workload with its policies, and the secrets that its pods pull with.

A member's own `default-secret` knows nothing of the federation: it is another cluster's, or there is none. So
what a workload names as its pull secrets travels from the federation to the members where its pods may be.
"""

from dataclasses import dataclass

from wherry.clusters.connection import ClusterConnection, Selection, list_all
from wherry.clusters.errors import InvalidRequest, ObjectUnknown
from wherry.clusters.federations.members import Member, Share, binding_of, list_members, shares_of
from wherry.clusters.federations.placement import (
    ROLE,
    TRAVELLING,
    Mode,
    Placement,
    Role,
    along_name,
    federated,
    secret_policy,
)
from wherry.clusters.kinds import (
    OVERRIDE_POLICY,
    PROPAGATION_POLICY,
    RESOURCE_BINDING,
    SECRET,
    Kind,
    Object,
    kind_of,
    name_of,
)
from wherry.clusters.watching.seen import SeenWorkload, see_workload
from wherry.clusters.workloads.build import MANAGED_BY, MANAGER
from wherry.clusters.workloads.change import Deletion, delete
from wherry.clusters.workloads.deploy import Deployed, deploy, preview
from wherry.clusters.workloads.request import Workload


@dataclass(frozen=True, slots=True)
class FederatedWorkload:
    """`members` are where it may be; `secrets` travel with it."""

    namespace: str
    kind: str
    name: str
    members: tuple[str, ...]
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FederatedStatus:
    """The workload as Karmada sums it up, its part in each member, and how its secrets fare there."""

    workload: SeenWorkload
    shares: tuple[Share, ...]
    secrets: dict[str, tuple[Share, ...]]


async def deploy_federated(
    connection: ClusterConnection,
    request: Workload,
    placement: Placement,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> tuple[Deployed, ...]:
    """All of it, or nothing; the secrets travel afterwards.

    Raises `InvalidRequest` for members and secrets that are not there, and `ClusterCallFailed`.
    """
    objects = federated(request, placement)
    await _check_members(connection, placement)
    await _check_secrets(connection, request)
    if dry_run:
        return await preview(connection, objects, force=force)
    done = await deploy(connection, objects, force=force)
    # What an earlier request had, and this one does not.
    made = {(kind_of(one), name_of(one)) for one in objects}
    for kind, name in (
        (OVERRIDE_POLICY, request.name),
        (PROPAGATION_POLICY, along_name(request.name)),
    ):
        if (kind, name) not in made:
            await _take(connection, kind, name, request.namespace)
    await settle_secrets(connection, request.namespace)
    return done


async def delete_federated(connection: ClusterConnection, kind: Kind, name: str, namespace: str) -> Deletion:
    """From the federation and so from all members, with its policies, and the secrets nobody else pulls with.

    Raises `ObjectUnknown`, `ClusterCallFailed`.
    """
    gone = await delete(connection, kind, name, namespace)
    await _take(connection, OVERRIDE_POLICY, name, namespace)
    for policy in (name, along_name(name)):
        await _take(connection, PROPAGATION_POLICY, policy, namespace)
    await settle_secrets(connection, namespace)
    return gone


async def settle_secrets(connection: ClusterConnection, namespace: str) -> None:
    """Every secret that workloads of the namespace pull with is where their pods may be, and nowhere else."""
    wanted: dict[str, set[str]] = {}
    travelling = set()
    for policy in await _our_policies(connection, namespace):
        if _role(policy) is Role.WORKLOAD:
            for secret in _secrets(policy):
                wanted.setdefault(secret, set()).update(_members(policy))
        elif _role(policy) is Role.SECRET:
            travelling.add(str(policy["spec"]["resourceSelectors"][0]["name"]))
    for secret, members in wanted.items():
        await connection.apply(secret_policy(namespace, secret, members), force=True)
    for secret in travelling - wanted.keys():
        policy = secret_policy(namespace, secret, ())
        await _take(connection, PROPAGATION_POLICY, name_of(policy), namespace)
        # Karmada leaves what it has brought when a policy ends; without the binding it takes it back.
        try:
            await connection.delete(RESOURCE_BINDING, binding_of(SECRET, secret), namespace)
        except ObjectUnknown:
            continue


async def list_federated(
    connection: ClusterConnection, namespace: str | None = None
) -> tuple[FederatedWorkload, ...]:
    """Those that Wherry has placed, by namespace, kind and name."""
    found = []
    for policy in await _our_policies(connection, namespace):
        if _role(policy) is Role.WORKLOAD:
            placed = policy["spec"]["resourceSelectors"][0]
            found.append(
                FederatedWorkload(
                    str(policy["metadata"]["namespace"]),
                    str(placed["kind"]),
                    str(placed["name"]),
                    _members(policy),
                    _secrets(policy),
                )
            )
    return tuple(sorted(found, key=lambda one: (one.namespace, one.kind, one.name)))


async def look_federated(
    connection: ClusterConnection, kind: Kind, name: str, namespace: str
) -> FederatedStatus:
    """Raises `ObjectUnknown`, `ClusterCallFailed`."""
    workload = see_workload(await connection.get(kind, name, namespace))
    return FederatedStatus(
        workload,
        await shares_of(connection, kind, name, namespace),
        {secret: await shares_of(connection, SECRET, secret, namespace) for secret in workload.pull_secrets},
    )


async def _check_members(connection: ClusterConnection, placement: Placement) -> None:
    known: dict[str, Member] = {member.name: member for member in await list_members(connection)}
    problems = [
        f"the federation has no member {name}; there are {', '.join(known) or 'none'}"
        for name in placement.members
        if name not in known
    ]
    if placement.mode is Mode.WEIGHT:
        problems += [
            f"the member {name} is not ready ({known[name].problem}), so it has no weight"
            for name, weight in placement.members.items()
            if weight and name in known and not known[name].is_ready
        ]
    if problems:
        raise InvalidRequest(tuple(problems))


async def _check_secrets(connection: ClusterConnection, request: Workload) -> None:
    missing = []
    for secret in request.pod.pull_secrets:
        try:
            await connection.get(SECRET, secret.name, request.namespace)
        except ObjectUnknown:
            missing.append(
                f"the federation has no secret {secret.name} in {request.namespace};"
                " it is made in the federation, and travels from there"
            )
    if missing:
        raise InvalidRequest(tuple(missing))


async def _our_policies(connection: ClusterConnection, namespace: str | None) -> list[Object]:
    ours = Selection(namespace, labels=f"{MANAGED_BY}={MANAGER},{ROLE}")
    found = await list_all(connection, PROPAGATION_POLICY, ours)
    # Karmada keeps those that were deleted until it has cleaned up behind them.
    return [one for one in found if not one["metadata"].get("deletionTimestamp")]


async def _take(connection: ClusterConnection, kind: Kind, name: str, namespace: str) -> None:
    """Where it is ours."""
    try:
        known = await connection.get(kind, name, namespace)
        if ROLE in (known["metadata"].get("labels") or {}):
            await connection.delete(kind, name, namespace, uid=str(known["metadata"]["uid"]))
    except ObjectUnknown:
        return


def _role(policy: Object) -> Role | None:
    try:
        return Role(policy["metadata"]["labels"][ROLE])
    except ValueError:  # somebody has written another word there
        return None


def _members(policy: Object) -> tuple[str, ...]:
    return tuple(policy["spec"]["placement"]["clusterAffinity"].get("clusterNames") or ())


def _secrets(policy: Object) -> tuple[str, ...]:
    text = (policy["metadata"].get("annotations") or {}).get(TRAVELLING) or ""
    return tuple(filter(None, text.split(",")))
