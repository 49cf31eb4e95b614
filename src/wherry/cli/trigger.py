"""``wherry trigger``: what a push of an image sets going in clusters or in a Git repository."""

from __future__ import annotations

import typer

from wherry.cli import (
    trigger_change,
    trigger_create,
    trigger_decide,
    trigger_history,
    trigger_list,
    trigger_preview,
)

triggers = typer.Typer(no_args_is_help=True, help="Workloads that are updated when a tag is pushed.")

triggers.command("create")(trigger_create.create)
triggers.command("list")(trigger_list.list_all)
triggers.command("show")(trigger_list.show)
triggers.command("preview")(trigger_preview.preview)
triggers.command("history")(trigger_history.history)
triggers.command("enable")(trigger_change.enable)
triggers.command("disable")(trigger_change.disable)
triggers.command("pause")(trigger_change.pause)
triggers.command("resume")(trigger_change.resume)
triggers.command("delete")(trigger_change.delete)
triggers.command("approve")(trigger_decide.approve)
triggers.command("reject")(trigger_decide.reject)
triggers.command("replay")(trigger_decide.replay)
