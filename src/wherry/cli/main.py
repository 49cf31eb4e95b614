"""The command ``wherry``: which commands there are."""

from __future__ import annotations

import typer

from wherry.cli import serve, settings, version

_HELP = "Wherry, a container registry: run it with `wherry serve`, then push with any client."


def build_app() -> typer.Typer:
    """The whole command line; also read by the page docs/reference/cli.md."""
    app = typer.Typer(
        name="wherry",
        help=_HELP,
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command("serve")(serve.serve)
    app.command("settings")(settings.show_settings)
    app.command("version")(version.show_version)
    return app


def main() -> None:
    """Entry point of the script ``wherry``."""
    build_app()()
