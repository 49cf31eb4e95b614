"""A browser as far as these tests need one: keeps cookies, says where a request comes from, follows forms."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx

from tests.web.running import PASSWORD, Registry

COOKIE = "wherry_session"
SAME_ORIGIN = {"sec-fetch-site": "same-origin", "origin": "http://registry.example"}
AGENT = "Mozilla/5.0 (a test)"


def browser(registry: Registry, **headers: str) -> httpx.AsyncClient:
    """One browser: its cookies are its own. Redirects are not followed."""
    return registry.client(None, **{"user-agent": AGENT, "accept": "text/html", **headers})


async def submit(
    client: httpx.AsyncClient, path: str, headers: dict[str, str] | None = None, **fields: str
) -> httpx.Response:
    """Send a form, as a page of ours does unless `headers` say otherwise."""
    return await client.post(path, data=fields, headers=SAME_ORIGIN if headers is None else headers)


async def signed_in(registry: Registry, name: str = "admin", password: str = PASSWORD) -> httpx.AsyncClient:
    """A browser with a session."""
    client = browser(registry)
    answer = await submit(client, "/console/sign-in", name=name, password=password)
    assert answer.status_code == 303, answer.text
    return client


def text_of(answer: httpx.Response) -> str:
    """What a person reads on the page."""
    body = answer.text[answer.text.index("<main") :]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip()


def attributes_of(cookie: str) -> dict[str, Any]:
    """The name, value and attributes of a `Set-Cookie`."""
    (name, value), *others = [part.strip().partition("=")[::2] for part in cookie.split(";")]
    return {"name": name, "value": value, **{key.lower(): text or True for key, text in others}}
