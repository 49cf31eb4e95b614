"""Is there a node for the image? The platforms of an image against the nodes that a workload may be put on.

Pure but for `look_for_misfits`. Of scheduling it knows what decides about architectures: node name, selector,
required node affinity, taints and tolerations. Room on nodes is the scheduler's matter.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wherry.clusters.connection import ClusterConnection, list_all
from wherry.clusters.errors import ClusterRefused, InvalidRequest
from wherry.clusters.kinds import DAEMON_SET, NODE, WORKLOADS, Object, kind_of
from wherry.clusters.watching.seen import SeenNode, see_node
from wherry.clusters.workloads.images import ImageName
from wherry.oci.errors import InvalidValue

_KEEPS_AWAY = frozenset({"NoSchedule", "NoExecute"})


@dataclass(frozen=True, slots=True)
class Misfit:
    """An image that some nodes cannot run; `nodes` counts those by architecture, `fitting` the others."""

    image: str
    architectures: tuple[str, ...]
    nodes: Mapping[str, int]
    fitting: int

    def __str__(self) -> str:
        there = ", ".join(self.architectures)
        cannot = ", ".join(f"{count} of {name or 'unknown'}" for name, count in sorted(self.nodes.items()))
        if not self.fitting:
            return f"the image {self.image} is there for {there} only, and no node can run it: {cannot}"
        return (
            f"the image {self.image} is there for {there} only:"
            f" {self.fitting} nodes can run it, {cannot} cannot, and a pod that lands there does not start"
        )


def images_in(objects: Iterable[Object], names: Collection[str]) -> dict[str, ImageName]:
    """Images of the registry of these names in the objects' pods, by the text that the pods have."""
    found: dict[str, ImageName] = {}
    for pod in _pods(objects):
        for container in _containers(pod):
            text = str(container.get("image", ""))
            try:
                name = ImageName.parse(text)
            except InvalidValue:
                continue
            if name.host in names:
                found[text] = name
    return found


async def look_for_misfits(
    connection: ClusterConnection, objects: Sequence[Object], held: Mapping[str, Collection[str]]
) -> tuple[Misfit, ...]:
    """`held` are architectures by image, as pods have it; an image without any is not judged.

    Nothing is said where the login may not see nodes, and where there are none yet.
    """
    if not any(held.values()):
        return ()
    try:
        nodes = await list_all(connection, NODE)
    except ClusterRefused:
        return ()
    return misfits(objects, held, nodes)


def misfits(
    objects: Iterable[Object], held: Mapping[str, Collection[str]], nodes: Sequence[Object]
) -> tuple[Misfit, ...]:
    """Each image of each workload once, where one of the nodes that it may be put on cannot run it."""
    found: dict[str, Misfit] = {}
    for made in objects:
        for pod in _pods((made,)):
            may = [see_node(node) for node in nodes if may_run_on(pod, node, made)]
            for container in _containers(pod):
                image = str(container.get("image", ""))
                missing = missing_architectures(held.get(image, ()), may)
                if missing:
                    there = tuple(sorted(held[image]))
                    found[image] = Misfit(image, there, dict(missing), len(may) - missing.total())
    return tuple(found.values())


def refuse_where_no_node_fits(found: Iterable[Misfit]) -> None:
    """Raises `InvalidRequest`; images that some nodes can run pass."""
    problems = tuple(str(one) for one in found if not one.fitting)
    if problems:
        raise InvalidRequest(problems)


def missing_architectures(image: Iterable[str], nodes: Iterable[SeenNode]) -> Counter[str]:
    """How many nodes, by architecture, could not run an image that is there for `image` (such as `amd64`)."""
    there = set(image)
    return Counter(node.architecture for node in nodes if there and node.architecture not in there)


def may_run_on(pod: Mapping[str, Any], node: Object, workload: Object | None = None) -> bool:
    """Whether a pod with this spec may be put on the node, as far as nodes' names, labels and taints say."""
    spec = node.get("spec") or {}
    name, labels = str(node["metadata"]["name"]), node["metadata"].get("labels") or {}
    if pod.get("nodeName"):
        return bool(pod["nodeName"] == name)
    is_daemon = workload is not None and workload.get("kind") == str(DAEMON_SET)
    if spec.get("unschedulable") and not is_daemon:
        return False
    if any(labels.get(key) != value for key, value in (pod.get("nodeSelector") or {}).items()):
        return False
    if not _has_affinity(pod, name, labels):
        return False
    tolerations = pod.get("tolerations") or ()
    return all(
        any(_tolerates(one, taint) for one in tolerations)
        for taint in spec.get("taints") or ()
        if taint.get("effect") in _KEEPS_AWAY and not (is_daemon and _is_of_every_node(taint))
    )


def _pods(objects: Iterable[Object]) -> list[Mapping[str, Any]]:
    found = []
    for made in objects:
        if kind_of(made) not in WORKLOADS:
            continue
        spec = made.get("spec") or {}
        if "jobTemplate" in spec:
            spec = spec["jobTemplate"].get("spec") or {}
        found.append((spec.get("template") or {}).get("spec") or {})
    return found


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*(pod.get("initContainers") or ()), *(pod.get("containers") or ())]


def _has_affinity(pod: Mapping[str, Any], name: str, labels: Mapping[str, str]) -> bool:
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms")
    # One of the terms is enough; of a term everything has to hold.
    return terms is None or any(
        all(_holds(one, labels) for one in term.get("matchExpressions") or ())
        and all(_holds(one, {"metadata.name": name}) for one in term.get("matchFields") or ())
        for term in terms
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(str(expression.get("key"))), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            return _compares(value, str(next(iter(values), "")), operator)
    return True


def _compares(value: str | None, than: str, operator: str) -> bool:
    try:
        here, there = int(value or ""), int(than)
    except ValueError:
        return False
    return here > there if operator == "Gt" else here < there


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("operator") == "Exists":
        return not toleration.get("key") or toleration["key"] == taint.get("key")
    same = toleration.get("key") == taint.get("key")
    return same and (toleration.get("value") or "") == (taint.get("value") or "")


def _is_of_every_node(taint: Mapping[str, Any]) -> bool:
    """The controller of DaemonSets lets its pods tolerate what nodes say of themselves."""
    return str(taint.get("key", "")).startswith("node.kubernetes.io/")
