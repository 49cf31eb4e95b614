"""``wherry serve``: prepares the data folder in this process, then runs workers until a signal comes."""

from __future__ import annotations

import errno
import os
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.options import ConfigOption, DataOption, SetOption, fail, resolve, setting_option

if TYPE_CHECKING:
    from wherry.app import Prepared
    from wherry.settings import Settings

# Connections that one worker holds at once. Idle ones count too, and a cluster's nodes keep many.
_CONNECTIONS = 8192
# What of a body is handed over at once; 100 MiB came in at 746 MB/s with the default of 408 KiB, at 866 so.
_BUFFER = 1024 * 1024
_BACKLOG = 2048
_MAX_HTTP2_HEADERS = 64 * 1024


def serve(
    data: DataOption = None,
    host: Annotated[str | None, setting_option("host")] = None,
    port: Annotated[str | None, setting_option("port", "-p")] = None,
    workers: Annotated[str | None, setting_option("workers")] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    tls_certificate: Annotated[str | None, setting_option("tls.certificate")] = None,
    tls_key: Annotated[str | None, setting_option("tls.key")] = None,
    log_format: Annotated[str | None, setting_option("log.format")] = None,
    log_level: Annotated[str | None, setting_option("log.level")] = None,
) -> None:
    """Run the registry.

    The first start makes the data folder, the database and the user admin, and prints its password once.
    SIGTERM and Ctrl-C let running transfers finish; SIGHUP replaces the workers one by one.

    Example: wherry serve --data /srv/wherry --host 0.0.0.0 --port 5000
    """
    resolved = resolve(
        config=config,
        settings=settings,
        data=data,
        host=host,
        port=port,
        workers=workers,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        log_format=log_format,
        log_level=log_level,
    )
    raise typer.Exit(run_server(resolved.settings))


def run_server(settings: Settings) -> int:
    """Serve until a signal comes; the exit code."""
    from wherry.observability import configure

    configure(format=settings.log.format, level=settings.log.level)
    _make_data_folder(settings.data)
    _check_address_is_free(settings.host, settings.port)
    _raise_open_files_limit()
    _empty_metrics_folder(settings.data / "metrics")

    from wherry.cli.greeting import greet_when_ready
    from wherry.cli.worker import hold_signals_over_forks, load_worker

    prepared = _prepare(settings)
    server = _build_server(settings)
    server.on_startup(partial(greet_when_ready, settings, prepared.admin_password))
    # Granian replaces the logging configuration when it is built.
    configure(format=settings.log.format, level=settings.log.level)
    hold_signals_over_forks()
    try:
        server.serve(target_loader=partial(load_worker, settings, os.getpid()), wrap_loader=False)
    except SystemExit as ended:
        # A worker that got the same signal and was faster than this process is no failure.
        return 0 if server.interrupt_signal else int(ended.code or 0)
    return 0


def _prepare(settings: Settings) -> Prepared:
    """What a person can mend is told in one line, without a traceback."""
    from wherry.app import prepare
    from wherry.blobs.errors import StoreMisconfigured
    from wherry.db.errors import DatabaseError
    from wherry.identity.errors import IdentityError
    from wherry.kit.secrets import UnreadableSecret
    from wherry.migrations.upgrade import SchemaTooNew

    try:
        return prepare(settings)
    except (
        DatabaseError,
        IdentityError,
        OSError,
        SchemaTooNew,
        StoreMisconfigured,
        UnreadableSecret,
    ) as error:
        fail(f"cannot start: {error}")


def _build_server(settings: Settings) -> Any:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
    from granian.http import HTTP1Settings, HTTP2Settings
    from granian.log import LogLevels

    header_timeout = max(1, int(settings.limits.header_timeout.total_seconds() * 1000))
    quiet = {
        "formatters": {},
        "handlers": {},
        "loggers": {"_granian": {"handlers": [], "propagate": True}},
    }
    return Granian(
        "wherry",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        loop=Loops.uvloop if _has_uvloop() else Loops.asyncio,
        # Told apart by their first bytes, HTTP/1 and 2 have no clock until those come: whoever sends none, or
        # just a `P`, would stay for ever. Without TLS nobody speaks HTTP/2 to a registry.
        http=HTTPModes.auto if settings.tls.certificate else HTTPModes.http1,
        websockets=True,
        backlog=_BACKLOG,
        backpressure=_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=header_timeout, max_buffer_size=_BUFFER),
        http2_settings=HTTP2Settings(max_headers_size=_MAX_HTTP2_HEADERS),
        log_level=LogLevels.info if settings.log.level == "debug" else LogLevels.warning,
        log_dictconfig=quiet,
        log_access=False,
        ssl_cert=settings.tls.certificate,
        ssl_key=settings.tls.key,
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=max(1, round(settings.shutdown_grace.total_seconds())),
    )


def _make_data_folder(folder: Path) -> None:
    try:
        # Keys and password hashes live here: nobody else on the machine needs to look.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        fail(f"the data folder {folder} cannot be made: {error.strerror}. Choose another with --data.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        fail(f"the data folder {folder} cannot be written to. Choose another with --data.")


def _check_address_is_free(host: str, port: int) -> None:
    """Workers share the port, so the kernel would let a second server take half of the requests."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fail(f"port {port} on {host} is taken by another program. Choose another with --port.")
        fail(f"cannot listen on {host} port {port}: {error.strerror or error}")


def _raise_open_files_limit() -> None:
    """A connection and the file it is sent take a descriptor each; the usual limit, 1024, is too few."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _empty_metrics_folder(folder: Path) -> None:
    """Values of an earlier run's workers, which would be added to this one's."""
    for file in folder.glob("*.db"):
        file.unlink(missing_ok=True)


def _has_uvloop() -> bool:
    from importlib.util import find_spec

    return find_spec("uvloop") is not None
