"""The address written into challenges: the setting's, the request's, or a trusted proxy's; nobody else's."""

from ipaddress import ip_network
from typing import Any

import pytest

from wherry.web.origin import Origin
from wherry.web.proxies import TrustedProxies

OURS = TrustedProxies([ip_network("192.0.2.0/24")])
FORWARDED = {"x-forwarded-proto": "https", "x-forwarded-host": "images.example.org"}


def scope(client: str = "192.0.2.7", scheme: str = "http", **headers: str) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"client": (client, 1), "scheme": scheme, "server": ("10.0.0.1", 5000), "headers": named}


def test_the_host_of_the_request() -> None:
    origin = Origin(None, TrustedProxies([]))
    assert origin.of(scope(host="registry.example:5000")) == "http://registry.example:5000"
    assert origin.of(scope(host="[::1]:5000", scheme="https")) == "https://[::1]:5000"


def test_the_setting_wins() -> None:
    origin = Origin("https://registry.example/", OURS)
    assert origin.of(scope(host="other", **FORWARDED)) == "https://registry.example"


def test_a_trusted_proxy_is_believed() -> None:
    assert Origin(None, OURS).of(scope(host="inside:80", **FORWARDED)) == "https://images.example.org"


def test_nobody_else_is() -> None:
    stranger = scope(client="203.0.113.5", host="registry.example", **FORWARDED)
    assert Origin(None, OURS).of(stranger) == "http://registry.example"
    assert Origin(None, TrustedProxies([])).of(scope(host="a.b", **FORWARDED)) == "http://a.b"


@pytest.mark.parametrize("host", ['evil",x="y', "a b", "evil/path", "a@b", "", "h\xe9", "host:99999999"])
def test_a_host_that_is_none_is_replaced_by_where_we_listen(host: str) -> None:
    assert Origin(None, TrustedProxies([])).of(scope(host=host)) == "http://10.0.0.1:5000"


def test_a_scheme_that_is_none_is_ignored() -> None:
    got = Origin(None, OURS).of(scope(host="a.b", **{"x-forwarded-proto": 'javascript:"'}))
    assert got == "http://a.b"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (None, "192.0.2.7"),
        ("198.51.100.1", "198.51.100.1"),
        ("198.51.100.1, 192.0.2.9", "198.51.100.1"),
        ("203.0.113.66, 198.51.100.1", "198.51.100.1"),  # what a client wrote itself does not count
        ("nonsense", "192.0.2.7"),
        ("198.51.100.1, nonsense", "192.0.2.7"),
        ("", "192.0.2.7"),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy_of_ours(forwarded: str | None, client: str) -> None:
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    assert OURS.client(scope(**headers)) == client


def test_a_stranger_cannot_choose_its_address() -> None:
    assert OURS.client(scope(client="203.0.113.5", **{"x-forwarded-for": "127.0.0.1"})) == "203.0.113.5"
