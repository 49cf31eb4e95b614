"""Where the pods of a federated workload go, as Karmada's policies. Pure.

https://karmada.io/docs/userguide/scheduling/propagation-policy
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from wherry.clusters.errors import InvalidRequest
from wherry.clusters.federations.differences import Difference, wrong_difference
from wherry.clusters.kinds import OVERRIDE_POLICY, PROPAGATION_POLICY, Kind, Object, name_of
from wherry.clusters.workloads.build import MANAGED_BY, MANAGER, build
from wherry.clusters.workloads.forms import write
from wherry.clusters.workloads.images import ImageName
from wherry.clusters.workloads.names import wrong_label
from wherry.clusters.workloads.pods import Container
from wherry.clusters.workloads.request import Workload, WorkloadKind

MAX_MEMBERS = 20
# Failing members are marked by these; without the tolerations their pods would be moved at once.
NOT_READY, UNREACHABLE = "cluster.karmada.io/not-ready", "cluster.karmada.io/unreachable"


# On our policies: what each is for, and on a workload's the secrets that it pulls with.
ROLE, TRAVELLING = "wherry.dev/policy", "wherry.dev/pull-secrets"


class Role(StrEnum):
    """What a policy of ours places."""

    WORKLOAD = "workload"
    SERVICES = "services"
    SECRET = "secret"  # noqa: S105 (a word, no secret)


class Mode(StrEnum):
    """By weight, by what is free, or everywhere in full."""

    WEIGHT = "Weight"
    AUTO = "Auto balancing"
    REPLICATION = "Replication"


@dataclass(frozen=True, slots=True)
class Placement:
    """`members` with their weights; the weights count in the mode Weight only, 0 is not scheduled there."""

    members: Mapping[str, int]
    mode: Mode = Mode.WEIGHT
    differences: tuple[Difference, ...] = ()


def check_placement(request: Workload, placement: Placement) -> None:
    """Raises `InvalidRequest` with a sentence for each problem."""
    problems = [problem for member in placement.members if (problem := wrong_label("member", member))]
    if not 1 <= len(placement.members) <= MAX_MEMBERS:
        problems.append(f"a workload is placed in 1 to {MAX_MEMBERS} members")
    if request.kind.has_replicas == (placement.mode is Mode.REPLICATION):
        those = "Weight or Auto balancing" if request.kind.has_replicas else "Replication"
        problems.append(f"a {request.kind} is placed by {those}")
    if any(not 0 <= weight <= 100 for weight in placement.members.values()):
        problems.append("a weight is from 0 to 100")
    if placement.mode is Mode.WEIGHT and not any(placement.members.values()):
        problems.append("at least one member has a weight above 0")
    names = {container.name for container in request.containers}
    for difference in placement.differences:
        problems += wrong_difference(difference, placement.members, names)
        if difference.pods is not None:
            problems.append("the pods of a federation are divided by its placement; give weights instead")
    if problems:
        raise InvalidRequest(tuple(problems))


def share_out(pods: int, weights: Mapping[str, int]) -> dict[str, int]:
    """How many pods each member gets: whole parts first, then the rest one by one by weight."""
    total = sum(weights.values())
    if total == 0:
        return dict.fromkeys(weights, 0)
    shares = {name: pods * weight // total for name, weight in weights.items()}
    heaviest = sorted((name for name, weight in weights.items() if weight), key=lambda name: -weights[name])
    for place in range(pods - sum(shares.values())):
        shares[heaviest[place % len(heaviest)]] += 1
    return shares


def federated(request: Workload, placement: Placement) -> tuple[Object, ...]:
    """What differs, what places, then the workload and its services; `secret_policy` has its secrets travel.

    Policies come first: what is there before its policies would be somewhere in the wrong form for a moment.

    Raises `InvalidRequest`.
    """
    check_placement(request, placement)
    objects = build(request)
    placed = [_selector(made) for made in objects]
    policies = [_propagation(request, placement, placed[:1]), *_along(request, placement, placed[1:])]
    if placement.differences:
        policies.insert(0, _overrides(request, placement, placed[:1]))
    return (*policies, *objects)


def along_name(workload: str) -> str:
    """Of the policy that brings a workload's services to its members."""
    return f"{workload}-along"


def secret_policy(namespace: str, secret: str, members: Iterable[str]) -> Object:
    """A pull secret goes to all members where something pulls with it.

    It has one policy of its own, however many workloads use it: Karmada lets one policy claim an object, the
    first. A member that has a secret of that name already keeps it.
    """
    short = hashlib.sha256(secret.encode()).hexdigest()[:12]
    name = f"pull-secret-{secret}" if len(secret) <= 50 and "." not in secret else f"pull-secret-{short}"
    selector = {"apiVersion": "v1", "kind": "Secret", "name": secret, "namespace": namespace}
    spec = {"resourceSelectors": [selector], "placement": _everywhere(sorted(members))}
    return _policy(PROPAGATION_POLICY, namespace, name, Role.SECRET, spec)


def _propagation(request: Workload, placement: Placement, placed: list[Object]) -> Object:
    members = [
        name for name, weight in placement.members.items() if placement.mode is not Mode.WEIGHT or weight
    ]
    where = _everywhere(members) | {"replicaScheduling": _scheduling(placement)}
    spec = {"resourceSelectors": placed, "placement": where}
    made = _policy(PROPAGATION_POLICY, request.namespace, request.name, Role.WORKLOAD, spec)
    secrets = [secret.name for secret in request.pod.pull_secrets]
    if secrets:
        made["metadata"]["annotations"] = {TRAVELLING: ",".join(secrets)}
    return made


def _along(request: Workload, placement: Placement, placed: list[Object]) -> list[Object]:
    """Services are needed wherever a pod may be, and are never divided."""
    if not placed:
        return []
    spec = {"resourceSelectors": placed, "placement": _everywhere(list(placement.members))}
    return [_policy(PROPAGATION_POLICY, request.namespace, along_name(request.name), Role.SERVICES, spec)]


def _everywhere(members: list[str]) -> Object:
    return {
        "clusterAffinity": {"clusterNames": members},
        "clusterTolerations": [{"key": key, "operator": "Exists"} for key in (NOT_READY, UNREACHABLE)],
    }


def _scheduling(placement: Placement) -> Object:
    if placement.mode is Mode.REPLICATION:
        return {"replicaSchedulingType": "Duplicated"}
    preference: Object = {"dynamicWeight": "AvailableReplicas"}
    if placement.mode is Mode.WEIGHT:
        preference = {
            "staticWeightList": [
                {"targetCluster": {"clusterNames": [name]}, "weight": weight}
                for name, weight in placement.members.items()
                if weight
            ]
        }
    return {
        "replicaSchedulingType": "Divided",
        "replicaDivisionPreference": "Weighted",
        "weightPreference": preference,
    }


def _overrides(request: Workload, placement: Placement, placed: list[Object]) -> Object:
    rules = []
    for difference in placement.differences:
        overriders: list[Object] = []
        parts = {"initContainers": request.pod.init_containers, "containers": request.pod.containers}
        for part, containers in parts.items():
            for index, container in enumerate(containers):
                where = f"{_pod_path(request.kind)}/{part}/{index}"
                overriders += _of_container(container, where, difference)
        if overriders:
            rules.append(
                {
                    "targetCluster": {"clusterNames": [difference.member]},
                    "overriders": {"plaintext": overriders},
                }
            )
    spec = {"resourceSelectors": placed, "overrideRules": rules}
    return _policy(OVERRIDE_POLICY, request.namespace, request.name, Role.WORKLOAD, spec)


def _of_container(container: Container, where: str, difference: Difference) -> list[Object]:
    made: list[Object] = []
    name = container.name
    if name in difference.images:
        image = str(ImageName.parse(difference.images[name]))
        made.append({"path": f"{where}/image", "operator": "replace", "value": image})
    if name in difference.requests:
        made.append(
            {
                "path": f"{where}/resources/requests",
                "operator": "replace",
                "value": dict(difference.requests[name]),
            }
        )
    if name in difference.variables:
        # The list as a whole: those that are as everywhere, then those that are not.
        others = difference.variables[name]
        variables = [write(one) for one in container.variables if one.name not in others]
        variables += [{"name": key, "value": value} for key, value in others.items()]
        made.append({"path": f"{where}/env", "operator": "add", "value": variables})
    return made


def _pod_path(kind: WorkloadKind) -> str:
    if kind is WorkloadKind.CRON_JOB:
        return "/spec/jobTemplate/spec/template/spec"
    return "/spec/template/spec"


def _policy(kind: Kind, namespace: str, name: str, role: Role, spec: Object) -> Object:
    labels = {MANAGED_BY: MANAGER, ROLE: role.value}
    return {
        "apiVersion": kind.version,
        "kind": kind.name,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": spec,
    }


def _selector(made: Object) -> Object:
    return {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "name": name_of(made),
        "namespace": made["metadata"]["namespace"],
    }
