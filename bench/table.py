"""A report on the screen, as Markdown, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.figures import Report, Row, Verdict
from bench.sides import WHERRY

_PAGE = """\
# Benchmarks

<!-- Made by `{command}`; do not edit. -->

Wherry side by side with other registries, in one run on one machine, in interleaved rounds. Run it yourself:
`make bench`, or `make bench ARGS="--only push --rounds 3"` (`--help` tells the rest). Another machine gives
other figures; the ratios are what carries over.

## What it must reach

| measured | must reach | is | |
| --- | --- | --- | --- |
{targets}

## The run

{facts}

## The servers

{servers}

Authorization is on everywhere but on the bare server: a Bearer token fetched once, as clients do, and
checked by the server on every request. All servers run at once; those not being measured are idle.

## All figures

“Wherry is” compares medians: above 1 × Wherry is ahead, whichever way the unit counts. Where Wherry alone is
measured, in several ways, each is compared with the first of them. CPU is
that of the server’s whole process tree; the kernel’s own threads, which write to the disk, are not in it.
"""
_HEADERS = ("", "median (lowest–highest)", "CPU of the server", "Wherry is")


def show(report: Report, console: Console) -> None:
    """The facts, then a table with one block a row."""
    for name, fact in report.facts.items():
        console.print(f"[bold]{name}[/bold]: {escape(fact)}", highlight=False)
    table = Table(show_lines=False, pad_edge=False)
    for header in ("measured", *_HEADERS):
        table.add_column(header, overflow="fold")
    table.add_column("must reach", overflow="fold")
    for row in report.rows:
        targets = [_verdict(report, verdict, markup=True) for verdict in row.verdicts()]
        lines = list(_lines(report, row))
        for index in range(max(len(lines), len(targets))):
            cells = lines[index] if index < len(lines) else ("", "", "", "")
            title = f"{escape(row.title)}\n[dim]{row.key}[/dim]" if index == 0 else ""
            table.add_row(title, *map(escape, cells), targets[index] if index < len(targets) else "")
        for note in row.notes:
            table.add_row("", f"[dim]{escape(_named(report, note))}[/dim]", "", "", "", "")
        table.add_section()
    console.print(table)
    for line in report.skipped:
        console.print(f"left out: {escape(line)}", highlight=False)


def markdown(report: Report, *, command: str) -> str:
    """The page docs/reference/benchmarks.md, whole."""
    facts = "\n".join(f"- {name}: {fact}" for name, fact in report.facts.items())
    servers = "\n".join(f"- **{name}**: {settings}" for name, settings in report.sides.values())
    parts = [_PAGE.format(command=command, facts=facts, servers=servers, targets="\n".join(_summary(report)))]
    for row in report.rows:
        parts.append(f"### {row.title}\n")
        parts.append(f"In {row.unit}; others used {row.others:.2f} cores meanwhile.\n")
        parts.append("| " + " | ".join(_HEADERS) + " |\n" + "| --- " * len(_HEADERS) + "|")
        parts.extend("| " + " | ".join(cells) + " |" for cells in _lines(report, row))
        tail = [f"- must reach {_verdict(report, verdict, markup=False)}" for verdict in row.verdicts()]
        tail += [f"- {_named(report, note)}" for note in row.notes]
        parts.append("\n" + "\n".join(tail) + "\n" if tail else "")
    if report.skipped:
        parts.append("## Left out\n")
        parts.append("\n".join(f"- {line}" for line in report.skipped) + "\n")
    return "\n".join(parts).rstrip() + "\n"


def as_data(report: Report) -> dict[str, Any]:
    """Everything, every round of it, for a program to compare runs with."""
    return {
        "facts": report.facts,
        "sides": {
            key: {"name": name, "settings": settings} for key, (name, settings) in report.sides.items()
        },
        "skipped": report.skipped,
        "rows": [
            {
                "key": row.key,
                "title": row.title,
                "unit": row.unit.value,
                "others_cores": round(row.others, 3),
                "notes": [_named(report, note) for note in row.notes],
                "figures": {
                    key: {
                        "median": figure.median,
                        "rounds": [sample.value for sample in figure.samples],
                        "cpu": figure.cost,
                        "cpu_of_rounds": [sample.cost for sample in figure.samples],
                        "ratio": row.ratio(key),
                    }
                    for key, figure in row.figures.items()
                },
                "targets": [
                    {
                        "target": _named(report, verdict.text),
                        "measured": verdict.measured,
                        "reached": verdict.reached,
                    }
                    for verdict in row.verdicts()
                ],
            }
            for row in report.rows
        ],
    }


def _summary(report: Report) -> Iterator[str]:
    """A line for each target."""
    for row in report.rows:
        for verdict in row.verdicts():
            word = {True: "reached", False: "**missed**", None: "not measured"}[verdict.reached]
            target = _named(report, verdict.text)
            yield f"| {row.title} | {target} | {verdict.measured or ''} | {word} |"


def _lines(report: Report, row: Row) -> Iterator[tuple[str, str, str, str]]:
    for key, figure in row.figures.items():
        spread = f"{row.unit.write(figure.low)}–{row.unit.write(figure.high)}"
        ratio = row.ratio(key)
        yield (
            row.names.get(key) or report.sides[key][0],
            f"{row.unit.write(figure.median)} {row.unit} ({spread})",
            "" if figure.cost is None else row.cost.write(figure.cost),
            _compared(row, key, ratio),
        )


def _compared(row: Row, key: str, ratio: float | None) -> str:
    if ratio is not None:
        return f"{ratio:.2f} ×"
    return "" if key == WHERRY or row.names else "not measured"


def _named(report: Report, text: str) -> str:
    return text.format(**{key: name for key, (name, _) in report.sides.items()})


def _verdict(report: Report, verdict: Verdict, *, markup: bool) -> str:
    word, colour = {True: ("reached", "green"), False: ("missed", "red"), None: ("not measured", "yellow")}[
        verdict.reached
    ]
    shown = f"[{colour}]{word}[/{colour}]" if markup else f"**{word}**"
    text = _named(report, verdict.text)
    return f"{escape(text) if markup else text}: {shown}" + (
        f" ({verdict.measured})" if verdict.measured else ""
    )
