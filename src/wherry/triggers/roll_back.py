"""Sets back what stood in the workloads before the run, because its roll-out failed."""

from collections.abc import Mapping
from typing import Any

from wherry.triggers.at_cluster import AtCluster
from wherry.triggers.plan import Plan
from wherry.triggers.rollout import not_followed
from wherry.triggers.runs import State
from wherry.triggers.workloads import undo_plan

# So long it is watched, to tell how it went.
WATCH_SECONDS = 300.0


async def roll_back(at: AtCluster, changes: Mapping[str, Any]) -> None:
    """`changes` are the run's, noted with why it `failed`: whoever takes over goes on here. Ends the run."""
    run, target = at.run, at.trigger.target
    words = [str(changes["failed"])]
    with at.watching() as overtaken:
        for key, document in changes["workloads"].items():
            name = key.partition("/")[2]
            planned = Plan.from_json(target.kind.kind, run.namespace, name, document)
            workload = await undo_plan(at.connection, planned, run.id)
            if workload is None:
                words.append(f"{key} was changed by somebody else meanwhile, and is left as it is")
                continue
            words.append(f"rolled back to {', '.join(one.before for one in planned.changes)}")
            if not_followed(workload) is None:
                ended = await at.watch(workload, planned, WATCH_SECONDS, overtaken, before=True)
                words.append(ended.words if ended.is_well else f"which is not well either: {ended.words}")
    await at.held.end(State.ROLLED_BACK, "; ".join(words))
