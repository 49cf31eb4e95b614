"""``--watch`` of lists and shows: printed again when something is different, until Ctrl-C or the time is up.

A terminal is cleared and shows the newest; piped output gets what is different, as lines.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Annotated, Any

import click
import typer

from wherry.cli.output import print_record, print_rows

WatchOption = Annotated[
    bool, typer.Option("--watch", "-w", help="Go on, and print what changes; end: Ctrl-C.")
]
ForOption = Annotated[
    float | None,
    typer.Option("--for", min=0.1, help="With --watch: end after so many seconds.", metavar="SECONDS"),
]

LOOK_EVERY = 0.5
ASK_EVERY = 2.0


async def print_again(
    running: Sequence[Coroutine[Any, Any, None]],
    rows: Callable[[], list[dict[str, Any]] | None],
    columns: Sequence[str],
    seconds: float | None,
    *,
    every: float = LOOK_EVERY,
) -> None:
    """`running` keep fresh what `rows` reads, which is None while there is nothing whole yet.

    `rows` that ask over the network are read less often: `ASK_EVERY`.
    """
    import asyncio

    tasks = [asyncio.create_task(one) for one in running]
    last: list[dict[str, Any]] | None = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                now = rows()
                if now is not None and now != last:
                    _print_rows(now, last, columns)
                    last = now
                await asyncio.sleep(every)
    except TimeoutError:
        return
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def print_record_again(ask: Callable[[], Awaitable[dict[str, Any]]], seconds: float | None) -> None:
    """Asks every other second, and prints the facts that are different from the last ones."""
    import asyncio

    last: dict[str, Any] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                now = {name: value for name, value in (await ask()).items() if name != "events"}
                changed = {
                    name: value for name, value in now.items() if name not in last or last[name] != value
                }
                if changed:
                    _clear()
                    print_record(now if _is_terminal() else changed, as_json=False)
                last = now
                await asyncio.sleep(ASK_EVERY)


def _print_rows(now: list[dict[str, Any]], last: list[dict[str, Any]] | None, columns: Sequence[str]) -> None:
    if _is_terminal() or last is None:
        _clear()
        print_rows(now, columns, as_json=False)
        return
    for row in now:
        if row not in last:
            typer.echo("  ".join(_text(row.get(column)) for column in columns))
    there = {_key(row) for row in now}
    for row in last:
        if _key(row) not in there:
            typer.echo(f"{'/'.join(_key(row))} is gone")


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("namespace", "kind", "name") if name in row)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "-"
    return "-" if value is None else str(value)


def _clear() -> None:
    if _is_terminal():
        click.clear()


def _is_terminal() -> bool:
    return sys.stdout.isatty()
