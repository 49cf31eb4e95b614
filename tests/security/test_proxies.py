"""X-Forwarded-… and Host: believed from whom, and what they can change."""

from __future__ import annotations

import pytest

from engines.servers import wherry
from tests.security.registry import PRIVATE, Registry, reached

FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-For": "203.0.113.9",
    "X-Real-IP": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;host=evil.example;proto=https",
}
# Headers by which other programs let a proxy say who has logged in (CVE-2026-20896).
IDENTITY = {
    **dict.fromkeys(("X-Remote-User", "Remote-User", "X-Forwarded-User", "X-WEBAUTH-USER"), "admin"),
    **dict.fromkeys(("X-Auth-Request-User", "X-User", "X-Admin", "X-Forwarded-Preferred-Username"), "admin"),
}


def realm(registry: Registry, headers: dict[str, str]) -> str:
    answer = registry.ask("GET", "/v2/", headers=headers)
    assert answer.status_code == 401
    return answer.headers["www-authenticate"].split('"')[1]


@pytest.mark.vulnerability("Trust in proxy headers")
def test_a_stranger_cannot_send_clients_elsewhere_with_their_passwords(registry: Registry):
    assert realm(registry, FORWARDED) == f"{registry.server.url}/token"
    begun = registry.ask("POST", "/v2/proxies/app/blobs/uploads/", registry.admin, headers=FORWARDED)
    assert begun.headers["location"].startswith(("/v2/", registry.server.url))


@pytest.mark.vulnerability("Trust in proxy headers")
@pytest.mark.parametrize("sender", ["a stranger", "a listed proxy"])
def test_no_header_logs_anybody_in(registry: Registry, tmp_path, sender):
    if sender == "a stranger":
        assert (
            registry.ask("GET", f"/v2/{PRIVATE}/tags/list", headers=IDENTITY | FORWARDED).status_code == 401
        )
        return
    settings = {"WHERRY_TRUSTED_PROXIES": "127.0.0.0/8"}
    with wherry(tmp_path / "data", settings=settings) as server, reached(server) as behind:
        assert behind.ask("GET", "/v2/", headers=IDENTITY | FORWARDED).status_code == 401


@pytest.mark.vulnerability("Trust in proxy headers")
def test_a_listed_proxy_is_believed_and_a_nearer_one_counts(tmp_path):
    settings = {
        "WHERRY_TRUSTED_PROXIES": "127.0.0.0/8",
        "WHERRY_AUTH_LOGIN_ATTEMPTS": "3",
        "WHERRY_AUTH_LOGIN_WINDOW": "10m",
    }
    with wherry(tmp_path / "data", settings=settings) as server, reached(server) as registry:
        assert realm(registry, FORWARDED) == "https://evil.example/token"

        def guess(name: str, address: str) -> int:
            wrong = (name, "a-wrong-password")
            return registry.ask("GET", "/v2/", wrong, headers={"X-Forwarded-For": address}).status_code

        # A guesser behind the proxy is told from the others, and cannot hide behind made-up addresses.
        assert [guess(f"user{turn}", "198.51.100.7") for turn in range(4)] == [401, 401, 401, 429]
        assert guess("another", "198.51.100.8") == 401
        assert guess("another2", "1.2.3.4, 198.51.100.7") == 429


@pytest.mark.vulnerability("Trust in proxy headers")
def test_without_listed_proxies_a_guesser_cannot_change_addresses(tmp_path):
    settings = {"WHERRY_AUTH_LOGIN_ATTEMPTS": "3", "WHERRY_AUTH_LOGIN_WINDOW": "10m"}
    with wherry(tmp_path / "data", settings=settings) as server, reached(server) as registry:
        statuses = [
            registry.ask(
                "GET",
                "/v2/",
                (f"user{turn}", "wrong-password"),
                headers={"X-Forwarded-For": f"198.51.100.{turn}"},
            ).status_code
            for turn in range(4)
        ]
        assert statuses == [401, 401, 401, 429]


@pytest.mark.vulnerability("Trust in proxy headers")
@pytest.mark.parametrize(
    "host",
    [
        'evil.example"',
        "evil.example/path",
        "evil.example, b",
        "a b",
        "x" * 300,
        "user@evil.example",
        "evil.example:99999999",
        "[::1",
        "%0d%0a",
    ],
)
def test_a_host_that_is_none_is_not_written_into_a_challenge(registry: Registry, host):
    answer = registry.raw(f"GET /v2/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
    status = int(head.split(" ")[1])
    assert status in (400, 401)
    if status == 401:
        assert f'realm="http://127.0.0.1:{registry.port}/token"' in head


@pytest.mark.vulnerability("Trust in proxy headers")
def test_the_public_url_wins_over_every_header(tmp_path):
    settings = {"WHERRY_PUBLIC_URL": "https://registry.example", "WHERRY_TRUSTED_PROXIES": "127.0.0.0/8"}
    with wherry(tmp_path / "data", settings=settings) as server, reached(server) as registry:
        for headers in (FORWARDED, {"Host": "evil.example"}, {}):
            assert realm(registry, headers) == "https://registry.example/token"
