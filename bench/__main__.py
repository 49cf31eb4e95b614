"""`python -m bench`: choose what is measured, for how long, and where the figures go."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from bench import cgroup, machine, memory, paging, pull, push, rights, startup, table
from bench.failure import BenchFailed
from bench.figures import Report, Row
from bench.loader import loader
from bench.rounds import Bench
from bench.sides import BARE, KINDS, PEERS, WHERRY
from engines.servers.process import ServerFailed

_PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "benchmarks.md"
_GROUPS: dict[str, tuple[Sequence[str], Callable[[Bench], Iterator[Row]]]] = {
    "pull": (pull.KEYS, pull.rows),
    "push": (push.KEYS, push.rows),
    "paging": (paging.KEYS, paging.rows),
    "rights": (rights.KEYS, rights.rows),
    "memory": (memory.KEYS, memory.rows),
    "startup": (startup.KEYS, startup.rows),
}
_SIDES = (WHERRY, *PEERS)
_KEPT_BACK = 4 << 30
_NOISY_CORES = 0.2


def main() -> int:
    options = _parser().parse_args()
    console = Console(stderr=True)
    problem = _wrong_choice(options)
    if problem:
        console.print(f"[red]{problem}[/red]")
        return 2
    sides, skipped = _sides(options.sides)
    report = Report(facts={}, sides=_described(sides, options.settings), skipped=skipped)
    load = machine.load_average()
    with (
        cgroup.going_first() as priority,
        tempfile.TemporaryDirectory(prefix="wherry-bench-", dir=options.folder) as folder,
        loader() as clients,
    ):
        warmed = _warm(options, console)
        bench = Bench(
            Path(folder),
            options.rounds,
            options.seconds,
            sides,
            options.settings,
            clients,
            console,
            options.only,
        )
        failed = False
        try:
            for row in _measured(bench):
                report.rows.append(row)
        except (BenchFailed, ServerFailed, OSError) as error:
            console.print(f"[red]The bench failed:[/red] {error}", highlight=False)
            failed = True
        report.facts = _facts(options, bench, priority, load, warmed)
        # Before the folder goes: a million small files take their time.
        _hand_out(report, options, whole=not failed)
    return 1 if failed else 0


def _hand_out(report: Report, options: argparse.Namespace, *, whole: bool) -> None:
    """To the screen in any case; to files only what is whole."""
    table.show(report, Console(width=None if sys.stdout.isatty() else 170))
    if whole and options.json:
        options.json.write_text(json.dumps(table.as_data(report), indent=1) + "\n")
    if whole and options.write:
        _PAGE.parent.mkdir(parents=True, exist_ok=True)
        _PAGE.write_text(table.markdown(report, command="python -m bench --write"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = ", ".join(f"{group} ({', '.join(keys)})" for group, (keys, _) in _GROUPS.items())
    parser.add_argument("--only", type=_listed, default=[], metavar="ROW,…", help=f"groups or rows: {known}")
    parser.add_argument("--rounds", type=int, default=5, help="of each side, interleaved (default 5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a round of one side (default 3)")
    parser.add_argument(
        "--sides", type=_listed, default=list(_SIDES), metavar="SIDE,…", help=f"default: {','.join(_SIDES)}"
    )
    parser.add_argument(
        "--set",
        dest="settings",
        action=_Setting,
        default={},
        metavar="WHERRY_…=…",
        help="a setting of Wherry that is not the default; printed with the figures",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures there")
    parser.add_argument("--write", action="store_true", help="write docs/reference/benchmarks.md anew")
    parser.add_argument(
        "--folder", type=Path, help="where the servers keep their data (default: the system's)"
    )
    parser.add_argument("--no-warm", action="store_true", help="do not touch the machine's free memory first")
    return parser


class _Setting(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: object, values: object, _: object = None
    ) -> None:
        name, equals, value = str(values).partition("=")
        if not equals or not name.startswith("WHERRY_"):
            parser.error(f"--set wants WHERRY_NAME=VALUE, not {values}")
        setattr(namespace, self.dest, {**getattr(namespace, self.dest), name: value})


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _wrong_choice(options: argparse.Namespace) -> str | None:
    known = {*_GROUPS, *(key for keys, _ in _GROUPS.values() for key in keys)}
    if unknown := set(options.only) - known:
        return f"no such row: {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}"
    if unknown := set(options.sides) - set(_SIDES):
        return f"no such side: {', '.join(sorted(unknown))}; there are: {', '.join(_SIDES)}"
    if options.write and options.only:
        return "--write writes the whole page: it does not go with --only"
    return None


def _sides(wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those that can run here, Wherry first, and why the others cannot."""
    sides, skipped = [], []
    for key in (side for side in _SIDES if side in wanted):
        reason = KINDS[key].missing()
        if reason is None:
            sides.append(key)
        else:
            skipped.append(reason)
    return sides, skipped


def _described(sides: Sequence[str], settings: dict[str, str]) -> dict[str, tuple[str, str]]:
    described = {key: (kind.title, kind.settings) for key, kind in KINDS.items()}
    for key in (*sides, BARE):
        described[key] = (f"{KINDS[key].title} {KINDS[key].version()}", KINDS[key].settings)
    if settings:
        name, words = described[WHERRY]
        set_here = ", ".join(f"{key}={value}" for key, value in settings.items())
        described[WHERRY] = (name, f"{words}; set for this run: {set_here}")
    return described


def _warm(options: argparse.Namespace, console: Console) -> str:
    free = machine.available_memory() - _KEPT_BACK
    writing = not options.only or any(
        key in options.only for key in ("push", *push.KEYS, "memory", *memory.KEYS)
    )
    if options.no_warm or free <= 0 or not writing:
        return "not touched before"
    gib = min(4.0, free / (1 << 30))
    console.print(f"touching {gib:.0f} GiB of memory …", highlight=False)
    machine.warm_memory(gib)
    return f"{gib:.0f} GiB touched before (a virtual machine gets its pages at the first touch, slowly)"


def _measured(bench: Bench) -> Iterator[Row]:
    for group, (keys, rows) in _GROUPS.items():
        if bench.wants(group, *keys):
            bench.say(f"[bold]{group}[/bold]")
            yield from rows(bench)


def _command(options: argparse.Namespace) -> str:
    """What somebody else would type for the same run; where its files went is nobody else's business."""
    words = ["python", "-m", "bench", "--rounds", str(options.rounds), "--seconds", f"{options.seconds:g}"]
    if options.only:
        words += ["--only", ",".join(options.only)]
    if list(options.sides) != list(_SIDES):
        words += ["--sides", ",".join(options.sides)]
    for name, value in options.settings.items():
        words += ["--set", f"{name}={value}"]
    return shlex.join(words)


def _facts(
    options: argparse.Namespace, bench: Bench, priority: str, load: float, warmed: str
) -> dict[str, str]:
    now = datetime.datetime.now(datetime.UTC)
    average = sum(bench.others) / len(bench.others) if bench.others else 0.0
    noisy = average > _NOISY_CORES
    shared = "NOISY: read the ratios and the CPU, not the rates" if noisy else "quiet"
    return {
        "When": now.strftime("%Y-%m-%d %H:%M UTC"),
        "Command": _command(options),
        **machine.facts(bench.folder),
        "Rounds": f"{options.rounds} of {options.seconds:g} s a side, interleaved, after one not counted",
        "Load average": f"{load:.2f} before, {machine.load_average():.2f} after; {priority}",
        "Others on the machine": f"used {average:.2f} of {os.cpu_count()} cores on average ({shared})",
        "Memory of the machine": warmed,
    }


if __name__ == "__main__":
    sys.exit(main())
