"""A run of the past made anew, as a new run; also how one rolls back by hand to what was pushed before."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from wherry.access.decisions import Actor
from wherry.oci.digests import Digest
from wherry.registry.manifest_list import get_listed_manifest
from wherry.triggers.errors import RunNotOpen
from wherry.triggers.find import find_trigger
from wherry.triggers.owners import require_cluster, require_write
from wherry.triggers.react import Push, fire
from wherry.triggers.runs import REPLAY, Run, get_run
from wherry.triggers.tables import trigger_runs


def replay_run(tx: Connection, actor: Actor, run_id: int, now: datetime) -> tuple[Run, ...]:
    """The same tag and digest once more, by the trigger as it is now, in all of its clusters.

    Also where a newer version runs and the trigger is for a range: going back is what is asked for.

    Raises `RunUnknown`, `RunNotOpen`, `TriggerForbidden`, `ClusterUnknown`, `ClusterForbidden`,
    `RepositoryUnknown`, and `ManifestUnknown` where what was pushed then is no longer there.
    """
    run = get_run(tx, run_id)
    require_write(tx, actor, run.repository, now)
    trigger = None if run.trigger_id is None else find_trigger(tx, run.trigger_id)
    if trigger is None:
        raise RunNotOpen(f"the trigger {run.trigger} of run {run_id} was deleted")
    if trigger.why_not is not None:
        raise RunNotOpen(trigger.why_not)
    for cluster in trigger.target.clusters:
        if cluster not in trigger.lost:
            require_cluster(tx, actor, cluster)
    if run.image is None:
        get_listed_manifest(tx, run.repository, Digest.parse(run.digest))
    like = f"{REPLAY}{run.id}:%"
    times = tx.execute(
        select(func.count(func.distinct(trigger_runs.c.push))).where(
            trigger_runs.c.trigger_id == trigger.id, trigger_runs.c.push.like(like)
        )
    ).scalar_one()
    number = f"{REPLAY}{run.id}:{times + 1}"
    push = Push(number, run.repository, run.tag, run.digest, actor.name, now, run.image)
    return tuple(get_run(tx, made) for made in fire(tx, trigger, push, now))
