"""``wherry trigger enable``, ``disable``, ``pause``, ``resume`` and ``delete``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wherry.cli.options import ConfigOption, DataOption
from wherry.cli.trigger_calls import AsOption, ImageArgument, TriggerArgument, change_triggers, open_triggers


def enable(
    image: ImageArgument,
    name: TriggerArgument,
    user: AsOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Switch a trigger on; it forgets its failures.

    Example: wherry trigger enable acme/web prod
    """
    _switch(image, name, True, user, data, config)


def disable(
    image: ImageArgument,
    name: TriggerArgument,
    user: AsOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Switch a trigger off.

    Example: wherry trigger disable acme/web prod
    """
    _switch(image, name, False, user, data, config)


def pause(
    image: ImageArgument,
    name: TriggerArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why, for everybody to read.")] = "",
    user: AsOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Stop a trigger for a while.

    Example: wherry trigger pause acme/web prod --reason "a sale"
    """
    from wherry.oci.names import RepositoryName
    from wherry.triggers.manage import pause_trigger

    with open_triggers(data, config) as database:
        repository = RepositoryName.parse(image)
        done = change_triggers(
            database,
            repository,
            user,
            lambda tx, actor, now: pause_trigger(tx, actor, repository, name, reason, now),
            {"trigger": name, "paused": reason},
        )
    typer.echo(f"The trigger {name} is paused: {done.paused_because}.")


def resume(
    image: ImageArgument,
    name: TriggerArgument,
    user: AsOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a trigger fire again that was paused, or has paused itself after failures.

    Example: wherry trigger resume acme/web prod
    """
    from wherry.oci.names import RepositoryName
    from wherry.triggers.manage import resume_trigger

    with open_triggers(data, config) as database:
        repository = RepositoryName.parse(image)
        change_triggers(
            database,
            repository,
            user,
            lambda tx, actor, now: resume_trigger(tx, actor, repository, name, now),
            {"trigger": name, "resumed": True},
        )
    typer.echo(f"The trigger {name} goes on.")


def delete(
    image: ImageArgument,
    name: TriggerArgument,
    user: AsOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a trigger. Its history stays; runs that have not begun end as skipped.

    Example: wherry trigger delete acme/web prod
    """
    from wherry.oci.names import RepositoryName
    from wherry.triggers.manage import delete_trigger

    with open_triggers(data, config) as database:
        repository = RepositoryName.parse(image)
        change_triggers(
            database,
            repository,
            user,
            lambda tx, actor, now: delete_trigger(tx, actor, repository, name, now),
            {"trigger": name, "deleted": True},
        )
    typer.echo(f"The trigger {name} is deleted. Its history stays.")


def _switch(
    image: str, name: str, enabled: bool, user: str | None, data: str | None, config: Path | None
) -> None:
    from wherry.oci.names import RepositoryName
    from wherry.triggers.manage import enable_trigger

    with open_triggers(data, config) as database:
        repository = RepositoryName.parse(image)
        change_triggers(
            database,
            repository,
            user,
            lambda tx, actor, now: enable_trigger(tx, actor, repository, name, enabled, now),
            {"trigger": name, "enabled": enabled},
        )
    typer.echo(f"The trigger {name} is {'enabled' if enabled else 'disabled'}.")
