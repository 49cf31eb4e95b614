"""Passwords: what a guesser learns, what the log shows, what a revocation does, what a first start makes."""

from __future__ import annotations

import asyncio
import base64
import os
import stat
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engines.servers import ServerProcess, Wherry, free_port, wherry
from engines.servers.process import answers, ending
from tests.hostile.content import administer
from tests.hostile.seeds import basic
from tests.security.registry import (
    GUEST,
    MATE,
    PRIVATE,
    PUBLIC,
    SECRET_BLOB,
    Registry,
    code_of,
    furnish,
    reached,
)
from wherry.identity.passwords import MAX_LENGTH, Passwords

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _told(answer) -> tuple[object, ...]:
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
    return answer.status_code, headers, answer.content


@pytest.mark.vulnerability("User enumeration")
@pytest.mark.parametrize("target", ["/v2/", f"/v2/{PUBLIC}/tags/list", "/token?service=wherry"])
def test_unknown_user_wrong_password_and_disabled_user_get_the_same_answer(registry: Registry, target):
    gone = (f"gone{len(target)}", "a-disabled-persons-password")
    registry.add_user(gone)
    administer(registry.server.data, "user", "disable", gone[0])
    logins = [
        ("nobody", "x" * 12),
        ("admin", "x" * 12),
        (GUEST[0], "x" * 12),
        gone,
        ("ADMIN", registry.admin[1]),
        ("", ""),
    ]
    answers = [registry.ask("GET", target, login) for login in logins]
    assert {answer.status_code for answer in answers} == {401}
    assert all(_told(answer) == _told(answers[0]) for answer in answers)


@pytest.mark.vulnerability("User enumeration")
def test_the_form_of_the_token_endpoint_tells_no_more(registry: Registry):
    bodies = [
        f"grant_type=password&username={name}&password=wrong-password"
        for name in ("nobody", "admin", "", "%00")
    ]
    answers = [registry.ask("POST", "/token", headers=FORM, content=body.encode()) for body in bodies]
    assert {answer.status_code for answer in answers} == {401}
    assert all(_told(answer) == _told(answers[0]) for answer in answers)


@pytest.mark.vulnerability("Timing of secrets")
@pytest.mark.parametrize("length", [12, MAX_LENGTH, MAX_LENGTH + 1, 100_000])
def test_an_unknown_user_costs_as_much_as_a_wrong_password(length):
    """In time of the processor, which a busy machine does not bend."""
    passwords = Passwords()
    known, wrong = passwords.hash_now("the right password"), "w" * length

    async def cost(password_hash: str | None) -> float:
        began = time.process_time()
        assert not await passwords.matches(password_hash, wrong)
        return time.process_time() - began

    async def measured() -> tuple[float, float]:
        await passwords.matches(None, "the first one prepares")
        pairs = [(await cost(known), await cost(None)) for _ in range(5)]
        return statistics.median(known for known, _ in pairs), statistics.median(none for _, none in pairs)

    try:
        known_user, nobody = asyncio.run(measured())
    finally:
        passwords.close()
    if length > MAX_LENGTH:
        assert max(known_user, nobody) < 0.01, "megabytes from a stranger are not hashed"
    else:
        assert 0.6 < known_user / nobody < 1.6
        assert nobody > 0.01


@pytest.mark.vulnerability("Timing of secrets")
def test_guessing_is_slowed_down_and_the_clients_at_work_are_not(tmp_path):
    settings = {"WHERRY_AUTH_LOGIN_ATTEMPTS": "5", "WHERRY_AUTH_LOGIN_WINDOW": "10m"}
    with wherry(tmp_path / "data", settings=settings) as server, reached(server) as registry:
        assert registry.ask("GET", "/v2/", registry.admin).status_code == 200
        for _ in range(5):
            assert registry.ask("GET", "/v2/", ("admin", "a wrong password")).status_code == 401
        refused = registry.ask("GET", "/v2/", ("admin", "another wrong one"))
        assert (refused.status_code, code_of(refused)) == (429, "TOOMANYREQUESTS")
        assert int(refused.headers["retry-after"]) > 0
        # From the same address also for other names, known or not, in the same words.
        for name in ("nobody", "guest"):
            assert registry.ask("GET", "/v2/", (name, "a wrong password")).json() == refused.json()
        assert registry.ask("GET", "/v2/", registry.admin).status_code == 200
        assert registry.ask("GET", "/v2/", registry.token(registry.admin)).status_code == 200


@pytest.mark.vulnerability("Revoked rights stay")
def test_a_disabled_user_is_out_with_the_next_request(registry: Registry):
    user = ("leaver", "a-leavers-long-password")
    registry.add_user(user, "--admin")
    token = registry.token(user, f"repository:{PRIVATE}:pull")
    target = f"/v2/{PRIVATE}/manifests/image"
    for login in (user, token):
        assert registry.ask("GET", target, login).status_code == 200
    administer(registry.server.data, "user", "disable", user[0])
    for login in (user, token):
        assert registry.ask("GET", target, login).status_code == 401
        assert registry.ask("GET", f"/v2/{PUBLIC}/manifests/image", login).status_code == 401
    administer(registry.server.data, "user", "enable", user[0])
    assert registry.ask("GET", target, user).status_code == 200


@pytest.mark.vulnerability("Revoked rights stay")
def test_an_old_password_is_out_with_the_next_request(registry: Registry):
    user = ("changer", "the-old-long-password")
    registry.add_user(user)
    assert registry.ask("GET", "/v2/", user).status_code == 200
    administer(
        registry.server.data, "user", "password", user[0], "--password-stdin", typed="the-new-long-password\n"
    )
    assert registry.ask("GET", "/v2/", user).status_code == 401
    assert registry.ask("GET", "/v2/", (user[0], "the-new-long-password")).status_code == 200


@pytest.mark.vulnerability("Revoked rights stay")
def test_a_repository_made_private_is_private_with_the_next_request(registry: Registry):
    registry.push_image("revoked/app")
    registry.set_public("revoked/app")
    token = registry.token(None, "repository:revoked/app:pull")
    paths = [f"/v2/revoked/app/{what}" for what in ("manifests/image", "tags/list")]
    for path in paths:
        for login in (None, GUEST, token):
            assert registry.ask("GET", path, login).status_code == 200
    registry.set_public("revoked/app", public=False)
    for path in paths:
        for login in (None, GUEST, token):
            assert registry.ask("GET", path, login).status_code in (401, 403)


@pytest.mark.vulnerability("Secrets in logs")
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_reaches_the_log_at_any_level(tmp_path, form):
    settings = {"WHERRY_LOG_LEVEL": "debug", "WHERRY_LOG_FORMAT": form}
    wrong = "a-password-typed-wrong"
    with wherry(tmp_path / "data", settings=settings) as server, reached(server) as registry:
        furnish(registry)
        token = registry.token(registry.admin, f"repository:{PRIVATE}:pull,push")
        for login in (registry.admin, MATE, GUEST, ("admin", wrong), token, token[:-8] + "AAAAAAAA"):
            for target in (
                "/v2/",
                f"/v2/{PRIVATE}/tags/list",
                f"/v2/{PRIVATE}/tags/list?token={token}&password={wrong}",
            ):
                registry.ask("GET", target, login)
        for password in (registry.admin[1], wrong):
            body = f"grant_type=password&username=admin&password={password}&scope=registry:catalog:*"
            registry.ask("POST", "/token", headers=FORM, content=body.encode())
            registry.ask("GET", f"/token?service=wherry&username=admin&password={password}")
        registry.ask("GET", "/v2/", headers={"Authorization": f"Basic {wrong}"})
        registry.ask(
            "GET", "/v2/", headers={"Authorization": f"Bearer {wrong}", "Cookie": f"session={wrong}"}
        )
        registry.raw(
            f"GET /v2/ HTTP/1.1\r\nAuthorization: {basic('admin', wrong)}\r\nBroken header\r\n\r\n".encode()
        )
        master_key = (server.data / "master.key").read_text().strip()
    log = server.process.log.read_text()
    assert log.count("\n") > 20, "nothing was logged, so nothing is proved"
    secrets = [registry.admin[1], MATE[1], GUEST[1], wrong, master_key, SECRET_BLOB.decode()]
    secrets += [token, token.split(".")[1], token.split(".")[2]]
    secrets += [
        basic(*login).removeprefix("Basic ") for login in (registry.admin, MATE, GUEST, ("admin", wrong))
    ]
    for secret in secrets:
        assert secret not in log


@pytest.mark.vulnerability("Default secrets")
def test_each_first_start_makes_secrets_of_its_own_for_its_owner_alone(tmp_path):
    found = [_secrets(tmp_path / name) for name in ("one", "two")]
    for kind in found[0]:
        assert found[0][kind] != found[1][kind], kind
        assert len(found[0][kind]) >= 20


def _secrets(data: Path) -> dict[str, str]:
    with _first_start(data) as server, reached(server) as registry:
        password = (data / "admin-password").read_text().strip()
        assert registry.ask("GET", "/v2/", ("admin", password)).status_code == 200
        for guess in ("admin", "password", "wherry", "changeme", "", "Harbor12345"):
            assert registry.ask("GET", "/v2/", ("admin", guess)).status_code == 401
        token = registry.token(("admin", password))
        header = base64.urlsafe_b64decode(token.split(".")[0] + "==").decode()
        _are_private(server)
        return {"password": password, "master key": (data / "master.key").read_text().strip(), "kid": header}


@contextmanager
def _first_start(data: Path) -> Iterator[Wherry]:
    """A server that was given nothing: no password, no key."""
    port = free_port()
    command = [sys.executable, "-m", "wherry", "serve", "--data", str(data), "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WHERRY_")}
    process = ServerProcess("wherry", command, log=data.with_suffix(".log"), env=environment)
    with ending(process):
        process.wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz", 200), 60)
        yield Wherry(f"127.0.0.1:{port}", data, process)


def _are_private(server: Wherry) -> None:
    for name in ("admin-password", "master.key"):
        assert stat.S_IMODE((server.data / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(server.data.stat().st_mode) & 0o077 == 0, "others may look into the data folder"


@pytest.mark.vulnerability("Default secrets")
def test_what_the_database_keeps_of_secrets_opens_nothing(registry: Registry):
    """Passwords hashed with argon2id, the signing key sealed under a key that is not in the database."""
    kept = b"".join(path.read_bytes() for path in registry.server.data.glob("wherry.db*"))
    assert b"$argon2id$" in kept
    for secret in (
        registry.admin[1],
        MATE[1],
        GUEST[1],
        (registry.server.data / "master.key").read_text().strip(),
    ):
        assert secret.encode() not in kept
    assert b"PRIVATE KEY" not in kept
