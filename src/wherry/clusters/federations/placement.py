"""Where the pods of a federated workload go, as Karmada's policies. Pure.

https://karmada.io/docs/userguide/scheduling/propagation-policy
"""

from collections.abc import Mapping, Sequence
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


def federated(request: Workload, placement: Placement, secrets: Sequence[str] = ()) -> tuple[Object, ...]:
    """What differs, what places, then the workload and its services; `secrets` travel along.

    Policies come first: what is there before its policies would be somewhere in the wrong form for a moment.

    Raises `InvalidRequest`.
    """
    check_placement(request, placement)
    objects = build(request)
    placed = [_selector(made) for made in objects]
    placed += [
        {"apiVersion": "v1", "kind": "Secret", "name": name, "namespace": request.namespace}
        for name in secrets
    ]
    policies = [_propagation(request, placement, placed[:1]), *_along(request, placement, placed[1:])]
    if placement.differences:
        policies.insert(0, _overrides(request, placement, placed[:1]))
    return (*policies, *objects)


def _propagation(request: Workload, placement: Placement, placed: list[Object]) -> Object:
    members = [
        name for name, weight in placement.members.items() if placement.mode is not Mode.WEIGHT or weight
    ]
    spec = {
        "resourceSelectors": placed,
        "placement": {
            "clusterAffinity": {"clusterNames": members},
            "clusterTolerations": [{"key": key, "operator": "Exists"} for key in (NOT_READY, UNREACHABLE)],
            "replicaScheduling": _scheduling(placement),
        },
    }
    return _policy(PROPAGATION_POLICY, request, request.name, spec)


def _along(request: Workload, placement: Placement, placed: list[Object]) -> list[Object]:
    """Services and secrets are needed wherever a pod may be, and are never divided."""
    if not placed:
        return []
    spec = {
        "resourceSelectors": placed,
        "placement": {
            "clusterAffinity": {"clusterNames": list(placement.members)},
            "clusterTolerations": [{"key": key, "operator": "Exists"} for key in (NOT_READY, UNREACHABLE)],
        },
    }
    return [_policy(PROPAGATION_POLICY, request, f"{request.name}-along", spec)]


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
    return _policy(
        OVERRIDE_POLICY, request, request.name, {"resourceSelectors": placed, "overrideRules": rules}
    )


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


def _policy(kind: Kind, request: Workload, name: str, spec: Object) -> Object:
    return {
        "apiVersion": kind.version,
        "kind": kind.name,
        "metadata": {"name": name, "namespace": request.namespace, "labels": {MANAGED_BY: MANAGER}},
        "spec": spec,
    }


def _selector(made: Object) -> Object:
    return {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "name": name_of(made),
        "namespace": made["metadata"]["namespace"],
    }
