"""``wherry pull-secret``: what a cluster's nodes log in to registries with."""

from __future__ import annotations

import typer

from wherry.cli import pull_secret_change, pull_secret_create, pull_secret_list, pull_secret_sync

pull_secrets = typer.Typer(no_args_is_help=True, help="Secrets that a cluster's nodes pull images with.")

pull_secrets.command("create")(pull_secret_create.create)
pull_secrets.command("list")(pull_secret_list.list_all)
pull_secrets.command("show")(pull_secret_list.show)
pull_secrets.command("rotate")(pull_secret_change.rotate)
pull_secrets.command("mend")(pull_secret_change.mend)
pull_secrets.command("delete")(pull_secret_change.delete)
pull_secrets.command("sync")(pull_secret_sync.sync)
