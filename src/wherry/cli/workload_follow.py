"""Following a roll-out: a line for each step, with what pods wait for and why images do not come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wherry.cli.cluster_calls import call_cluster
from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, fail
from wherry.cli.workload_arguments import ClusterArgument, NameArgument, NamespaceOption, kind_and_name

if TYPE_CHECKING:
    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.kinds import Kind
    from wherry.clusters.workloads.progress import Progress
    from wherry.db.database import Database

FOLLOW_SECONDS = 600.0


def watch(
    cluster: ClusterArgument,
    name: NameArgument,
    namespace: NamespaceOption = "default",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Follow a roll-out until it is over.

    Example: wherry workload watch prod demo
    """
    kind, bare = kind_and_name(name)
    with open_database(data, config) as database:
        follow_to_the_end(database, cluster, kind, bare, namespace, data, config)


def follow_to_the_end(
    database: Database,
    cluster: str,
    kind: Kind,
    name: str,
    namespace: str,
    data: str | None,
    config: Path | None,
) -> None:
    """Prints each step; ends the program with an error where it fails, or is not over in time."""
    from wherry.clusters.workloads.progress import follow
    from wherry.kit.clock import SystemClock

    began = time.monotonic()

    async def whole(connection: ClusterConnection) -> Progress | None:
        last, said = None, ""
        async for last in follow(connection, kind, name, namespace, SystemClock(), FOLLOW_SECONDS):
            now = "\n".join(_lines(last))
            if now != said:
                typer.echo(f"{time.monotonic() - began:4.0f}s  {now}")
                said = now
        return last

    ended = call_cluster(database, cluster, data, config, whole)
    if ended is None or not ended.is_over:
        fail(f"{kind} {name} is not there after {FOLLOW_SECONDS / 60:.0f} minutes")
    if ended.workload is not None and ended.workload.word.value == "Failed":
        fail(f"{kind} {name} failed")


def _lines(progress: Progress) -> Iterator[str]:
    seen = progress.workload
    if seen is None:
        yield progress.problem or "not there yet"
        return
    yield f"{seen.word.value}: {seen.ready} of {seen.desired} ready, {seen.updated} of the new version"
    for failure in progress.failures:
        yield f"       {failure.reason}: {failure.mend}"
    if progress.is_over:
        return
    for pod in progress.pods:
        waits = [one.waits_for for one in pod.containers if one.waits_for and one.failure is None]
        if pod.problem or waits:
            yield f"       {pod.name}: {pod.problem or ', '.join(dict.fromkeys(waits))}"
