"""Members of a federation that keep an image of their own, whatever the workload says."""

from collections.abc import Collection
from typing import Any

from wherry.clusters.connection import ClusterConnection, Selection, list_all
from wherry.clusters.kinds import OVERRIDE_POLICY, Object, name_of

# What an ImageOverrider replaces; a registry alone leaves tag and digest as they are.
_OF_ITS_OWN = frozenset({"Repository", "Tag"})


async def members_with_own_images(
    connection: ClusterConnection, workload: Object, containers: Collection[str]
) -> tuple[str, ...]:
    """Those where an OverridePolicy of the namespace replaces the image of one of the containers.

    A rule that chooses its members by labels or by fields is told as `members by rule of` and its policy.
    Raises `ClusterCallFailed`.

    https://karmada.io/docs/userguide/scheduling/override-policy
    """
    found: set[str] = set()
    namespace = str(workload["metadata"]["namespace"])
    paths = _image_paths(workload, containers)
    for policy in await list_all(connection, OVERRIDE_POLICY, Selection(namespace)):
        spec = policy.get("spec") or {}
        if not any(_selects(one, workload) for one in spec.get("resourceSelectors") or ()):
            continue
        for rule in spec.get("overrideRules") or ():
            if _replaces(rule.get("overriders") or {}, paths):
                names = (rule.get("targetCluster") or {}).get("clusterNames")
                found.update(names or [f"members by rule of {name_of(policy)}"])
    return tuple(sorted(found))


def _image_paths(workload: Object, containers: Collection[str]) -> set[str]:
    """As the ends of JSON pointers into the workload: `/containers/0/image`."""
    spec = workload.get("spec") or {}
    inner = (spec.get("jobTemplate") or {}).get("spec") or spec
    pod: dict[str, Any] = (inner.get("template") or {}).get("spec") or {}
    return {
        f"/{place}/{index}/image"
        for place in ("initContainers", "containers")
        for index, one in enumerate(pod.get(place) or ())
        if one.get("name") in containers
    }


def _selects(selector: Object, workload: Object) -> bool:
    """One without a name means all of the kind, those with certain labels perhaps."""
    if selector.get("kind") != workload["kind"]:
        return False
    labels = (selector.get("labelSelector") or {}).get("matchLabels") or {}
    has = workload["metadata"].get("labels") or {}
    return selector.get("name") in (None, "", name_of(workload)) and labels.items() <= has.items()


def _replaces(overriders: Object, paths: set[str]) -> bool:
    if any(one.get("component") in _OF_ITS_OWN for one in overriders.get("imageOverrider") or ()):
        return True
    plain = [str(one.get("path", "")) for one in overriders.get("plaintext") or ()]
    return any(path.endswith(end) for path in plain for end in paths)
