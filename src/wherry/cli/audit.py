"""``wherry audit``: who changed what, or tried to; taken out as a file, and verified."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_record, print_rows
from wherry.cli.server import ServerOption

if TYPE_CHECKING:
    from wherry.audit.listing import AuditFilter, AuditRecord
    from wherry.audit.verify import Verdict
    from wherry.db.database import Database

audit = typer.Typer(no_args_is_help=True, help="Who changed what, or tried to; pulls are not recorded.")

ActorOption = Annotated[
    str | None,
    typer.Option("--actor", metavar="NAME", show_default=False, help="By this user, or 'command line'."),
]
ActionOption = Annotated[
    str | None,
    typer.Option(
        "--action", metavar="ACTION", show_default=False, help="Such as image.push or login.failed."
    ),
]
OnOption = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="NAME",
        show_default=False,
        help="On this image, organization, user or key; with * at its end on all whose name begins so.",
    ),
]
OrganizationOption = Annotated[
    str | None,
    typer.Option(
        "--organization", metavar="NAME", show_default=False, help="On this organization and all in it."
    ),
]
ResultOption = Annotated[
    str | None,
    typer.Option("--result", metavar="RESULT", show_default=False, help="done, refused or failed."),
]
KeyOption = Annotated[
    str | None, typer.Option("--key", metavar="ID", show_default=False, help="By this access key.")
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", show_default=False, help="From then on: 2026-01-31 or 2026-01-31T12:00Z."
    ),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="TIME", show_default=False, help="Before then.")
]

_COLUMNS = ["at", "actor", "by", "from", "action", "on", "result", "reason", "detail"]
_RESULTS = ("done", "refused", "failed")


@audit.command("list")
def list_all(
    actor: ActorOption = None,
    action: ActionOption = None,
    on: OnOption = None,
    organization: OrganizationOption = None,
    result: ResultOption = None,
    key: KeyOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    before: Annotated[
        int | None,
        typer.Option(
            "--before",
            metavar="POSITION",
            show_default=False,
            help="Go on behind the record of this position.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, metavar="N", help="Print at most this many.")
    ] = 50,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print records, the newest first; times are UTC.

    Example: wherry audit list --on acme/web --result refused
    """
    from wherry.audit.listing import list_records

    narrowed = _filter(actor, action, on, organization, result, key, since, until)
    records: Sequence[AuditRecord]
    if server is not None:
        if before is not None:
            fail("a server lists from its newest record on: narrow it with --until, not with --before.", 2)
        told, more = server.list("audit", limit=limit, **_query(narrowed))
        records = [_told(each) for each in told]
    else:
        with _settled(data, config) as (database, _):
            page = database.read_now(lambda tx: list_records(tx, narrowed, before=before, size=limit))
        records, more = page.items, page.more
    rows = [_record(record) if as_json else _row(record) for record in records]
    print_rows(rows, _COLUMNS, as_json=as_json)
    if more:
        position = records[-1].position
        typer.echo(f"There are more: go on with --before {position}, or raise --limit.", err=True)


@audit.command()
def export(
    form: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="csv, or jsonl: JSON lines, which can be verified."),
    ] = "jsonl",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", show_default=False, help="Write there, not to standard output."
        ),
    ] = None,
    actor: ActorOption = None,
    action: ActionOption = None,
    on: OnOption = None,
    organization: OrganizationOption = None,
    result: ResultOption = None,
    key: KeyOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Print records as CSV or as JSON lines, the oldest first. Only an export of all can be verified.

    Example: wherry audit export --format csv --organization acme > acme.csv
    """
    from wherry.audit.export import Format, export_records

    narrowed = _filter(actor, action, on, organization, result, key, since, until)
    try:
        chosen = Format(form)
    except ValueError:
        fail(f"--format {form}: valid are {', '.join(Format)}", 2)
    with _settled(data, config) as (database, _):
        chunks = export_records(database.read_now, narrowed, chosen)
        if output is None:
            _write_all(chunks)
        else:
            with output.open("w", encoding="utf-8", newline="") as file:
                file.writelines(chunks)


@audit.command()
def verify(
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="EXPORT.JSONL",
            show_default=False,
            help="Verify this export, without a data folder.",
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            "--head",
            metavar="POSITION:HASH",
            show_default=False,
            help="The head that was printed and noted earlier has to be in the chain.",
        ),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Work out every hash of the chain again. Ends with 1 and the first record that is not as it was.

    Example: wherry audit verify
    """
    from wherry.audit.chain import Head
    from wherry.audit.errors import AuditError
    from wherry.audit.verify import verify_chain, verify_export

    try:
        noted = None if head is None else Head.parse(head)
        if file is not None:
            with file.open(encoding="utf-8") as lines:
                verdict = verify_export(lines, noted)
        else:
            with _settled(data, config) as (database, seal_key):
                if seal_key is None:
                    fail("the head of the chain cannot be verified without the master key", 2)
                verdict = verify_chain(database.read_now, seal_key, noted)
    except AuditError as error:
        fail(str(error), 2)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}", 2)
    _print_verdict(verdict, file, as_json)


def _print_verdict(verdict: Verdict, file: Path | None, as_json: bool) -> None:
    fault, head = verdict.fault, verdict.head
    says = "the chain is whole" if fault is None else fault.says
    if fault is None and file is not None and verdict.first > 1:
        says += f"; record {verdict.first} itself cannot be checked without the one before it"
    print_record(
        {
            "whole": fault is None,
            "says": says,
            "checked": verdict.checked,
            "fault": None if fault is None else fault.kind.value,
            "position": None if fault is None else fault.position,
            "head": str(head) if fault is None and head.position else None,
        },
        as_json=as_json,
    )
    if fault is not None:
        raise typer.Exit(1)


@contextmanager
def _settled(data: str | None, config: Path | None) -> Iterator[tuple[Database, bytes | None]]:
    """The database, in which all that was recorded is chained, and the key of the head's seal.

    Without a master key, as with a copy of the database alone, it is read as it is.
    """
    from wherry.app import open_sealer
    from wherry.audit.chain import SEALING, chain_new
    from wherry.audit.errors import ChainBroken

    with open_database(data, config) as database:
        settings = resolve(config=config, data=data).settings
        if settings.master_key is None and not (settings.data / "master.key").is_file():
            typer.echo("wherry: without the master key the newest records are not shown.", err=True)
            yield database, None
            return
        seal_key = open_sealer(settings).key_for(SEALING)
        try:
            while database.write_now(lambda tx: chain_new(tx, seal_key)):
                pass
        except ChainBroken as error:
            typer.echo(f"wherry: the newest records wait and are not shown: {error}", err=True)
        yield database, seal_key


def _filter(
    actor: str | None,
    action: str | None,
    on: str | None,
    organization: str | None,
    result: str | None,
    key: str | None,
    since: str | None,
    until: str | None,
) -> AuditFilter:
    from wherry.audit.listing import AuditFilter

    if result is not None and result not in _RESULTS:
        fail(f"--result {result}: valid are {', '.join(_RESULTS)}", 2)
    return AuditFilter(
        actor=actor,
        action=action,
        name=None if on is None or on.endswith("*") else on,
        prefix=on.removesuffix("*") if on is not None and on.endswith("*") else None,
        organization=organization,
        result=result,
        key_id=key,
        since=_moment("--since", since),
        until=_moment("--until", until),
    )


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text}: write a time such as 2026-01-31 or 2026-01-31T12:00Z; it is UTC", 2)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _write_all(chunks: Iterator[str]) -> None:
    try:
        for chunk in chunks:
            sys.stdout.write(chunk)
        sys.stdout.flush()
    except BrokenPipeError:  # such as of `| head`
        sys.stderr.close()
        raise typer.Exit(1) from None


def _query(narrowed: AuditFilter) -> dict[str, Any]:
    """The filter as the API's parameters."""
    query = {name: getattr(narrowed, name) for name in narrowed.__slots__ if name != "key_id"}
    return query | {"key": narrowed.key_id}


def _told(record: dict[str, Any]) -> AuditRecord:
    """A record as the API shows it."""
    from wherry.audit.listing import AuditRecord

    return AuditRecord(**{**record, "at": datetime.fromisoformat(record["at"])})


def _record(record: AuditRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def _row(record: AuditRecord) -> dict[str, Any]:
    from wherry.audit.journal import plain

    by = record.means if record.key_id is None else f"{record.means} {record.key_id}"
    detail = [plain(f"{name}={value}") for name, value in record.detail.items()]
    return {
        "at": record.at,
        "actor": record.actor,
        "by": by,
        "from": record.client or None,
        "action": record.action,
        "on": f"{record.kind} {record.name}".strip(),
        "result": record.result,
        "reason": record.reason or None,
        "detail": detail or None,
    }
