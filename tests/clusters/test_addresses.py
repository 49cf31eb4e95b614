"""Clusters are connected to wherever they are, but never this machine or what a cloud tells about itself."""

from ipaddress import ip_network

import pytest

from wherry.clusters.addresses import AddressRules
from wherry.clusters.errors import AddressRefused


@pytest.mark.parametrize(
    "address",
    ["203.0.113.7", "10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.9", "2a00:1450::1", "fd12:3456::1"],
)
def test_public_and_private_addresses_are_connected_to(address: str) -> None:
    AddressRules().check("api.example.com", address)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "this machine"),
        ("127.255.255.254", "this machine"),
        ("::1", "this machine"),
        ("::ffff:127.0.0.1", "this machine"),
        ("::127.0.0.1", "this machine"),
        ("64:ff9b::7f00:1", "this machine"),
        ("2002:7f00:1::", "this machine"),
        ("0.0.0.0", "no machine"),
        ("0.1.2.3", "no machine"),
        ("::", "no machine"),
        ("169.254.169.254", "metadata"),
        ("169.254.1.1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("::ffff:169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("localhost", "no IP address"),
    ],
)
def test_an_address_that_is_no_clusters_is_refused_with_the_reason(address: str, reason: str) -> None:
    with pytest.raises(AddressRefused, match=reason) as refused:
        AddressRules().check("api.example.com", address)
    assert "clusters.allowed_networks" in str(refused.value)


def test_an_administrator_may_allow_a_network() -> None:
    rules = AddressRules((ip_network("127.0.0.0/8"), ip_network("fe80::/10")))
    for address in ("127.0.0.1", "::ffff:127.0.0.1", "fe80::1%eth0"):
        rules.check("localhost", address)
    with pytest.raises(AddressRefused):
        rules.check("localhost", "::1")
