"""Whether a run may begin, or go on, now that a worker has it; and what it needs for that.

The owner's rights are checked here, when it fires. What may not begin has ended, or waits, since.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from wherry.clusters.cluster import Cluster, ClusterKind, open_login
from wherry.clusters.errors import ClusterError
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.clusters.tables import clusters
from wherry.kit.secrets import Sealer, UnreadableSecret
from wherry.triggers.errors import RunUnknown, TriggerForbidden
from wherry.triggers.find import find_trigger
from wherry.triggers.gates import gate_of
from wherry.triggers.owners import owner_of, require_cluster, require_write
from wherry.triggers.plan import CannotUpdate
from wherry.triggers.runs import Run, State, begin_run, end_run, get_run, is_overtaken, let_go
from wherry.triggers.trigger import Trigger


@dataclass(frozen=True, slots=True)
class Begun:
    """`cluster` and `login` are None for a target in Git."""

    run: Run
    trigger: Trigger
    cluster: Cluster | None
    login: ClusterLogin | None

    @property
    def is_federation(self) -> bool:
        return self.cluster is not None and self.cluster.kind is ClusterKind.KARMADA


def begin(tx: Connection, sealer: Sealer, run_id: int, now: datetime) -> Begun | None:
    """None where there is nothing (more) to do."""
    try:
        run = get_run(tx, run_id)
    except RunUnknown:
        return None
    begun = _checked(tx, sealer, run, now) if run.state.is_open else None
    if begun is not None:
        begin_run(tx, run, now)
    return begun


def _checked(tx: Connection, sealer: Sealer, run: Run, now: datetime) -> Begun | None:
    trigger = None if run.trigger_id is None else find_trigger(tx, run.trigger_id)
    if trigger is None:
        end_run(tx, run, State.SKIPPED, "the trigger was deleted", now)
        return None
    if run.applied_at is None and not _may_begin(tx, run, trigger, now):
        return None
    try:
        owner = owner_of(tx, trigger.owner_id, trigger.owner)
        require_write(tx, owner, run.repository, now)
        if trigger.target.git is not None:
            return Begun(run, trigger, None, None)
        cluster = require_cluster(tx, owner, _name_now(tx, run))
        return Begun(run, trigger, cluster, open_login(tx, sealer, cluster.name))
    except (TriggerForbidden, ClusterError, UnreadableSecret, CannotUpdate) as error:
        end_run(tx, run, State.FAILED, str(error), now)
        return None


def _may_begin(tx: Connection, run: Run, trigger: Trigger, now: datetime) -> bool:
    if trigger.why_not is not None:
        end_run(tx, run, State.SKIPPED, trigger.why_not, now, stops_waves=True)
        return False
    if is_overtaken(tx, run, now):
        end_run(tx, run, State.SUPERSEDED, "a newer push came before this one began", now)
        return False
    approved = run.approved_by is not None
    gate = gate_of(trigger.options, run.created_at, now, is_approved=approved, waits_for_wave=False)
    if not gate.is_open:  # a window closed or a freeze began while it waited for a worker
        let_go(tx, run, trigger, now)
    return gate.is_open


def _name_now(tx: Connection, run: Run) -> str:
    """The cluster may have another name by now. Raises `CannotUpdate`."""
    found = tx.execute(select(clusters.c.name).where(clusters.c.id == run.cluster_id)).scalar_one_or_none()
    if found is None:
        raise CannotUpdate(f"the cluster {run.cluster} is no longer registered")
    return str(found)
