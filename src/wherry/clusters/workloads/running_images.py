"""What a workload's containers run against what its tags name now: is there a newer one to be redeployed?

Pure: where tags point is handed in, by whoever may ask the registry.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from wherry.clusters.watching.seen import SeenPod, SeenWorkload
from wherry.clusters.workloads.images import ImageName
from wherry.oci.errors import InvalidValue

# What nodes take where an image has neither tag nor digest.
_LATEST = "latest"


class NamedNow(Protocol):
    """What a tag names now; `has` knows an index and its platforms as the same."""

    @property
    def digest(self) -> str: ...

    def has(self, digest: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class RunningImage:
    """An image of a workload. `running` are digests that its pods tell; `newest` is what the tag names now.

    `newest` is None for images of other registries and where the tag is gone; `is_behind`: another one runs.
    """

    image: str
    repository: str | None
    tag: str | None
    running: tuple[str, ...]
    newest: str | None
    is_behind: bool


def tags_of(workloads: Iterable[SeenWorkload], names: Collection[str]) -> frozenset[tuple[str, str]]:
    """Repository and tag of all images of the registry of these names: what is to be asked at once."""
    found = (_read(image, names) for one in workloads for image in one.images)
    return frozenset((name.repository.text, _tag(name)) for name in found if name is not None)


def pods_by_workload(
    workloads: Iterable[SeenWorkload], pods: Iterable[SeenPod]
) -> dict[tuple[str, str, str], list[SeenPod]]:
    """By namespace, kind and name of the workload; pods of a CronJob's Jobs are the CronJob's too."""
    makers = {
        (one.namespace, one.name): (one.namespace, "CronJob", one.owner)
        for one in workloads
        if one.kind == "Job" and one.owner
    }
    found: dict[tuple[str, str, str], list[SeenPod]] = {}
    for pod in pods:
        if pod.owner is None:
            continue
        kind, name = pod.owner
        found.setdefault((pod.namespace, kind, name), []).append(pod)
        if kind == "Job" and (maker := makers.get((pod.namespace, name))) is not None:
            found.setdefault(maker, []).append(pod)
    return found


def running_images(
    workload: SeenWorkload,
    pods: Iterable[SeenPod],
    now: Mapping[tuple[str, str], NamedNow],
    names: Collection[str],
) -> tuple[RunningImage, ...]:
    """By image as the template has it; `pods` are the workload's. Pods that ended count for nothing."""
    digests: dict[str, set[str]] = {}
    for pod in pods:
        if pod.phase in ("Succeeded", "Failed", "Terminating"):
            continue
        for container in pod.containers:
            if container.digest:
                digests.setdefault(container.image, set()).add(container.digest)
    return tuple(
        _running(image, digests.get(image, set()), now, names) for image in dict.fromkeys(workload.images)
    )


def _running(
    image: str, running: set[str], now: Mapping[tuple[str, str], NamedNow], names: Collection[str]
) -> RunningImage:
    name = _read(image, names)
    if name is None:
        return RunningImage(image, None, None, tuple(sorted(running)), None, is_behind=False)
    # A pinned image that runs nowhere yet is known all the same.
    known = running or ({str(name.digest)} if name.digest else set())
    tag = _tag(name)
    named = now.get((name.repository.text, tag))
    return RunningImage(
        image,
        name.repository.text,
        tag,
        tuple(sorted(running)),
        None if named is None else named.digest,
        is_behind=named is not None and any(not named.has(digest) for digest in known),
    )


def _read(image: str, names: Collection[str]) -> ImageName | None:
    try:
        name = ImageName.parse(image)
    except InvalidValue:
        return None
    # By a digest alone no tag is meant.
    return name if name.host in names and (name.tag or not name.digest) else None


def _tag(name: ImageName) -> str:
    return _LATEST if name.tag is None else name.tag.text
