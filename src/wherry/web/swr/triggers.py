"""Triggers of an image in SWR's words; what only the native API knows is shown as near as they allow."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from sqlalchemy import Connection, select
from starlette.responses import Response

from wherry.clusters.tables import clusters
from wherry.registry.repositories import get_repository
from wherry.triggers.conditions import Condition, ConditionKind
from wherry.triggers.find import get_trigger, list_triggers
from wherry.triggers.history import list_runs
from wherry.triggers.manage import create_trigger as make_trigger
from wherry.triggers.manage import delete_trigger as remove_trigger
from wherry.triggers.manage import enable_trigger
from wherry.triggers.runs import BAD, Run, State
from wherry.triggers.trigger import Target, Trigger, Wanted, WorkloadKind
from wherry.web.swr.call import Call
from wherry.web.swr.documents import Fields, answer, done, moment
from wherry.web.swr.errors import Code, Problem

# Of each trigger, as many of its last runs are shown.
HISTORY = 100
MAX_LISTED = 1000

_APP_TYPES = {
    "deployments": WorkloadKind.DEPLOYMENT,
    "statefulsets": WorkloadKind.STATEFUL_SET,
    "daemonsets": WorkloadKind.DAEMON_SET,
    "cronjobs": WorkloadKind.CRON_JOB,
}
_TRIGGER_TYPES = {"all": ConditionKind.ALL, "tag": ConditionKind.TAG, "regular": ConditionKind.REGEX}
_APP_TYPE_OF = {kind: word for word, kind in _APP_TYPES.items()}
T = TypeVar("T")

_TRIGGER_TYPE_OF = {kind: word for word, kind in _TRIGGER_TYPES.items()}


async def create_trigger(call: Call) -> Response:
    """Update a workload with each tag of the image that the condition is for."""
    fields, actor, image, now = call.fields(), call.actor, call.image, call.now
    if fields.text("action") != "update":
        raise _wrong("action is update")
    if (fields.optional_text("trigger_mode") or "cce") != "cce":
        raise _wrong("trigger_mode is cce: a cluster that is registered here")
    condition, kind = _condition(fields), _one_of(fields, "app_type", _APP_TYPES)
    enabled, name = _enable(fields), fields.text("name")
    namespace, application = fields.text("cluster_ns"), fields.text("application")
    container = fields.optional_text("container")
    number, cluster = fields.optional_text("cluster_id"), fields.optional_text("cluster_name")

    def work(tx: Connection) -> Trigger:
        # An image that is not there is said before a cluster that is not.
        get_repository(tx, image)
        target = Target.workload(
            _cluster_name(tx, number, cluster),
            namespace,
            kind,
            application,
            containers=(container,) if container else (),
        )
        wanted = Wanted(name, condition, target, is_enabled=enabled)
        return make_trigger(tx, actor, image, wanted, now)

    await call.write(work, {"trigger": name})
    return done(201)


async def list_triggers_details(call: Call) -> Response:
    """The image's triggers, each with what it did last."""
    image = call.image

    def work(tx: Connection) -> list[dict[str, object]]:
        found = list_triggers(tx, image, size=MAX_LISTED).items
        ids = _ids(tx, found)
        return [_document(tx, trigger, ids) for trigger in found]

    return answer(await call.read(work))


async def show_trigger(call: Call) -> Response:
    """A trigger, with what it did last."""
    image, name = call.image, call.parameters["trigger"]

    def work(tx: Connection) -> dict[str, object]:
        trigger = get_trigger(tx, image, name)
        return _document(tx, trigger, _ids(tx, [trigger]))

    return answer(await call.read(work))


async def update_trigger(call: Call) -> Response:
    """Switch a trigger on or off."""
    image, name, now, actor = call.image, call.parameters["trigger"], call.now, call.actor
    enabled = _enable(call.fields())
    await call.write(
        lambda tx: enable_trigger(tx, actor, image, name, enabled, now), {"trigger": name, "enabled": enabled}
    )
    return done(201)


async def delete_trigger(call: Call) -> Response:
    """Delete a trigger."""
    image, name, now, actor = call.image, call.parameters["trigger"], call.now, call.actor
    await call.write(
        lambda tx: remove_trigger(tx, actor, image, name, now), {"trigger": name, "deleted": True}
    )
    return done(204)


def _condition(fields: Fields) -> Condition:
    kind, text = _one_of(fields, "trigger_type", _TRIGGER_TYPES), fields.text("condition")
    if kind is not ConditionKind.ALL:
        return Condition(kind, text)
    if text not in (".*", ""):
        raise _wrong("condition is .* where trigger_type is all")
    return Condition(kind)


def _enable(fields: Fields) -> bool:
    return _one_of(fields, "enable", {"true": True, "false": False})


def _one_of(fields: Fields, name: str, meant: Mapping[str, T]) -> T:
    found = meant.get(fields.text(name))
    if found is None:
        raise _wrong(f"{name} is {' or '.join(meant)}")
    return found


def _wrong(message: str) -> Problem:
    return Problem(Code.INVALID_PARAMETER, message)


def _cluster_name(tx: Connection, number: str | None, name: str | None) -> str:
    """By its name, else by its id; whether one may deploy to it is asked later."""
    if name:
        return name
    if not number:
        raise _wrong("cluster_id or cluster_name says which cluster is meant")
    by_id = (
        clusters.c.id == int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None
    )
    query = select(clusters.c.name).where(clusters.c.uid == number if by_id is None else by_id)
    return tx.execute(query).scalar_one_or_none() or number


def _ids(tx: Connection, found: Iterable[Trigger]) -> dict[str, str]:
    """Ids of clusters by name."""
    names = {name for trigger in found for name in trigger.target.clusters}
    rows = tx.execute(select(clusters.c.name, clusters.c.id).where(clusters.c.name.in_(names)))
    return {row[0]: str(row[1]) for row in rows}


def _document(tx: Connection, trigger: Trigger, ids: Mapping[str, str]) -> dict[str, object]:
    names = trigger.target.clusters
    runs = list_runs(tx, trigger.repository, trigger_id=trigger.id, size=HISTORY).items
    return {
        "action": "update",
        **_target(trigger, names[0] if names else "", ids),
        "condition": trigger.condition.text or ".*",
        "created_at": moment(trigger.created_at),
        "creator_name": trigger.created_by,
        "enable": "true" if trigger.wanted.is_enabled else "false",
        "name": trigger.name,
        "trigger_mode": "cce",
        "trigger_type": _TRIGGER_TYPE_OF.get(trigger.condition.kind, trigger.condition.kind.value),
        "trigger_history": [_history(trigger, run, ids) for run in runs],
    }


def _target(trigger: Trigger, cluster: str, ids: Mapping[str, str]) -> dict[str, object]:
    target = trigger.target
    return {
        "app_type": _APP_TYPE_OF[target.kind],
        "application": target.name or target.selector or "",
        "cluster_id": ids.get(cluster, ""),
        "cluster_name": cluster,
        "cluster_ns": target.namespace,
        "container": ",".join(target.containers),
    }


def _history(trigger: Trigger, run: Run, ids: Mapping[str, str]) -> dict[str, object]:
    """SWR knows two results; the others are told in the detail."""
    is_told = run.state in (State.SUCCESS, State.FAILED)
    return {
        "action": "update",
        **_target(trigger, run.cluster, ids),
        "application": run.workload,
        "condition": run.condition.partition(" ")[2] or ".*",
        "created_at": moment(run.created_at),
        "creator_name": run.pushed_by,
        "detail": run.detail if is_told else f"{run.state.value}: {run.detail}".removesuffix(": "),
        "result": "failed" if run.state in BAD else "success" if run.state is State.SUCCESS else "",
        "tag": run.tag,
    }
