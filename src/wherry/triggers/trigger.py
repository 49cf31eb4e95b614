"""A trigger as a value: for which pushes of an image, which workloads, and how they are changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from wherry.clusters.kinds import CRON_JOB, DAEMON_SET, DEPLOYMENT, STATEFUL_SET, Kind
from wherry.clusters.workloads.forms import Unread, at, read, write
from wherry.clusters.workloads.names import wrong_label, wrong_object_name
from wherry.oci.names import RepositoryName
from wherry.triggers.conditions import Condition, InvalidCondition
from wherry.triggers.errors import InvalidTrigger
from wherry.triggers.gitops.target import git_problems
from wherry.triggers.windows import Window

MAX_NAME = 64
MAX_SELECTOR = 500
MAX_CLUSTERS = 200
MAX_CONTAINERS = 50
MAX_SECONDS = 30 * 24 * 3600


class WorkloadKind(StrEnum):
    """Workloads whose image can be changed; a Job's cannot."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    CRON_JOB = "CronJob"

    @property
    def kind(self) -> Kind:
        return _KINDS[self]


_KINDS = {
    WorkloadKind.DEPLOYMENT: DEPLOYMENT,
    WorkloadKind.STATEFUL_SET: STATEFUL_SET,
    WorkloadKind.DAEMON_SET: DAEMON_SET,
    WorkloadKind.CRON_JOB: CRON_JOB,
}


@dataclass(frozen=True, slots=True)
class Options:
    """How a run goes; lengths of time in seconds.

    With `pin` the image is set to `repo:tag@digest`, else to `repo:tag` with a restart. `pause_after` so many
    failures in a row the trigger pauses itself, 0 is never. `patience` is how long a cluster may be away.
    With `take_over` the image field is taken from other field managers, as `kubectl set image` does.
    """

    pin: bool = at("pin", True)
    follow: bool = at("follow", True)
    deadline: int = at("deadline", 600)
    roll_back: bool = at("rollBack", True)
    pause_after: int = at("pauseAfter", 3)
    approval: bool = at("approval", False)
    approval_deadline: int = at("approvalDeadline", 24 * 3600)
    windows: tuple[Window, ...] = at("windows", ())
    freeze_until: str | None = at("freezeUntil", None)
    delay: int = at("delay", 0)
    take_over: bool = at("takeOver", True)
    patience: int = at("patience", 24 * 3600)

    @property
    def frozen_until(self) -> datetime | None:
        """`freeze_until`, an RFC 3339 moment, read."""
        return None if self.freeze_until is None else datetime.fromisoformat(self.freeze_until)

    def to_json(self) -> dict[str, Any]:
        """Only what differs from the defaults; as `from_json` takes it."""
        return write(self)

    @classmethod
    def from_json(cls, document: object) -> "Options":
        """Raises `InvalidTrigger`."""
        try:
            return read(cls, document, "options")
        except Unread as error:
            raise InvalidTrigger(error.problems) from None

    def problems(self) -> list[str]:
        """What is wrong with it, in sentences."""
        lengths = {
            "deadline": self.deadline,
            "approvalDeadline": self.approval_deadline,
            "delay": self.delay,
            "patience": self.patience,
        }
        found = [
            f"{name} is from 0 to {MAX_SECONDS} seconds"
            for name, value in lengths.items()
            if not 0 <= value <= MAX_SECONDS
        ]
        if self.deadline < 1 or self.approval_deadline < 1:
            found.append("a deadline is at least one second")
        if not 0 <= self.pause_after <= 1000:
            found.append("pauseAfter is from 0 (never) to 1000 failures")
        if len(self.windows) > 20:
            found.append("there are at most 20 windows")
        for window in self.windows:
            found += window.problems()
        try:
            if self.frozen_until is not None and self.frozen_until.tzinfo is None:
                found.append("freezeUntil names its offset, such as 2026-12-24T00:00:00Z")
        except ValueError:
            found.append("freezeUntil is a moment such as 2026-12-24T00:00:00Z")
        return found


@dataclass(frozen=True, slots=True)
class Target:
    """Workloads of one namespace, by name or by label selector, in clusters wave after wave.

    `waves` of one wave with one cluster is the ordinary case; a federation is the cluster of its Karmada.
    With `fleet` the clusters are those of the fleet at the moment of the push, in one wave behind `waves`.
    `containers` empty: all that use the image; `with_init` of these init containers too. `git` is a target in
    a Git repository instead, as `triggers.gitops` reads it; then the other fields are empty.
    """

    namespace: str = ""
    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    name: str | None = None
    selector: str | None = None
    waves: tuple[tuple[str, ...], ...] = ()
    fleet: str | None = None
    containers: tuple[str, ...] = ()
    with_init: bool = False
    git: Mapping[str, Any] | None = None

    @classmethod
    def workload(cls, cluster: str, namespace: str, kind: WorkloadKind, name: str, **more: Any) -> "Target":
        """One workload in one cluster."""
        return cls(namespace, kind, name, None, ((cluster,),), **more)

    @property
    def clusters(self) -> tuple[str, ...]:
        """Those that are named, in the order of their waves."""
        return tuple(cluster for wave in self.waves for cluster in wave)

    @property
    def which(self) -> str:
        """The workload as people read it."""
        return self.name if self.name is not None else f"with {self.selector}"

    def problems(self) -> list[str]:
        """What is wrong with it, in sentences."""
        if self.git is not None:
            both = ["a target is clusters or a Git repository, not both"]
            return git_problems(self.git) + (both if self.waves or self.fleet else [])
        found = [wrong_label("namespace", self.namespace)]
        if (self.name is None) == (self.selector is None):
            found.append("workloads are chosen by a name or by a label selector")
        if self.name is not None:
            found.append(wrong_object_name("workload", self.name))
        if self.selector is not None and not 0 < len(self.selector.strip()) <= MAX_SELECTOR:
            found.append(f"a label selector has 1 to {MAX_SELECTOR} characters")
        names = self.clusters
        if not names and self.fleet is None:
            found.append("a target names a cluster, a federation or a fleet")
        if not all(self.waves) or len(names) > MAX_CLUSTERS:
            found.append(f"there are at most {MAX_CLUSTERS} clusters, and at least one in each wave")
        if len(set(names)) < len(names):
            found.append("a cluster is in one wave, once")
        if len(self.containers) > MAX_CONTAINERS:
            found.append(f"there are at most {MAX_CONTAINERS} containers")
        found += [wrong_label("container", container) for container in self.containers]
        return [problem for problem in found if problem]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A trigger as somebody asks for it. With a `platform`, such as `linux/amd64`, what is pushed for another
    one is skipped."""

    name: str
    condition: Condition
    target: Target
    options: Options = field(default_factory=Options)
    platform: str | None = None
    is_enabled: bool = True

    def check(self) -> None:
        """Raises `InvalidTrigger` with all that is wrong."""
        found = []
        if (
            not 0 < len(self.name) <= MAX_NAME
            or not self.name.isprintable()
            or self.name != self.name.strip()
        ):
            found.append(f"the name of a trigger has 1 to {MAX_NAME} printable characters")
        if "/" in self.name or self.name in (".", ".."):
            found.append("the name of a trigger has no '/' and is not a path")
        try:
            self.condition.check()
        except InvalidCondition as error:
            found.append(str(error))
        if self.platform is not None and not 2 <= len([p for p in self.platform.split("/") if p]) <= 3:
            found.append("a platform is such as linux/amd64 or linux/arm/v7")
        found += self.target.problems() + self.options.problems()
        if found:
            raise InvalidTrigger(tuple(found))


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger that there is. `owner_id` None: whose rights counted is gone, and every run fails.

    `lost` are clusters of the target that are no longer registered. With `paused_because` somebody has paused
    it, or it has paused itself, after `failures` in a row.
    """

    id: int
    repository: RepositoryName
    wanted: Wanted
    paused_because: str | None
    failures: int
    owner: str
    owner_id: int | None
    created_by: str
    created_at: datetime
    changed_at: datetime
    lost: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.wanted.name

    @property
    def condition(self) -> Condition:
        return self.wanted.condition

    @property
    def target(self) -> Target:
        return self.wanted.target

    @property
    def options(self) -> Options:
        return self.wanted.options

    @property
    def fires(self) -> bool:
        """Whether a push that fits does anything."""
        return self.wanted.is_enabled and self.paused_because is None

    @property
    def why_not(self) -> str | None:
        """Why a push does nothing, in words."""
        if not self.wanted.is_enabled:
            return "the trigger is disabled"
        return None if self.paused_because is None else f"the trigger is paused: {self.paused_because}"


def options_of(text: str) -> Options:
    """From the table; what a newer version has written and this one does not know is left out."""
    document = json.loads(text)
    try:
        return read(Options, document)
    except Unread:
        return Options()
