"""What a push changes in a workload: which containers, from which image to which. Pure, and repeatable."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wherry.clusters.connection import TRIGGER_MANAGER
from wherry.clusters.kinds import Kind, Object, kind_of, name_of, namespace_of
from wherry.clusters.workloads.change import RESTARTED
from wherry.clusters.workloads.images import ImageName
from wherry.oci.digests import Digest
from wherry.oci.errors import InvalidValue
from wherry.oci.names import RepositoryName, Tag
from wherry.triggers.trigger import Trigger
from wherry.triggers.versions import Version

# On the workload, not on its pods: they start nothing anew. `RUN` is how a run knows its own work again.
RUN = "wherry.dev/trigger-run"
DIGEST = "wherry.dev/trigger-digest"

_LISTS = ("initContainers", "containers")
# What nodes take for the registry of a name without a host.
_DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


class CannotUpdate(Exception):
    """The workload is not as the trigger says; the text tells how it is."""


class NothingToDo(Exception):
    """It is as it should be; the text tells why."""


@dataclass(frozen=True, slots=True)
class Image:
    """What was pushed. `hosts` are the names that nodes know its registry by, None where a name without a
    host means it; empty: any.

    `host` is put into the name on the workload; None: the one that it has there. Without a `digest` the tag
    alone is set, and the pods start anew.
    """

    repository: RepositoryName
    tag: str
    digest: str
    hosts: Collection[str | None]
    host: str | None = None

    @classmethod
    def held_elsewhere(cls, name: str, tag: str, digest: str) -> "Image":
        """An image of another registry, by its whole name, such as `docker.io/acme/web`.

        Raises `InvalidValue`.
        """
        found = ImageName.parse(name)
        host = found.host or _DOCKER_HUB[0]
        hosts = (*_DOCKER_HUB, None) if host in _DOCKER_HUB else (host,)
        return cls(found.repository, tag, digest, hosts, host)

    @property
    def shown(self) -> str:
        """Its name, as far as it is known, and whose it is."""
        if self.host:
            return f"{self.host}/{self.repository}"
        hosts = sorted(host for host in self.hosts if host)
        return f"{self.repository} of {' or '.join(hosts)}" if hosts else self.repository.text


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is set: see `triggers.trigger`. With `is_ordered` a lower version changes nothing."""

    containers: tuple[str, ...] = ()
    with_init: bool = False
    pin: bool = True
    is_ordered: bool = False

    @classmethod
    def of(cls, trigger: Trigger) -> "Manner":
        """As the trigger says."""
        target = trigger.target
        pin, is_ordered = trigger.options.pin, trigger.condition.is_ordered
        return cls(target.containers, target.with_init, pin, is_ordered)


@dataclass(frozen=True, slots=True)
class Change:
    """One container. `place` is `containers` or `initContainers`."""

    place: str
    container: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Without `changes`, `reason` is why nothing is to do. `restart` is set where tags are not pinned."""

    kind: Kind
    namespace: str
    name: str
    changes: tuple[Change, ...]
    reason: str
    restart: str | None = None
    restarted_before: str | None = None

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.name}"

    def to_json(self) -> dict[str, Any]:
        """What a run remembers, to know its work again and to undo it."""
        return {
            "changes": [[one.place, one.container, one.before, one.after] for one in self.changes],
            "restart": self.restart,
            "restarted_before": self.restarted_before,
        }

    @classmethod
    def from_json(cls, kind: Kind, namespace: str, name: str, document: Mapping[str, Any]) -> "Plan":
        changes = tuple(Change(*one) for one in document["changes"])
        return cls(kind, namespace, name, changes, "", document["restart"], document["restarted_before"])

    @property
    def words(self) -> str:
        """Such as `Deployment web: container app from 1.3 to 1.4`."""
        said = ", ".join(
            f"container {one.container} from {short(one.before)} to {short(one.after)}"
            for one in self.changes
        )
        return f"{self.kind} {self.name}: {said}"


def plan(workload: Object, image: Image, manner: Manner, now: datetime) -> Plan:
    """Raises `CannotUpdate` where no container can be meant."""
    kind, name, namespace = kind_of(workload), name_of(workload), namespace_of(workload) or ""
    found: list[Change] = []
    reasons: list[str] = []
    for place, container in _chosen(workload, image, manner):
        before = str(container.get("image", ""))
        after, reason = _after(workload, before, image, manner)
        if after is None:
            reasons.append(f"container {container['name']} {reason}")
        else:
            found.append(Change(place, str(container["name"]), before, after))
    pins = manner.pin and image.digest
    restart = None if pins or not found else now.strftime("%Y-%m-%dT%H:%M:%SZ")
    restarted = (template_of(workload).get("metadata") or {}).get("annotations") or {}
    said = "" if found else f"{kind} {name}: {'; '.join(reasons)}"
    return Plan(kind, namespace, name, tuple(found), said, restart, restarted.get(RESTARTED))


def patch_of(workload: Object, planned: Plan, image: Image | None, run: int, *, undo: bool = False) -> Object:
    """The object to apply: just the images, as version of the workload that was seen.

    Images that triggers set before in other containers are in it as they are: what is left out would be taken
    away. `undo` sets back what stood there.
    """
    images = _managed(workload)
    for one in planned.changes:
        images[(one.place, one.container)] = one.before if undo else one.after
    spec: dict[str, Any] = {}
    for place in _LISTS:
        mine = [{"name": name, "image": text} for (where, name), text in images.items() if where == place]
        if mine:
            spec[place] = mine
    template: dict[str, Any] = {"spec": spec}
    restart = planned.restarted_before if undo else planned.restart
    if restart is not None and planned.restart is not None:
        template["metadata"] = {"annotations": {RESTARTED: restart}}
    annotations = {RUN: str(run)}
    if image is not None and image.digest and not undo:
        annotations[DIGEST] = image.digest
    metadata = {
        "name": planned.name,
        "namespace": planned.namespace,
        "annotations": annotations,
        "resourceVersion": workload["metadata"]["resourceVersion"],
    }
    inner: dict[str, Any] = {"template": template}
    if str(planned.kind) == "CronJob":
        inner = {"jobTemplate": {"spec": inner}}
    return {
        "apiVersion": planned.kind.version,
        "kind": planned.kind.name,
        "metadata": metadata,
        "spec": inner,
    }


def is_applied(workload: Object, planned: Plan) -> bool:
    """Whether every container is as planned."""
    there = images_there(workload)
    return all(there.get((one.place, one.container)) == one.after for one in planned.changes)


def images_there(workload: Object) -> dict[tuple[str, str], str]:
    """By list and container."""
    return {(place, str(one["name"])): str(one.get("image", "")) for place, one in _containers(workload)}


def run_on(workload: Object) -> str | None:
    """The run that last set an image there."""
    found = (workload["metadata"].get("annotations") or {}).get(RUN)
    return None if found is None else str(found)


def template_of(workload: Object) -> dict[str, Any]:
    """The pod template."""
    spec: dict[str, Any] = workload.get("spec") or {}
    if workload["kind"] == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    return spec.get("template") or {}


def short(image: str) -> str:
    """An image as a history shows it: its tag, and a few letters of its digest."""
    rest, at, digest = image.partition("@")
    _, colon, tag = rest.rpartition("/")[2].partition(":")
    shown = tag if colon else rest
    return f"{shown}@{digest[:19]}" if at else shown


def _containers(workload: Object) -> list[tuple[str, dict[str, Any]]]:
    spec = template_of(workload).get("spec") or {}
    return [(place, one) for place in _LISTS for one in spec.get(place) or ()]


def _chosen(workload: Object, image: Image, manner: Manner) -> list[tuple[str, dict[str, Any]]]:
    where = f"{workload['kind']} {name_of(workload)}"
    there = _containers(workload)
    if manner.containers:
        named = {str(one["name"]): (place, one) for place, one in there}
        missing = [name for name in manner.containers if name not in named]
        if missing:
            raise CannotUpdate(f"{where} has no container {', '.join(missing)}; it has {', '.join(named)}")
        for name in manner.containers:
            used = str(named[name][1].get("image", ""))
            if not _uses(used, image):
                raise CannotUpdate(f"container {name} of {where} uses {used}, which is not {image.shown}")
        return [named[name] for name in manner.containers]
    using = [
        (place, one)
        for place, one in there
        if (manner.with_init or place == "containers") and _uses(str(one.get("image", "")), image)
    ]
    if not using:
        used = ", ".join(str(one.get("image", "")) for _, one in there)
        raise CannotUpdate(f"no container of {where} uses {image.shown}; they use {used or 'nothing'}")
    return using


def _uses(text: str, image: Image) -> bool:
    try:
        name = ImageName.parse(text)
    except InvalidValue:
        return False
    if image.hosts and name.host not in image.hosts:
        return False
    return _bare(name.repository) == _bare(image.repository)


def _bare(name: RepositoryName) -> str:
    return name.text.removeprefix("library/")


def _after(workload: Object, before: str, image: Image, manner: Manner) -> tuple[str | None, str]:
    """The new image, or why there is none."""
    name = ImageName.parse(before)
    pins = manner.pin and bool(image.digest)
    if pins:
        if name.digest is not None and str(name.digest) == image.digest:
            return None, f"has {short(before)} already, the same digest"
    elif image.digest and name.digest is None and name.tag == Tag(image.tag) and _is_on(workload, image):
        return None, f"has {image.tag} already, with the same digest"
    if manner.is_ordered and name.tag is not None:
        theirs, mine = Version.parse(name.tag.text), Version.parse(image.tag)
        if theirs is not None and mine is not None and mine < theirs:
            return None, f"runs {name.tag}, and {image.tag} is older"
    digest = Digest.parse(image.digest) if pins else None
    if image.host is not None:
        return str(ImageName(image.host, image.repository, Tag(image.tag), digest)), ""
    return str(ImageName(name.host, name.repository, Tag(image.tag), digest)), ""


def _is_on(workload: Object, image: Image) -> bool:
    noted: object = (workload["metadata"].get("annotations") or {}).get(DIGEST)
    return noted == image.digest


def _managed(workload: Object) -> dict[tuple[str, str], str]:
    """Images as they are that triggers own in this workload."""
    there = images_there(workload)
    path: Sequence[str] = ("f:spec", "f:template", "f:spec")
    if workload["kind"] == "CronJob":
        path = ("f:spec", "f:jobTemplate", "f:spec", "f:template", "f:spec")
    found = {}
    for entry in workload["metadata"].get("managedFields") or ():
        if entry.get("manager") != TRIGGER_MANAGER or entry.get("operation") != "Apply":
            continue
        fields: Any = entry.get("fieldsV1") or {}
        for part in path:
            fields = fields.get(part) or {}
        for key, text in there.items():
            inner = (fields.get(f"f:{key[0]}") or {}).get(f'k:{{"name":"{key[1]}"}}') or {}
            if "f:image" in inner:
                found[key] = text
    return found
