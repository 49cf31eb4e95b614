"""Who a client is behind proxies: what they forward counts only if we were told to trust them."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.types import Scope

Network = IPv4Network | IPv6Network


class TrustedProxies:
    """Believes X-Forwarded-* from the listed networks, and from nobody else (CVE-2026-20896)."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = tuple(networks)

    def trusts(self, scope: Scope) -> bool:
        """Whether the request comes straight from a listed proxy."""
        return bool(self._networks) and self._is_proxy(_peer(scope))

    def client(self, scope: Scope) -> str:
        """The client's address: the last one forwarded that is no proxy of ours, else the connection's."""
        peer = _peer(scope)
        if not self._networks or not self._is_proxy(peer):
            return peer
        forwarded = [
            part
            for name, value in scope["headers"]
            if name == b"x-forwarded-for"
            for part in value.split(b",")
        ]
        for part in reversed(forwarded):
            address = part.strip().decode("latin-1")
            if not _is_address(address):
                break
            peer = address
            if not self._is_proxy(address):
                break
        return peer

    def _is_proxy(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self._networks)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
