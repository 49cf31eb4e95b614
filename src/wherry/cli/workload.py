"""``wherry workload``: run an image in a registered cluster, follow it, change it, take it away."""

from __future__ import annotations

import typer

from wherry.cli import workload_change, workload_create, workload_follow, workload_list, workload_show

workloads = typer.Typer(no_args_is_help=True, help="Workloads made from images, in registered clusters.")

workloads.command("create")(workload_create.create)
workloads.command("list")(workload_list.list_all)
workloads.command("show")(workload_show.show)
workloads.command("watch")(workload_follow.watch)
workloads.command("scale")(workload_change.scale)
workloads.command("pause")(workload_change.pause)
workloads.command("resume")(workload_change.resume)
workloads.command("redeploy")(workload_change.redeploy)
workloads.command("history")(workload_change.history)
workloads.command("roll-back")(workload_change.roll_back)
workloads.command("delete")(workload_change.delete)
