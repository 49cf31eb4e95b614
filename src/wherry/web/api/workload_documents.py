"""Workloads as documents: listed, in detail, as they would be applied and were."""

from typing import Any

from pydantic import Field

from wherry.clusters.kinds import kind_of, name_of, namespace_of
from wherry.clusters.watching.pull_failures import PullFailure
from wherry.clusters.watching.seen import SeenPod, SeenWorkload
from wherry.clusters.workloads.change import Deletion, Revision
from wherry.clusters.workloads.deploy import Deployed
from wherry.clusters.workloads.events import SeenEvent
from wherry.clusters.workloads.running_images import RunningImage
from wherry.clusters.yaml_text import MAX_BYTES, write_yaml
from wherry.web.api.cluster_seen import Freshness
from wherry.web.api.documents import NO_ZERO, Document, Flag, Moment, Wanted
from wherry.web.api.workload_forms import WorkloadForm


class WorkloadDocument(Document):
    """A workload as it was last seen."""

    namespace: str
    kind: str
    name: str
    status: str = Field(
        description="`Running`, `Available`, `Unready`, `Upgrading`, `Deleting`, `Complete`, `Failed` or"
        " `Suspended`."
    )
    desired: int = Field(description="Pods that there should be.")
    ready: int
    updated: int = Field(description="Pods of the newest template.")
    images: list[str] = Field(description="As the template has them, by container.")
    pull_secrets: list[str]
    is_ours: bool = Field(description="Whether Wherry made it.")
    is_paused: bool
    made_at: str


class PullFailureDocument(Document):
    """Why an image is not pulled, and what mends it."""

    part: str = Field(description="What failed: `dns`, `tcp`, `tls`, `credentials`, `rights`, `image`…")
    reason: str
    mend: str
    words: str = Field(description="The cluster's own words.")


class PodContainerDocument(Document):
    """A container of a pod."""

    name: str
    image: str
    digest: str | None = Field(description="Of what runs; null before it does.")
    is_ready: bool
    restarts: int
    waits_for: str | None = Field(description="Kubernetes' word for why it does not run.")
    failure: PullFailureDocument | None


class PodDocument(Document):
    """A pod of a workload."""

    name: str
    phase: str
    is_ready: bool
    node: str | None
    problem: str | None = Field(description="Why it is not scheduled or was ended.")
    containers: list[PodContainerDocument]


class RunningImageDocument(Document):
    """An image of a workload: what runs, and what its tag names now."""

    image: str
    repository: str | None = Field(description="In this registry; null for images of others.")
    tag: str | None
    running: list[str] = Field(description="Digests that its pods run.")
    newest: str | None = Field(description="What the tag names now; null where you may not see that.")
    is_behind: bool = Field(description="Whether a newer digest is there for the tag.")


class WorkloadDetailDocument(WorkloadDocument):
    """A workload with its pods and images."""

    running: list[RunningImageDocument]
    pods: list[PodDocument]
    failures: list[PullFailureDocument] = Field(description="Each reason once.")
    stale_since: Moment | None = Field(description="Since when this may be old; null: this is how it is.")
    problem: str | None


class EventDocument(Document):
    """What the cluster said of a workload, or of what was made for it."""

    kind: str
    name: str
    reason: str
    message: str
    is_warning: bool
    count: int
    first: str
    last: str
    source: str


class EventsDocument(Document):
    """The newest first."""

    items: list[EventDocument]


class WantedDeployment(Wanted):
    """What is to be applied: the form, or its objects as YAML; one of both."""

    workload: WorkloadForm | None = None
    yaml: str | None = Field(
        default=None,
        max_length=MAX_BYTES,
        pattern=NO_ZERO,
        description="A workload and its services, each a document of its own.",
    )
    namespace: str = Field(
        default="default", max_length=63, description="For objects in the YAML that name none."
    )
    only_new: Flag = Field(default=False, description="Refuse it where there is one of that name.")
    force: Flag = Field(default=False, description="Take fields over from whoever else manages them.")


class DeployedObjectDocument(Document):
    """One object: what became of it, or would."""

    kind: str
    namespace: str | None
    name: str
    was_there: bool
    changed: bool = Field(description="Whether the cluster has something else than before.")
    yaml: str = Field(description="As the cluster has it, with its defaults.")


class DeployedDocument(Document):
    """What became of a request, or would."""

    objects: list[DeployedObjectDocument]
    warnings: list[str] = Field(description="Such as images that some nodes cannot run.")


class ManifestDocument(Document):
    """A workload as one may send it again: as YAML, and as the form where that has fields for all of it."""

    yaml: str
    workload: WorkloadForm | None
    not_in_the_form: list[str] = Field(description="What the form has no field for.")


class WantedPods(Wanted):
    """How many."""

    pods: int = Field(strict=True, ge=0, le=100_000)


class WantedPause(Wanted):
    """Whether upgrades, schedules or work rest."""

    is_paused: Flag


class WantedRollback(Wanted):
    """Where to."""

    revision: int | None = Field(
        default=None, strict=True, ge=1, le=2**31 - 1, description="Of the history. Left out: the one before."
    )


class RevisionDocument(Document):
    """A version of a workload's pods."""

    number: int
    images: list[str]
    made_at: str
    cause: str | None
    is_current: bool


class RevisionsDocument(Document):
    """The newest first; as many as the workload keeps."""

    items: list[RevisionDocument]


class DeletionDocument(Document):
    """What a deletion takes along, and what it leaves."""

    services: list[str]
    pods: int
    claims_left: list[str] = Field(description="Volumes that stay, with their data.")


def workload_document(seen: SeenWorkload) -> WorkloadDocument:
    """As a list has it."""
    return WorkloadDocument(**_facts(seen))


def detail_document(
    seen: SeenWorkload, pods: tuple[SeenPod, ...], images: tuple[RunningImage, ...], how: Freshness
) -> WorkloadDetailDocument:
    """As its page has it."""
    failures = {failure.part: failure for pod in pods for failure in pod.failures}
    return WorkloadDetailDocument(
        **_facts(seen),
        running=[RunningImageDocument.model_validate(one, from_attributes=True) for one in images],
        pods=[_pod(one) for one in pods],
        failures=[_failure(one) for one in failures.values()],
        stale_since=how.stale_since,
        problem=how.problem,
    )


def deployed_document(done: tuple[Deployed, ...], warnings: list[str]) -> DeployedDocument:
    """Object by object, in the order in which they are applied."""
    objects = [
        DeployedObjectDocument(
            kind=str(kind_of(one.object)),
            namespace=namespace_of(one.object),
            name=name_of(one.object),
            was_there=one.was_there,
            changed=one.changed,
            yaml=write_yaml(_readable(one.object)),
        )
        for one in done
    ]
    return DeployedDocument(objects=objects, warnings=warnings)


def event_document(seen: SeenEvent) -> EventDocument:
    """As it was said."""
    return EventDocument.model_validate(seen, from_attributes=True)


def revision_document(one: Revision) -> RevisionDocument:
    """Without the template."""
    return RevisionDocument(
        number=one.number,
        images=list(one.images),
        made_at=one.made_at,
        cause=one.cause,
        is_current=one.is_current,
    )


def deletion_document(plan: Deletion) -> DeletionDocument:
    """As it is planned."""
    return DeletionDocument(services=list(plan.services), pods=plan.pods, claims_left=list(plan.claims_left))


def _facts(seen: SeenWorkload) -> dict[str, Any]:
    return {
        "namespace": seen.namespace,
        "kind": seen.kind,
        "name": seen.name,
        "status": seen.word.value,
        "desired": seen.desired,
        "ready": seen.ready,
        "updated": seen.updated,
        "images": list(seen.images),
        "pull_secrets": list(seen.pull_secrets),
        "is_ours": seen.is_ours,
        "is_paused": seen.is_paused,
        "made_at": seen.made_at,
    }


def _pod(pod: SeenPod) -> PodDocument:
    containers = [
        PodContainerDocument(
            name=one.name,
            image=one.image,
            digest=one.digest,
            is_ready=one.is_ready,
            restarts=one.restarts,
            waits_for=one.waits_for,
            failure=None if one.failure is None else _failure(one.failure),
        )
        for one in pod.containers
    ]
    return PodDocument(
        name=pod.name,
        phase=pod.phase,
        is_ready=pod.is_ready,
        node=pod.node,
        problem=pod.problem,
        containers=containers,
    )


def _failure(failure: PullFailure) -> PullFailureDocument:
    return PullFailureDocument(
        part=failure.part.value, reason=failure.reason, mend=failure.mend, words=failure.words
    )


def _readable(made: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in made["metadata"].items() if key != "managedFields"}
    return made | {"metadata": metadata}
