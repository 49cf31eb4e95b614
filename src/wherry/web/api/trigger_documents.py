"""Triggers and their runs as bodies and as answers; the command line reads and prints the same documents."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from wherry.kit.secrets import Sealer
from wherry.triggers.conditions import MAX_CONDITION, Condition, ConditionKind
from wherry.triggers.dry_run import Told
from wherry.triggers.gitops.edits import EditKind, Part
from wherry.triggers.gitops.target import MAX_AUTHORITY, MAX_EDITS, MAX_TEXT, sealed, shown
from wherry.triggers.preview import Previewed, PreviewedPlace
from wherry.triggers.runs import Run, State
from wherry.triggers.trigger import (
    MAX_CLUSTERS,
    MAX_CONTAINERS,
    MAX_NAME,
    MAX_SELECTOR,
    Options,
    Target,
    Trigger,
    WorkloadKind,
)
from wherry.triggers.trigger import Wanted as WantedInDomain
from wherry.web.api.documents import NO_ZERO, Document, Flag, Wanted
from wherry.web.api.workload_forms import OptionsForm, body_of, form_of

_TriggerName = Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=NO_ZERO)]
_Name = Annotated[str, Field(max_length=253, pattern=NO_ZERO)]
_ConditionText = Annotated[str, Field(max_length=MAX_CONDITION, pattern=NO_ZERO)]
_Selector = Annotated[str, Field(max_length=MAX_SELECTOR, pattern=NO_ZERO)]
_Platform = Annotated[str, Field(max_length=100, pattern=NO_ZERO)]
_GitText = Annotated[str, Field(max_length=MAX_TEXT, pattern=NO_ZERO)]
_Authority = Annotated[str, Field(max_length=MAX_AUTHORITY, pattern=NO_ZERO)]


class TriggerCondition(Wanted):
    """For which tags: `text` are tags parted by `;`, an RE2 expression, a glob or a semver range."""

    kind: ConditionKind
    text: _ConditionText = Field(default="", description="Nothing for `all`.")


class GitPlaceForm(Wanted):
    """A Helm value: its path, such as `web.image.tag`, and what of the image is written there."""

    part: Part
    path: _GitText


class GitEditForm(Wanted):
    """A file of the repository, and how its places are found."""

    kind: EditKind
    path: _GitText
    image: _GitText = Field(
        default="",
        description="`name` of the entry in kustomize's `images:`, or the word behind `# wherry:`.",
    )
    places: list[GitPlaceForm] = Field(default=[], max_length=MAX_EDITS, description="For Helm values.")


class _Git(Wanted):
    url: _GitText
    branch: _GitText = "main"
    push_branch: _GitText | None = Field(
        default=None, description="Where the commit goes, if not to `branch`."
    )
    user: _GitText | None = None
    authority: _Authority | None = Field(
        default=None, description="PEM of whom the server's certificate is from."
    )
    author: _GitText = "Wherry <wherry@localhost>"
    edits: list[GitEditForm] = Field(max_length=MAX_EDITS)


class WantedGit(_Git):
    """A target in a Git repository."""

    password: _GitText | None = Field(
        default=None,
        description="Kept sealed and never shown. Left out: the one that is known stays, if URL and user do.",
    )


class GitDocument(_Git):
    """A target in a Git repository, without its password."""

    has_password: bool


class _Target(Wanted):
    namespace: _Name = ""
    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    name: _Name | None = Field(default=None, description="The workload's; or `selector`.")
    selector: _Selector | None = Field(default=None, description="A label selector, such as `app=web`.")
    waves: list[Annotated[list[_Name], Field(max_length=MAX_CLUSTERS)]] = Field(
        default=[],
        max_length=MAX_CLUSTERS,
        description="Names of clusters, wave after wave; one wave with one cluster is the ordinary case.",
    )
    fleet: _Name | None = Field(
        default=None, description="A fleet's clusters at the moment of the push, behind `waves`."
    )
    containers: list[_Name] = Field(
        default=[], max_length=MAX_CONTAINERS, description="Empty: all that use the image."
    )
    with_init: Flag = Field(default=False, description="Init containers too.")


class WantedTarget(_Target):
    """Workloads in clusters, or with `git` a repository instead of all else."""

    git: WantedGit | None = None


class TargetDocument(_Target):
    """Workloads in clusters, or a Git repository."""

    git: GitDocument | None = None


class WantedTrigger(Wanted):
    """A trigger as it is asked for; lengths of time are in seconds."""

    name: _TriggerName
    condition: TriggerCondition
    target: WantedTarget
    options: OptionsForm = Field(default_factory=OptionsForm)
    platform: _Platform | None = Field(
        default=None, description="Such as `linux/amd64`: what is pushed for another is skipped."
    )
    enabled: Flag = True


class RunDocument(Document):
    """What a push set going for one trigger in one cluster."""

    id: int
    trigger: str
    push: str = Field(description="What runs of one push have in common.")
    condition: str
    tag: str
    digest: str = Field(description="Empty where who told of a push elsewhere did not name it.")
    image: str | None = Field(description="Held elsewhere, such as `docker.io/acme/web`; null: held here.")
    pushed_by: str
    pushed_at: datetime
    cluster: str
    namespace: str
    kind: str
    workload: str
    containers: list[str]
    wave: int
    state: State
    detail: str
    due_at: datetime | None = Field(description="When a run that waits goes on by itself.")
    approve_until: datetime | None
    approved_by: str | None
    changes: dict[str, Any] | None = Field(description="What was set, by workload and container.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None = Field(description="From the push to the end.")


class RunsDocument(Document):
    """Runs of one push."""

    runs: list[RunDocument]


class TriggerDocument(Document):
    """A trigger of an image."""

    name: str
    condition: TriggerCondition
    target: TargetDocument
    options: OptionsForm
    platform: str | None
    enabled: bool
    fires: bool = Field(description="Whether a push that fits does anything.")
    why_not: str | None
    paused_because: str | None
    failures: int = Field(description="In a row.")
    owner: str = Field(description="With whose rights it acts: who made or last changed it.")
    created_by: str
    created_at: datetime
    changed_at: datetime
    lost_clusters: list[str] = Field(description="Of the target, and no longer registered.")


class ListedTriggerDocument(TriggerDocument):
    """A trigger of an image, with what it did last."""

    last_run: RunDocument | None


class PreviewedPlaceDocument(Document):
    """One cluster that a push would reach."""

    wave: int
    cluster: str
    problem: str | None = Field(description="Why a run there would fail.")
    waits: str | None = Field(description="What would hold it up.")
    changes: list[str] | None = Field(
        default=None, description="In words, what would change in which workload, where clusters were asked."
    )
    unchanged: str | None = Field(
        default=None, description="Why nothing would change there, or why the cluster does not tell."
    )


class PreviewedTriggerDocument(Document):
    """What one trigger would do."""

    trigger: str
    fires: bool
    why_not: str | None
    places: list[PreviewedPlaceDocument]


class PreviewDocument(Document):
    """What a push of the tag would do now, trigger by trigger."""

    triggers: list[PreviewedTriggerDocument]


def wanted_of(body: WantedTrigger, sealer: Sealer, known: Trigger | None = None) -> WantedInDomain:
    """The domain's, with the password sealed; a password that is not given stays as `known` has it."""
    before = None if known is None else known.target.git
    git = None if body.target.git is None else sealed(_git_as_kept(body.target.git), sealer, before)
    target = Target(
        namespace=body.target.namespace,
        kind=body.target.kind,
        name=body.target.name,
        selector=body.target.selector,
        waves=tuple(tuple(wave) for wave in body.target.waves),
        fleet=body.target.fleet,
        containers=tuple(body.target.containers),
        with_init=body.target.with_init,
        git=git,
    )
    condition = Condition(body.condition.kind, body.condition.text)
    options = form_of(Options, body.options)
    return WantedInDomain(body.name, condition, target, options, body.platform, body.enabled)


def trigger_document(trigger: Trigger) -> TriggerDocument:
    return TriggerDocument(**trigger_facts(trigger))


def listed_trigger_document(trigger: Trigger, last: Run | None) -> ListedTriggerDocument:
    run = None if last is None else run_document(last)
    return ListedTriggerDocument(**trigger_facts(trigger), last_run=run)


def trigger_facts(trigger: Trigger) -> dict[str, Any]:
    """Of a `TriggerDocument`."""
    wanted = trigger.wanted
    return {
        "name": wanted.name,
        "condition": TriggerCondition(kind=wanted.condition.kind, text=wanted.condition.text),
        "target": _target_document(wanted.target),
        "options": body_of(OptionsForm, wanted.options),
        "platform": wanted.platform,
        "enabled": wanted.is_enabled,
        "fires": trigger.fires,
        "why_not": trigger.why_not,
        "paused_because": trigger.paused_because,
        "failures": trigger.failures,
        "owner": trigger.owner,
        "created_by": trigger.created_by,
        "created_at": trigger.created_at,
        "changed_at": trigger.changed_at,
        "lost_clusters": list(trigger.lost),
    }


def run_document(run: Run) -> RunDocument:
    facts = {name: getattr(run, name) for name in RunDocument.model_fields}
    return RunDocument(**facts | {"containers": list(run.containers)})


def preview_document(
    found: tuple[Previewed, ...], told: Mapping[tuple[str, str], Told] | None = None
) -> PreviewDocument:
    return PreviewDocument(
        triggers=[
            PreviewedTriggerDocument(
                trigger=one.trigger.name,
                fires=one.fires,
                why_not=one.why_not,
                places=[
                    _place_document(place, (told or {}).get((one.trigger.name, place.cluster)))
                    for place in one.places
                ],
            )
            for one in found
        ]
    )


def _place_document(place: PreviewedPlace, told: Told | None) -> PreviewedPlaceDocument:
    return PreviewedPlaceDocument(
        wave=place.wave,
        cluster=place.cluster,
        problem=place.problem,
        waits=place.waits,
        changes=None if told is None else list(told.changes),
        unchanged=None if told is None else told.reason,
    )


def _git_as_kept(body: WantedGit) -> dict[str, Any]:
    document = body.model_dump(mode="json", exclude_none=True)
    if "push_branch" in document:
        document["pushBranch"] = document.pop("push_branch")
    return document


def _target_document(target: Target) -> TargetDocument:
    return TargetDocument(
        namespace=target.namespace,
        kind=target.kind,
        name=target.name,
        selector=target.selector,
        waves=[list(wave) for wave in target.waves],
        fleet=target.fleet,
        containers=list(target.containers),
        with_init=target.with_init,
        git=None if target.git is None else _git_document(shown(target.git)),
    )


def _git_document(told: dict[str, Any]) -> GitDocument:
    names = {"pushBranch": "push_branch", "hasPassword": "has_password"}
    return GitDocument.model_validate({names.get(key, key): value for key, value in told.items()})
