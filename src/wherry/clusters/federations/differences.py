"""What of a workload is other in one cluster than in others: images, variables, requests, pods. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from wherry.clusters.kinds import CRON_JOB, DEPLOYMENT, STATEFUL_SET, Object
from wherry.clusters.workloads.images import ImageName, wrong_image
from wherry.clusters.workloads.names import wrong_amount


@dataclass(frozen=True, slots=True)
class Difference:
    """What is other in one member: image, variables and resources of containers by name, and the pods.

    A federation divides the pods by its placement, so that `pods` is for fleets only.
    """

    member: str
    images: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    requests: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pods: int | None = None


def wrong_difference(difference: Difference, members: Iterable[str], containers: set[str]) -> list[str]:
    """A sentence for each problem."""
    problems = []
    where = difference.member[:63]
    if difference.member not in members:
        problems.append(f"what differs in {where!r}: the workload is not placed there")
    for name in sorted({*difference.images, *difference.variables, *difference.requests} - containers):
        problems.append(f"what differs in {where}: there is no container {name[:63]!r}")
    for image in difference.images.values():
        problems += [problem for problem in [wrong_image(image)] if problem]
    for amounts in difference.requests.values():
        problems += [
            problem for key, amount in amounts.items() if (problem := wrong_amount(f"{key} request", amount))
        ]
    if difference.pods is not None and difference.pods < 0:
        problems.append(f"what differs in {where}: the number of pods is not negative")
    return problems


def differing(objects: Sequence[Object], difference: Difference | None) -> tuple[Object, ...]:
    """The objects as they are for the cluster of the difference: the first is the workload, the rest stay."""
    if difference is None:
        return tuple(objects)
    workload = deepcopy(objects[0])
    if difference.pods is not None:
        workload["spec"]["replicas"] = difference.pods
    for container in containers_of(workload):
        _differ(container, difference)
    return (workload, *objects[1:])


def has_replicas(workload: Object) -> bool:
    """Whether the number of its pods is in its spec."""
    return workload.get("kind") in (str(DEPLOYMENT), str(STATEFUL_SET)) and bool(_inner(workload, "spec"))


def containers_of(workload: Object) -> list[dict[str, Any]]:
    """Of the pods that a workload makes, init containers too; none where it is not in the form of one."""
    spec = _inner(workload, "spec")
    if workload.get("kind") == str(CRON_JOB):
        spec = _inner(_inner(spec, "jobTemplate"), "spec")
    pod = _inner(_inner(spec, "template"), "spec")
    listed = [pod.get(part) for part in ("initContainers", "containers")]
    return [one for part in listed if isinstance(part, list) for one in part if isinstance(one, dict)]


def _inner(made: Object, part: str) -> Object:
    """What came as YAML may have anything there."""
    found = made.get(part)
    return found if isinstance(found, dict) else {}


def _differ(container: dict[str, Any], difference: Difference) -> None:
    name = container.get("name", "")
    if name in difference.images:
        container["image"] = str(ImageName.parse(difference.images[name]))
    if name in difference.variables:
        others = difference.variables[name]
        container["env"] = [
            *(one for one in container.get("env") or () if one["name"] not in others),
            *({"name": key, "value": value} for key, value in others.items()),
        ]
    if name in difference.requests:
        resources = container.setdefault("resources", {})
        resources["requests"] = {**(resources.get("requests") or {}), **difference.requests[name]}
