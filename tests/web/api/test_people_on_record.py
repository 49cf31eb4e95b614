"""What the audit trail has of logins that are made and changed: who, on what, and never a secret."""

from typing import Any

import httpx

from tests.audit.reading import facts_of_request
from tests.web.running import BOB, PASSWORD, Registry
from wherry.audit.tables import audit_journal

API = "/api/v1"


def record_of(registry: Registry, answer: httpx.Response) -> dict[str, Any]:
    """The one record that the request has left."""
    [facts] = facts_of_request(registry.database, answer.headers["x-request-id"])
    return facts


async def test_each_change_is_on_record_without_its_secret(registry: Registry) -> None:
    http = registry.http

    async def send(method: str, path: str, body: Any, action: str, kind: str, name: str) -> Any:
        answer = await http.request(method, f"{API}{path}", json=body)
        assert answer.status_code < 300, answer.text
        facts = record_of(registry, answer)
        assert (facts["action"], facts["kind"], facts["name"]) == (action, kind, name)
        assert (facts["actor"], facts["result"]) == ("admin", "done")
        return answer.json() if answer.content else None

    made = await send("POST", "/me/keys", {"name": "ci"}, "key.change", "user", "admin")
    path = f"/me/keys/{made['id']}"
    rotated = await send("POST", f"{path}/rotation", None, "key.change", "access key", made["id"])
    await send("PATCH", path, {"is_disabled": True}, "key.change", "access key", made["id"])
    await send("DELETE", path, None, "key.change", "access key", made["id"])
    login = await send("POST", "/me/login-commands", None, "login.make", "user", "admin")
    token = await send("POST", "/tokens", None, "login.make", "user", "admin")
    ann = await send("POST", "/users", {"name": "ann"}, "user.change", "user", "ann")
    link = await send("POST", "/users/bob/reset-link", None, "user.change", "user", "bob")
    await send("PUT", "/users/ann/password", {"password": "a new password"}, "user.change", "user", "ann")
    await send("PATCH", "/users/ann", {"role": "auditor"}, "user.change", "user", "ann")
    await http.post(f"{API}/organizations", json={"name": "acme"})
    await send("POST", "/organizations/acme/teams", {"name": "web"}, "team.change", "team", "acme/web")
    await send("PUT", "/organizations/acme/teams/web/members/bob", None, "team.change", "team", "acme/web")
    await send("POST", "/organizations/acme/robots", {"name": "ci"}, "robot.change", "robot", "acme/ci")
    robot = await send(
        "POST", "/organizations/acme/robots/ci/keys", {"name": "b"}, "robot.change", "robot", "acme/ci"
    )
    secrets = [
        secret for key in (made, rotated, robot) for secret in (key["secret"], key["login"]["password"])
    ]
    secrets += [login["password"], token["token"], ann["invitation"]["token"], link["token"]]
    written = str(registry.database.read_now(lambda tx: tx.execute(audit_journal.select()).all()))
    assert "acme/ci" in written
    for secret in [*secrets, "a new password", PASSWORD]:
        assert secret not in written


async def test_sign_ins_and_used_links_are_on_record(registry: Registry) -> None:
    nobody = registry.as_nobody
    signed_in = record_of(
        registry, await nobody.post(f"{API}/session", json={"user": "bob", "password": PASSWORD})
    )
    assert (signed_in["action"], signed_in["actor"], signed_in["name"]) == ("session.make", "bob", "bob")
    nobody.cookies.clear()
    wrong = record_of(registry, await nobody.post(f"{API}/session", json={"user": "bob", "password": "no"}))
    assert (wrong["action"], wrong["result"]) == ("login.failed", "refused")
    link = (await registry.http.post(f"{API}/users/bob/reset-link")).json()["token"]
    used = record_of(registry, await nobody.post(f"{API}/links/{link}", json={"password": "another one"}))
    assert (used["action"], used["actor"], used["name"]) == ("link.use", "anonymous", "bob")
    assert used["detail"] == {"purpose": "reset"}


async def test_what_is_refused_is_on_record(registry: Registry) -> None:
    refused = await registry.client(BOB).delete(f"{API}/users/admin")
    facts = record_of(registry, refused)
    assert (facts["actor"], facts["action"], facts["result"]) == ("bob", "user.change", "refused")
    assert facts["name"] == "admin"
