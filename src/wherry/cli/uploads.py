"""``wherry uploads``: blob uploads that were begun and not finished."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_rows
from wherry.cli.repository import LimitOption

if TYPE_CHECKING:
    from wherry.registry.uploads import OpenUpload

uploads = typer.Typer(no_args_is_help=True, help="Blob uploads that were begun and not finished.")

_COLUMNS = ["upload", "repository", "user", "received_bytes", "touched"]


@uploads.command("list")
def list_all(
    limit: LimitOption = 1000,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print unfinished uploads, the longest untouched first.

    Example: wherry uploads list --limit 20
    """
    from wherry.registry.uploads import list_uploads

    with open_database(data, config) as database:
        found = database.read_now(lambda tx: list_uploads(tx, limit))
    print_rows(
        [_row(upload) for upload in found], _COLUMNS, as_json=as_json, empty="No upload is unfinished."
    )


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


def _row(upload: OpenUpload) -> dict[str, Any]:
    return {
        "upload": upload.id,
        "repository": str(upload.repository),
        "user": upload.user,
        "received_bytes": upload.received,
        "touched": upload.touched_at,
    }
