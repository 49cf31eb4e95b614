"""Correct requests for the native API, made from its OpenAPI document: whatever it has, the fuzzer tries."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tests.hostile.requests import Request
from wherry.web.api.openapi import build_fastapi, openapi_of

# What names in paths, queries and bodies are drawn from: what is there, and what is not.
NAMES = {
    "organization": ("fuzz", "open", "library", "absent"),
    "with_organization": ("open", "fuzz", "absent"),
    "image": ("one", "two", "shared", "a%2Fb", "a$b"),
    "tag": ("image", "index", "artifact", "t1", "absent"),
    "user": ("plain", "ann", "absent", "fuzz+ci"),
    "team": ("web", "ops"),
    "robot": ("ci", "cd"),
    "resource": ("fuzz", "fuzz/one", "single", "absent/x"),
    "level": ("read", "write", "edit"),
    "name": ("ann", "web", "ci", "fuzz", "new"),
    "action": ("image.pull", "image.push", "organization.see"),
    "role": ("user", "auditor"),
    "password": ("correct horse battery",),
    "cursor": ("b25l", "!"),
}
# What would end the run's own logins.
SPARED = frozenset({"change_password", "set_password"})


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """One operation as it is described."""

    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    body: dict[str, Any] | None


class ApiSeeds:
    """Draws requests that the document allows."""

    def __init__(self) -> None:
        document = openapi_of(build_fastapi())
        self._schemas: dict[str, Any] = document["components"]["schemas"]
        self._operations = tuple(
            ApiOperation(method.upper(), path, tuple(described.get("parameters", ())), _body_of(described))
            for path, methods in document["paths"].items()
            for method, described in methods.items()
            if described["operationId"] not in SPARED
        )

    def draw(self, rng: random.Random) -> Request:
        operation = rng.choice(self._operations)
        path, query = operation.path, []
        for parameter in operation.parameters:
            name = parameter["name"]
            if parameter["in"] == "path":
                path = path.replace(f"{{{name}}}", self._segment(name, rng))
            elif parameter["in"] == "query" and rng.random() < 0.4:
                query.append((name, str(self._value(name, parameter.get("schema", {}), rng))))
        target = path + (f"?{urlencode(query)}" if query else "")
        if operation.body is None:
            return Request(operation.method, target)
        content = json.dumps(self._value("", operation.body, rng)).encode()
        return Request(operation.method, target, (("Content-Type", "application/json"),), content)

    def _segment(self, name: str, rng: random.Random) -> str:
        return rng.choice(NAMES.get(name, ("A" * 20, "sha256:" + "0" * 64, "x"))).replace("+", quote("+"))

    def _value(self, name: str, schema: dict[str, Any], rng: random.Random) -> Any:
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return self._value(name, rng.choice(schema[key]), rng)
        if "enum" in schema:
            return rng.choice(schema["enum"])
        kind = schema.get("type", "object")
        if kind == "object":
            fields = schema.get("properties", {})
            needed = schema.get("required", ())
            return {
                field: self._value(field, each, rng)
                for field, each in fields.items()
                if field in needed or rng.random() < 0.5
            }
        if kind == "array":
            return [self._value(name, schema.get("items", {}), rng) for _ in range(rng.randrange(3))]
        return self._plain(name, kind, rng)

    def _plain(self, name: str, kind: str, rng: random.Random) -> Any:
        if kind == "boolean":
            return rng.random() < 0.5
        if kind in ("integer", "number"):
            return rng.choice([1, 2, 900, 3600])
        if kind == "null":
            return None
        return rng.choice(NAMES.get(name, ("2030-01-01T00:00:00Z", "text", "fuzz/one")))


def _body_of(described: dict[str, Any]) -> dict[str, Any] | None:
    content = described.get("requestBody", {}).get("content", {})
    found: dict[str, Any] | None = content.get("application/json", {}).get("schema")
    return found
