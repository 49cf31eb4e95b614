"""A delivery by HTTP: one POST to an address that was checked just then, to no proxy, after no redirect."""

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
from aiohttp.connector import AddrInfoType

from wherry.clusters.addresses import AddressRules
from wherry.clusters.errors import AddressRefused
from wherry.webhooks.errors import DeliveryFailed

SECONDS = 10.0
# Of an answer, only its status counts; its beginning is shown to whoever looks for what went wrong.
SHOWN = 200


class HttpPost:
    """Belongs to one event loop. Connections are not kept: receivers are many and deliveries few."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status, which is a good one. Raises `DeliveryFailed`."""
        host = urlsplit(url).hostname or ""
        refusals: list[AddressRefused] = []

        def checked(info: AddrInfoType) -> socket.socket:
            family, kind, protocol, _, address = info
            try:
                self._rules.check(host, str(address[0]))
            except AddressRefused as refusal:
                refusals.append(refusal)
                raise PermissionError(str(refusal)) from None
            return socket.socket(family, kind, protocol)

        connector = aiohttp.TCPConnector(force_close=True, socket_factory=checked)
        timeout = aiohttp.ClientTimeout(SECONDS)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
                ) as session,
                session.post(
                    url, data=body, headers={"User-Agent": "wherry", **headers}, allow_redirects=False
                ) as answer,
            ):
                if 200 <= answer.status < 300:
                    return answer.status
                said = (await answer.content.read(SHOWN)).decode("utf-8", "replace")
                reason = f"it answered {answer.status} {answer.reason or ''}: {_one_line(said)}"
                raise DeliveryFailed(reason.rstrip(": "), answer.status, is_final=answer.status == 410)
        except TimeoutError:
            raise DeliveryFailed(f"it did not answer within {SECONDS:.0f} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if refusals:
                raise DeliveryFailed(str(refusals[0]), is_final=True) from None
            raise DeliveryFailed(f"it cannot be reached: {_one_line(str(error))}") from None


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:SHOWN]
