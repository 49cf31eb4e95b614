"""Which addresses Wherry connects to for a user: a cluster's, never its own machine's or the cloud's.

A name is looked up again for each connection, so the address that is asked about here has to be the one
that the connection is about to be made to.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from wherry.clusters.errors import AddressRefused

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

# What clouds tell a machine about itself, credentials included; those outside of link-local.
_METADATA = frozenset(
    ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What is public or private may be connected to; what is neither, where it is in `allowed`."""

    allowed: tuple[Network, ...] = ()

    def check(self, host: str, address: str) -> None:
        """`host` is what was asked for, `address` what it resolved to. Raises `AddressRefused`."""
        try:
            # A zone ("fe80::1%eth0") says through which interface, and changes nothing of what it is.
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            raise AddressRefused(host, address, "it is no IP address") from None
        meant = [*_within(parsed), parsed]
        if any(_contains(self.allowed, one) for one in meant):
            return
        for one in meant:
            reason = _why_not(one)
            if reason is not None:
                raise AddressRefused(host, address, reason)


def _why_not(address: Address) -> str | None:
    if address in _METADATA:
        return "it is a metadata service of a cloud"
    if address.is_loopback:
        return "it is this machine itself"
    if address.is_unspecified or address in _THIS_NETWORK:
        return "it is no machine's address"
    if address.is_link_local:
        return "it is a link-local address, where clouds keep their metadata"
    if address.is_multicast:
        return "it is a multicast address"
    if address.is_reserved:
        return "it is a reserved address"
    return None


def _within(address: Address) -> Iterable[IPv4Address]:
    """IPv4 addresses that an IPv6 one stands for: packets to it may end up there."""
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield address.teredo[1]
    number = int(address)
    if any(address in network for network in _NAT64) or 1 < number < 1 << 32:
        yield IPv4Address(number & 0xFFFFFFFF)


def _contains(networks: tuple[Network, ...], address: Address) -> bool:
    return any(address in network for network in networks if network.version == address.version)


_THIS_NETWORK = ip_network("0.0.0.0/8")
