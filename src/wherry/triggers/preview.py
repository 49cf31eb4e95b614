"""What would a push of a tag do now? For every trigger of the image: does it fire, where, or why not."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from wherry.clusters.errors import ClusterError
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.repositories import get_repository
from wherry.registry.tables import repositories, tags
from wherry.triggers.errors import TriggerForbidden
from wherry.triggers.find import list_triggers
from wherry.triggers.gates import gate_of
from wherry.triggers.owners import owner_of, require_cluster, require_write
from wherry.triggers.react import Place, Push, places_of, platform_missing
from wherry.triggers.trigger import Trigger

MAX_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class PreviewedPlace:
    """`problem` is why a run there would fail; `waits` what would hold it up."""

    wave: int
    cluster: str
    cluster_id: int | None
    problem: str | None
    waits: str | None


@dataclass(frozen=True, slots=True)
class Previewed:
    """`why_not` None: it fires. What each workload would become, `dry_run` asks."""

    trigger: Trigger
    why_not: str | None
    places: tuple[PreviewedPlace, ...]

    @property
    def fires(self) -> bool:
        return self.why_not is None


def preview_push(
    tx: Connection,
    repository: RepositoryName,
    tag: Tag,
    now: datetime,
    *,
    digest: str | None = None,
    held_as: str | None = None,
) -> tuple[Previewed, ...]:
    """Nothing is changed, and no cluster asked. Without `digest` it is what the tag names now, if anything.

    `held_as` is the whole name of an image held elsewhere that `repository` stands in for: its push. Raises
    `RepositoryUnknown`.
    """
    get_repository(tx, repository)
    known = digest if digest or held_as else digest_of(tx, repository, tag)
    push = Push("", repository, tag.text, known or "", "", now, held_as)
    found: list[Previewed] = []
    after = ""
    while len(found) < MAX_SHOWN:
        page = list_triggers(tx, repository, after=after)
        found += [_previewed(tx, trigger, push, now, is_there=known is not None) for trigger in page.items]
        if not page.more:
            break
        after = page.items[-1].name
    return tuple(found)


def _previewed(tx: Connection, trigger: Trigger, push: Push, now: datetime, *, is_there: bool) -> Previewed:
    why_not = trigger.why_not
    if why_not is None and not trigger.condition.holds(push.tag):
        why_not = trigger.condition.why_not(push.tag)
    if why_not is None and is_there:
        why_not = platform_missing(tx, trigger, push)
    places = places_of(tx, trigger)
    return Previewed(
        trigger, why_not, tuple(_place(tx, trigger, push, one, places[0].wave, now) for one in places)
    )


def _place(
    tx: Connection, trigger: Trigger, push: Push, place: Place, first: int, now: datetime
) -> PreviewedPlace:
    gate = gate_of(trigger.options, now, now, is_approved=False, waits_for_wave=place.wave > first)
    problem = _problem(tx, trigger, push, place, now)
    return PreviewedPlace(place.wave, place.name, place.cluster_id, problem, gate.reason or None)


def _problem(tx: Connection, trigger: Trigger, push: Push, place: Place, now: datetime) -> str | None:
    if place.cluster_id is None and trigger.target.git is None:
        return f"the cluster {place.name} is no longer registered"
    try:
        owner = owner_of(tx, trigger.owner_id, trigger.owner)
        require_write(tx, owner, push.repository, now)
        if trigger.target.git is None:
            require_cluster(tx, owner, place.name)
    except (TriggerForbidden, ClusterError) as error:
        return str(error)
    return None


def digest_of(tx: Connection, repository: RepositoryName, tag: Tag) -> str | None:
    """What the tag names now; None for one that is not there."""
    query = (
        select(tags.c.digest)
        .join(repositories, repositories.c.id == tags.c.repository_id)
        .where(repositories.c.name == repository.text, tags.c.name == tag.text)
    )
    return tx.execute(query).scalar_one_or_none()
