"""What commands print: a table for people, JSON for programs. One place, so that all commands look alike."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import typer


def print_json(value: object) -> None:
    """JSON on standard output, indented, times in ISO 8601."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def print_as(value: object, output: str) -> None:
    """Rows or a record as `yaml` or `json`."""
    if output not in ("yaml", "json"):
        typer.echo(f"wherry: -o {output}: valid are yaml and json", err=True)
        raise typer.Exit(2)
    if output == "json":
        print_json(value)
        return
    from wherry.clusters.yaml_text import write_yaml

    # By way of JSON: times become texts, as there.
    typer.echo(write_yaml(json.loads(json.dumps(value, default=_plain))), nl=False)


def print_rows(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str = "Nothing there."
) -> None:
    """Rows as a table with these columns, or as a JSON list of whole rows."""
    listed = list(rows)
    if as_json:
        print_json(listed)
        return
    if not listed:
        typer.echo(empty)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in listed:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    # Piped output is not wrapped to a made-up width of 80: another program reads it.
    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 10_000).print(table)


def print_record(record: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing: its facts below each other, or a JSON object."""
    if as_json:
        print_json(dict(record))
        return
    width = max(len(name) for name in record)
    for name, value in record.items():
        typer.echo(f"{name.replace('_', ' '):<{width}}  {_cell(value)}")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def note_more(more: bool, last: str) -> None:
    """On standard error, so that piped output stays clean: the list was cut, and how to go on."""
    if more:
        typer.echo(f"There are more: go on with --after {last}, or raise --limit.", err=True)
