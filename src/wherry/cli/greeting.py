"""What a person sees once the server answers: where it listens, where data is, how to log in and push."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from wherry import __version__

if TYPE_CHECKING:
    from wherry.settings import Settings

_POLL_SECONDS = 0.05
_GIVE_UP_SECONDS = 60.0


def greet_when_ready(settings: Settings, admin_password: str | None) -> None:
    """Return at once; a thread prints the greeting when the server has answered for the first time."""
    threading.Thread(target=_wait_and_greet, args=(settings, admin_password), daemon=True).start()


def greeting_lines(settings: Settings, admin_password: str | None) -> list[tuple[str, str]]:
    """Heading and text of each line. ``admin_password`` is given at the first start only."""
    from wherry.app.cluster_keeping import registry_of

    address = public_address(settings)
    registry = address.partition("://")[2]
    lines = [
        ("Listens on", address),
        ("Data in", str(settings.data)),
    ]
    if admin_password is not None:
        lines.append(("User", "admin"))
        lines.append(("Password", f"{admin_password}  (also in {settings.data / 'admin-password'})"))
    plain = " --tls-verify=false" if settings.tls.certificate is None and not settings.public_url else ""
    lines += [
        ("Log in", f"podman login{plain} -u admin {registry}"),
        ("Push", f"podman push{plain} IMAGE {registry}/demo/hello:1.0"),
    ]
    if not registry_of(settings).host:
        # It listens everywhere, and of its many names nobody said the one that nodes reach.
        lines.append(
            ("Clusters", "get no default-secret: set public_url to the address that nodes pull from")
        )
    return lines


def public_address(settings: Settings) -> str:
    """The URL that a person on this machine can use, or the one that the settings name."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme = "https" if settings.tls.certificate else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{scheme}://{host}:{settings.port}"


def _wait_and_greet(settings: Settings, admin_password: str | None) -> None:
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        if _answers(settings):
            _print(greeting_lines(settings, admin_password))
            return


def _answers(settings: Settings) -> bool:
    import http.client
    import ssl

    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    connection: http.client.HTTPConnection
    if settings.tls.certificate:
        # Our own listener, whose certificate names the public host and not this address.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001
        connection = http.client.HTTPSConnection(host, settings.port, timeout=2, context=context)
    else:
        connection = http.client.HTTPConnection(host, settings.port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _print(lines: list[tuple[str, str]]) -> None:
    title = f"Wherry {__version__} is ready"
    if not sys.stdout.isatty():
        text = "".join(f"{heading}: {value}\n" for heading, value in lines)
        sys.stdout.write(f"{title}\n{text}")
        sys.stdout.flush()
        return
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for heading, value in lines:
        table.add_row(heading, value)
    Console(highlight=False, markup=False).print(Panel(table, title=title, expand=False, border_style="cyan"))
