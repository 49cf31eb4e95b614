"""Around every face: request ids, the log, metrics, and an answer even to a bug of ours."""

import io
import json
from typing import Any

import httpx

from tests.web.running import Registry
from wherry.observability import AccessLog, Metrics
from wherry.web.frame import Frame
from wherry.web.proxies import TrustedProxies


async def test_every_answer_has_a_request_id(registry: Registry) -> None:
    first, second = [await registry.http.get("/v2/") for _ in range(2)]
    assert len(first.headers["x-request-id"]) == 32
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_a_clients_own_id_is_kept_if_it_is_harmless(registry: Registry) -> None:
    kept = await registry.http.get("/v2/", headers={"x-request-id": "trace-1234.A_b"})
    assert kept.headers["x-request-id"] == "trace-1234.A_b"
    for odd in ("short", "a" * 65, "with space", 'quote"quote'):
        answer = await registry.http.get("/v2/", headers={"x-request-id": odd})
        assert answer.headers["x-request-id"] != odd


def framed(app: Any) -> tuple[httpx.AsyncClient, io.StringIO, Metrics]:
    log, metrics = io.StringIO(), Metrics(version="test", multiprocess_dir=None)
    frame = Frame(app, metrics, AccessLog(format="json", stream=log), TrustedProxies([]))
    transport = httpx.ASGITransport(app=frame, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://a.b"), log, metrics


async def test_a_bug_is_answered_in_the_form_of_errors_and_without_its_text() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("secret detail")

    http, log, metrics = framed(broken)
    answer = await http.get("/v2/acme/web/tags/list?token=hidden")
    assert answer.status_code == 500
    assert answer.json()["errors"][0]["code"] == "UNKNOWN"
    assert "secret" not in answer.text
    line = json.loads(log.getvalue())
    assert (line["status"], line["path"]) == (500, "/v2/acme/web/tags/list")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert b'status="5xx"' in metrics.render()[0]


async def test_bytes_are_counted_both_ways() -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body * 2})

    http, log, _ = framed(echo)
    await http.post("/", content=b"12345")
    line = json.loads(log.getvalue())
    assert (line["received"], line["sent"], line["method"]) == (5, 10, "POST")


async def test_a_client_that_went_away_is_logged_as_such() -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        return

    http, log, _ = framed(silent)
    frame = http._transport.app  # type: ignore[attr-defined]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "client": ("192.0.2.1", 9)}
    await frame(scope, receive, send)
    assert sent == []
    assert json.loads(log.getvalue())["status"] == 499


async def test_paths_and_methods_that_are_not_served(registry: Registry) -> None:
    for path in ("/v2/acme", "/v2/acme/web/blobs", "/v2/acme/web/tags", "/v2/x%0A/tags/list"):
        answer = await registry.http.get(path)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "UNSUPPORTED")
    answer = await registry.http.post("/v2/acme/web/tags/list")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    answer = await registry.http.request("BREW", "/v2/acme/web/manifests/1.0")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PUT"
