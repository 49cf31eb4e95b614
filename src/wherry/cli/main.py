"""The command ``wherry``: which commands there are."""

from __future__ import annotations

from typing import Annotated

import typer

from wherry import __version__
from wherry.cli import (
    access,
    audit,
    cluster,
    database,
    federation,
    fleet,
    job,
    key,
    pull_secret,
    repository,
    robot,
    serve,
    settings,
    sign_ins,
    tag,
    team,
    trigger,
    uploads,
    version,
    webhook,
    workload,
)

_HELP = "Wherry, a container registry: run it with `wherry serve`, then push with any client."


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"wherry {__version__}")
        raise typer.Exit


def build_app() -> typer.Typer:
    """The whole command line; also read by the page docs/reference/cli.md."""
    app = typer.Typer(
        name="wherry",
        help=_HELP,
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    app.command("serve")(serve.serve)
    app.command("settings")(settings.show_settings)
    app.add_typer(sign_ins.users, name="user")
    app.add_typer(access.access, name="access")
    app.add_typer(team.teams, name="team")
    app.add_typer(robot.robots, name="robot")
    app.add_typer(key.keys, name="key")
    app.command("login-key")(key.show_login_key)
    app.add_typer(repository.repositories, name="repository")
    app.add_typer(tag.tags, name="tag")
    app.add_typer(uploads.uploads, name="uploads")
    app.add_typer(cluster.clusters, name="cluster")
    app.add_typer(workload.workloads, name="workload")
    app.add_typer(pull_secret.pull_secrets, name="pull-secret")
    app.add_typer(trigger.triggers, name="trigger")
    app.add_typer(fleet.fleets, name="fleet")
    app.add_typer(federation.federations, name="federation")
    app.add_typer(webhook.webhooks, name="webhook")
    app.add_typer(job.jobs, name="jobs")
    app.add_typer(audit.audit, name="audit")
    app.add_typer(database.schema, name="db")
    app.command("version")(version.show_version)
    return app


def _options(
    show: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of the script ``wherry``."""
    build_app()()
