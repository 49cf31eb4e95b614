"""Options that several commands share, made from the declarations of the settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from wherry.settings import Resolved, Settings, SettingsError, declarations, load_settings

_DECLARED = {declaration.key: declaration for declaration in declarations(Settings)}


def setting_option(key: str, *names: str) -> Any:
    """A Typer option for one setting; its help is the declaration's, with its variable and default."""
    declared = _DECLARED[key]
    doc = declared.doc.replace("`", "")
    return typer.Option(
        declared.flag,
        *names,
        help=f"{doc} (env {declared.environment}; default: {declared.show_default().replace('`', '')})",
        metavar=declared.kind.name.upper(),
        show_default=False,
    )


DataOption = Annotated[str | None, setting_option("data")]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file in TOML (env WHERRY_CONFIG; default: DIR/wherry.toml, if it is there).",
        show_default=False,
        metavar="FILE",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Any setting by its key, such as store.driver=s3; may be given several times.",
        show_default=False,
        metavar="KEY=VALUE",
    ),
]
OutputOption = Annotated[str | None, typer.Option("--output", "-o", help="yaml or json.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def resolve(
    *, config: Path | None = None, settings: list[str] | None = None, **flags: str | None
) -> Resolved:
    """The effective settings; prints what is wrong with them and ends the program if they cannot be used.

    ``flags`` are texts by key with ``_`` for the dot, as they come from a command's own options.
    """
    texts = {_flag_key(name): text for name, text in flags.items() if text is not None}
    try:
        return load_settings(flags=_pairs(settings or []) | texts, environ=os.environ, config=config)
    except SettingsError as error:
        for problem in error.problems:
            typer.echo(f"wherry: {problem}", err=True)
        raise typer.Exit(2) from None


def fail(message: str, code: int = 1) -> NoReturn:
    """End the program with one line that says why."""
    typer.echo(f"wherry: {message}", err=True)
    raise typer.Exit(code)


def _flag_key(name: str) -> str:
    return name if name in _DECLARED else name.replace("_", ".", 1)


def _pairs(items: list[str]) -> dict[str, str]:
    pairs = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals:
            raise SettingsError([f"--set takes KEY=VALUE, not {item!r}."])
        pairs[key.strip()] = value
    return pairs
