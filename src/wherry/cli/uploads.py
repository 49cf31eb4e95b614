"""``wherry uploads``: blob uploads that were begun and not finished."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_rows

uploads = typer.Typer(no_args_is_help=True, help="Blob uploads that were begun and not finished.")

_MOST = 10_000


@uploads.command("list")
def list_all(
    idle: Annotated[
        str, typer.Option("--idle", help="Only those untouched for this long.", metavar="DURATION")
    ] = "1ms",
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print unfinished uploads, the longest untouched first.

    Example: wherry uploads list --idle 1h
    """
    from wherry.kit.clock import SystemClock
    from wherry.registry.uploads import expired_uploads

    before = SystemClock().now() - _duration(idle)
    with open_database(data, config) as database:
        found = database.read_now(lambda tx: expired_uploads(tx, before, _MOST))
    rows = [{"upload": staged.upload, "received_bytes": staged.received} for staged in found]
    print_rows(rows, ["upload", "received_bytes"], as_json=as_json, empty="No upload is unfinished.")


@uploads.command()
def expire(
    idle: Annotated[
        str | None,
        typer.Option(
            "--idle",
            help="How long untouched (default: the setting uploads.expiry).",
            metavar="DURATION",
            show_default=False,
        ),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """End uploads that nobody has continued, and free their bytes; the server does it too, every few minutes.

    Example: wherry uploads expire --idle 1h
    """
    import asyncio

    from wherry.app.upload_expiry import expire_uploads
    from wherry.app.wiring import open_blob_store
    from wherry.blobs.errors import BlobError
    from wherry.blobs.intake import Intake
    from wherry.kit.clock import SystemClock

    settings = resolve(config=config, data=data).settings
    untouched = _duration(idle) if idle else settings.uploads.expiry

    with open_database(data, config) as database:

        async def run() -> int:
            store = open_blob_store(settings)
            try:
                return await expire_uploads(database, Intake(store), SystemClock(), untouched)
            finally:
                await store.close()

        try:
            ended = asyncio.run(run())
        except BlobError as error:
            fail(str(error))
    typer.echo(f"{ended} uploads ended.")


def _duration(text: str) -> timedelta:
    from wherry.settings.kinds import DURATION

    try:
        return DURATION.parse(text)
    except ValueError:
        fail(f"--idle must be {DURATION.accepts}, not {text!r}.", 2)
