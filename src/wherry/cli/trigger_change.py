"""``wherry trigger enable``, ``disable``, ``pause``, ``resume`` and ``delete``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.options import ConfigOption, DataOption
from wherry.cli.server import ApiCall, ServerOption
from wherry.cli.trigger_calls import AsOption, ImageArgument, TriggerArgument, Triggers

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from wherry.access.decisions import Actor
    from wherry.oci.names import RepositoryName


def enable(
    image: ImageArgument,
    name: TriggerArgument,
    user: AsOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Switch a trigger on; it forgets its failures.

    Example: wherry trigger enable acme/web prod
    """
    _switch(Triggers(image, server, data, config, user), name, True)


def disable(
    image: ImageArgument,
    name: TriggerArgument,
    user: AsOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Switch a trigger off.

    Example: wherry trigger disable acme/web prod
    """
    _switch(Triggers(image, server, data, config, user), name, False)


def pause(
    image: ImageArgument,
    name: TriggerArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why, for everybody to read.")] = "",
    user: AsOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Stop a trigger for a while.

    Example: wherry trigger pause acme/web prod --reason "a sale"
    """
    from wherry.triggers.manage import pause_trigger

    because = _change(
        Triggers(image, server, data, config, user),
        name,
        ApiCall("PUT", ("pause",), {"reason": reason}),
        lambda tx, actor, of, name, now: pause_trigger(tx, actor, of, name, reason, now).paused_because,
        {"paused": reason},
        told=lambda trigger: trigger["paused_because"],
    )
    typer.echo(f"The trigger {name} is paused: {because}.")


def resume(
    image: ImageArgument,
    name: TriggerArgument,
    user: AsOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a trigger fire again that was paused, or has paused itself after failures.

    Example: wherry trigger resume acme/web prod
    """
    from wherry.triggers.manage import resume_trigger

    of = Triggers(image, server, data, config, user)
    _change(of, name, ApiCall("DELETE", ("pause",)), resume_trigger, {"resumed": True})
    typer.echo(f"The trigger {name} goes on.")


def delete(
    image: ImageArgument,
    name: TriggerArgument,
    user: AsOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a trigger. Its history stays; runs that have not begun end as skipped.

    Example: wherry trigger delete acme/web prod
    """
    from wherry.triggers.manage import delete_trigger

    of = Triggers(image, server, data, config, user)
    _change(of, name, ApiCall("DELETE", ()), delete_trigger, {"deleted": True})
    typer.echo(f"The trigger {name} is deleted. Its history stays.")


def _switch(of: Triggers, name: str, enabled: bool) -> None:
    from wherry.triggers.manage import enable_trigger

    _change(
        of,
        name,
        ApiCall("PUT", ("enabled",), {"enabled": enabled}),
        lambda tx, actor, of, name, now: enable_trigger(tx, actor, of, name, enabled, now),
        {"enabled": enabled},
    )
    typer.echo(f"The trigger {name} is {'enabled' if enabled else 'disabled'}.")


def _change(
    of: Triggers,
    name: str,
    call: ApiCall,
    work: Callable[[Connection, Actor, RepositoryName, str, datetime], Any],
    detail: Mapping[str, object],
    told: Callable[[Any], Any] = lambda _: None,
) -> Any:
    """As `Triggers.change`; `call` begins at the trigger."""
    return of.change(
        ApiCall(call.method, ("triggers", name, *call.path), call.body),
        lambda tx, actor, image, now: work(tx, actor, image, name, now),
        {"trigger": name, **detail},
        told,
    )
