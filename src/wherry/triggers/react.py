"""The reaction to a push: for each trigger that it is for, a run in each of the trigger's clusters.

It is a part of the transaction in which the event counts as dispatched: a push has its runs once, or not yet.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from wherry.clusters.cluster import find_cluster
from wherry.events.dispatch import RecordedEvent
from wherry.oci.names import RepositoryName
from wherry.registry.events import RepositoryDeleted, TagMoved
from wherry.triggers.find import triggers_by_id
from wherry.triggers.fleets import clusters_of_fleet
from wherry.triggers.gates import said
from wherry.triggers.match import matching
from wherry.triggers.platforms import why_not_for
from wherry.triggers.runs import (
    NOT_BEGUN,
    OPEN,
    RUNS,
    Run,
    State,
    end_run,
    get_run,
    let_go,
    run_of,
)
from wherry.triggers.tables import trigger_runs
from wherry.triggers.trigger import Trigger
from wherry.triggers.versions import Version


@dataclass(frozen=True, slots=True)
class Push:
    """`id` tells pushes apart: `event:12`, or `replay:34` for a run that is made anew.

    `image` is the name of an image held elsewhere, such as `docker.io/acme/web`, that `repository` stands in
    for; its `digest` may be unknown, and is empty then.
    """

    id: str
    repository: RepositoryName
    tag: str
    digest: str
    pushed_by: str
    pushed_at: datetime
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster of a trigger. `cluster_id` None: it is no longer registered."""

    wave: int
    cluster_id: int | None
    name: str


def react(tx: Connection, event: RecordedEvent) -> None:
    """What the dispatcher calls for every event; those that are none of ours do nothing."""
    if event.kind == RepositoryDeleted.KIND.name:
        _end_all(tx, event)
    if event.kind != TagMoved.KIND.name:
        return
    fire_matching(tx, push_of(event), event.at)


def fire_matching(tx: Connection, push: Push, now: datetime) -> list[int]:
    """The runs of all triggers that the push is for; answers their ids."""
    found = triggers_by_id(tx, matching(tx, push.repository, push.tag))
    return [run for trigger in found for run in fire(tx, trigger, push, now)]


def fire(tx: Connection, trigger: Trigger, push: Push, now: datetime) -> list[int]:
    """The runs of one trigger for one push, let go where nothing holds them up; answers their ids."""
    places = places_of(tx, trigger)
    if not places:
        places = [Place(0, None, trigger.target.fleet or "")]
    # A paused trigger tells of each push that it let go by; one that is switched off is not asked.
    why_not = trigger.why_not or platform_missing(tx, trigger, push)
    made = []
    for place in places:
        run = get_run(tx, _insert(tx, trigger, push, place, now))
        made.append(run.id)
        reason = why_not or _behind_a_newer_version(tx, trigger, run)
        if reason is not None:
            end_run(tx, run, State.SKIPPED, reason, now)
            continue
        _supersede(tx, run, push, now)
        if place.cluster_id is None and trigger.target.git is None:
            end_run(tx, run, State.FAILED, _no_cluster(trigger, place), now)
        else:
            let_go(tx, run, trigger, now, waits_for_wave=place.wave > places[0].wave)
    return made


def places_of(tx: Connection, trigger: Trigger) -> list[Place]:
    """The clusters of a trigger now, wave by wave."""
    target = trigger.target
    if target.git is not None:
        return [Place(0, None, "git")]
    names = [(wave, name) for wave, members in enumerate(target.waves) for name in members]
    known = {name for _, name in names}
    if target.fleet is not None:
        last = len(target.waves)
        names += [(last, name) for name in clusters_of_fleet(tx, target.fleet) or () if name not in known]
    places = []
    for wave, name in names:
        found = None if name in trigger.lost else find_cluster(tx, name)
        places.append(Place(wave, None if found is None else found.id, name))
    return places


def platform_missing(tx: Connection, trigger: Trigger, push: Push) -> str | None:
    """Why what was pushed is not for the trigger's platform; None where it is.

    Of an image held elsewhere nobody here knows.
    """
    if push.image is not None:
        return None
    return why_not_for(tx, trigger.wanted.platform, push.repository, push.digest)


def push_of(event: RecordedEvent) -> Push:
    """The push that an event of a moved tag tells of. Raises `ValueError` for another event."""
    moved = TagMoved.from_event(event)
    repository = RepositoryName(moved.repository)
    return Push(f"event:{event.id}", repository, moved.tag, moved.digest, moved.user or "", event.at)


def _end_all(tx: Connection, event: RecordedEvent) -> None:
    """The image is gone, and its triggers with it: what had not begun says so."""
    gone = (trigger_runs.c.repository == event.subject, trigger_runs.c.trigger_id.is_(None))
    for row in tx.execute(RUNS.where(*gone, trigger_runs.c.state.in_(NOT_BEGUN))).all():
        end_run(tx, run_of(row), State.SKIPPED, f"the image {event.subject} was deleted", event.at)


def _insert(tx: Connection, trigger: Trigger, push: Push, place: Place, now: datetime) -> int:
    target = trigger.target
    row = {
        "trigger_id": trigger.id,
        "trigger_name": trigger.name,
        "repository": push.repository.text,
        "push": push.id,
        "condition": str(trigger.condition),
        "tag": push.tag,
        "digest": push.digest,
        "image": push.image,
        "pushed_by": push.pushed_by,
        "pushed_at": push.pushed_at,
        "cluster_id": place.cluster_id,
        "cluster": place.name,
        "namespace": target.namespace,
        "kind": "Git" if target.git is not None else target.kind.value,
        "workload": _git_place(trigger) if target.git is not None else target.which,
        "containers": json.dumps(list(target.containers)),
        "wave": place.wave,
        "state": State.WAITING.value,
        "detail": "",
        "attempts": 0,
        "owner": trigger.owner,
        "created_at": now,
    }
    return int(tx.execute(insert(trigger_runs).values(row).returning(trigger_runs.c.id)).scalar_one())


def _git_place(trigger: Trigger) -> str:
    git: Any = trigger.target.git or {}
    return f"{git.get('url', '')}#{git.get('branch', '')}"[:300]


def _open_runs(tx: Connection, run: Run, states: Sequence[State]) -> list[Run]:
    """Those of older pushes for the same trigger, in all of its clusters."""
    query = RUNS.where(
        trigger_runs.c.trigger_id == run.trigger_id,
        trigger_runs.c.push != run.push,
        trigger_runs.c.id < run.id,
        trigger_runs.c.state.in_(states),
    )
    return [run_of(row) for row in tx.execute(query.order_by(trigger_runs.c.id)).all()]


def _behind_a_newer_version(tx: Connection, trigger: Trigger, run: Run) -> str | None:
    """With a range of versions the newest version wins, not the newest push."""
    mine = Version.parse(run.tag)
    if not run.keeps_order(trigger) or mine is None:
        return None
    for other in _open_runs(tx, run, OPEN):
        theirs = Version.parse(other.tag)
        if theirs is not None and theirs > mine:
            return f"{run.tag} is older than {other.tag}, which is on its way there"
    return None


def _supersede(tx: Connection, run: Run, push: Push, now: datetime) -> None:
    for older in _open_runs(tx, run, NOT_BEGUN):
        what = f"{push.tag} with {push.digest[:19]}" if push.digest else push.tag
        reason = f"{what} was pushed at {said(push.pushed_at)}, before this one began"
        end_run(tx, older, State.SUPERSEDED, reason, now)


def _no_cluster(trigger: Trigger, place: Place) -> str:
    if not place.name:
        return "the trigger has no cluster any more; give it another target"
    if trigger.target.fleet == place.name:
        return f"there is no fleet {place.name} with a cluster in it"
    return (
        f"the cluster {place.name} is no longer registered;"
        " register it again, or give the trigger another target"
    )
