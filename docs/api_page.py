"""The page of the native API, made from its OpenAPI document: every operation, every document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Table = Callable[[tuple[str, ...], Iterator[tuple[str, ...]]], str]

# An enumeration of more values is not told where it is used.
FEW = 10

_INTRODUCTION = """\
The native API is under `/api/v1`; `GET /api/v1/openapi.json` is its OpenAPI 3.1 document, which this page
is made from. [How to use it](../how-to/use-the-api.md) shows it at work.

**Logging in.** HTTP Basic (user and password, or `region@AK` and login key), a bearer token of `POST
/api/v1/tokens`, the session cookie of the console, or a request signed with an access key
(SDK-HMAC-SHA256). What an operation takes is said with it: nothing; a `login`; a `user`'s whole login, so
no key of a narrower scope and no robot; an `admin`'s; or `read`, `write`, `edit` on what the path names.
Auditors may do all that only looks.

**Names in paths.** An image is one segment: `web/api` of `acme` is `/organizations/acme/images/web%2Fapi`,
or `web$api`. Images without an organization are in `library`.

**Lists** come in pages in the order of their keys: `limit` (100, at most 1000) and, from the second on,
`cursor`, which is `next` of the page before; `Link` has the next page's whole address. A page with a filter
may be shorter than `limit` and still have a `next`. A parameter that an operation does not have is refused,
not ignored.

**Changes.** Each document has an `ETag`. With it in `If-Match`, a change is refused (412
`changed_meanwhile`) if somebody was faster; without, the last one wins. A creating request (`POST`) with an
`Idempotency-Key` is done once, however often it is sent within a day. `PATCH` changes the fields that are
given.

**Errors** are `application/problem+json` (RFC 9457): `status`, `title`, `detail` in words, a `code` for
programs that stays what it is, `request_id`, and `errors` with the parts of the request that are wrong.

```json
{"type": "about:blank", "title": "Forbidden", "status": 403, "code": "not_allowed",
 "detail": "ann has read on acme/web, and this takes write", "request_id": "…"}
```

Every operation may answer 400, 401, 403, 404, 408, 413, 422, 429, 503 and 507; one that is not `GET` also
409 and 412.
"""


class _Kinds:
    """Says in a word or two what a schema takes; `enums` are those that others refer to."""

    def __init__(self, enums: Mapping[str, list[str]]) -> None:
        self.enums = enums

    def of(self, schema: dict[str, Any]) -> str:
        if "$ref" in schema:
            return self._named(schema["$ref"].rpartition("/")[2])
        if "anyOf" in schema:
            found = [self.of(each) for each in schema["anyOf"] if each.get("type") != "null"]
            nullable = any(each.get("type") == "null" for each in schema["anyOf"])
            return " or ".join(dict.fromkeys(found)) + (" or null" if nullable else "")
        if schema.get("type") == "array":
            return f"list of {self.of(schema['items'])}"
        if "enum" in schema or "const" in schema:
            return _words(schema.get("enum") or [schema["const"]])
        return str(schema.get("format") or schema.get("type") or "any")

    def _named(self, name: str) -> str:
        if name.startswith("PageDocument_"):
            inner = name.removeprefix("PageDocument_").removesuffix("_")
            return f"a page of {self._named(inner)}"
        values = self.enums.get(name)
        if values is not None and len(values) <= FEW:
            return _words(values)
        return f"[{name}](#{name.lower()})"


def api_page(table: Table) -> str:
    """The text below the page's head."""
    from wherry.access.actions import Action
    from wherry.web.api.openapi import build_fastapi, openapi_of

    described = openapi_of(build_fastapi())
    schemas: dict[str, Any] = described["components"]["schemas"]
    enums = {name: schema["enum"] for name, schema in schemas.items() if "enum" in schema}
    kinds = _Kinds(enums)
    sections: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            need = Action(operation["x-wherry-action"]).rule.need
            sections.setdefault(operation["tags"][0], []).extend(
                _operation(method.upper(), path, operation, need, table, kinds)
            )
    parts = [_INTRODUCTION]
    for tag in sorted(sections):
        parts += [f"## {tag.replace('-', ' ').capitalize()}\n", *sections[tag]]
    parts.append("## Documents\n")
    for name in sorted(schemas):
        if len(enums.get(name, ())) > FEW:
            parts += [f"### {name}\n", f"One of {_words(enums[name])}.\n"]
        if "properties" in schemas[name] and not name.startswith("PageDocument"):
            parts += _document(name, schemas[name], table, kinds)
    return "\n".join(parts)


def _operation(
    method: str, path: str, operation: dict[str, Any], need: str, table: Table, kinds: _Kinds
) -> Iterator[str]:
    yield f"### `{operation['operationId']}`\n"
    yield f"`{method} {path}` · action `{operation['x-wherry-action']}`, takes `{need}`\n"
    yield operation["description"].strip() + "\n"
    parameters = operation.get("parameters", [])
    if parameters:
        yield table(
            ("Parameter", "In", "Kind", "What it is"), (_parameter(each, kinds) for each in parameters)
        )
    body = operation.get("requestBody", {}).get("content", {})
    for described in body.values():
        yield f"Body: {kinds.of(described['schema'])}.\n"
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield f"Answer: {status}{_answer(answer, kinds)}.\n"


def _parameter(parameter: dict[str, Any], kinds: _Kinds) -> tuple[str, ...]:
    schema = parameter["schema"]
    said = parameter.get("description", "")
    if "default" in schema and schema["default"] not in (None, ""):
        said += f" Default: {schema['default']}."
    star = " (required)" if parameter["required"] and parameter["in"] != "path" else ""
    return f"`{parameter['name']}`{star}", parameter["in"], kinds.of(schema), said.strip()


def _answer(answer: dict[str, Any], kinds: _Kinds) -> str:
    found = []
    for media_type, described in answer.get("content", {}).items():
        schema = described.get("schema")
        if media_type == "application/json" and schema:
            found.append(kinds.of(schema))
        elif media_type != "application/json":
            found.append(f"`{media_type}`")
    return f", {' or '.join(found)}" if found else ""


def _document(name: str, schema: dict[str, Any], table: Table, kinds: _Kinds) -> Iterator[str]:
    yield f"### {name}\n"
    if schema.get("description"):
        yield " ".join(schema["description"].split()) + "\n"
    required = schema.get("required", ())
    rows = (
        (
            f"`{field}`" + (" (required)" if field in required and name.startswith("Wanted") else ""),
            kinds.of(described),
            described.get("description", ""),
        )
        for field, described in schema["properties"].items()
    )
    yield table(("Field", "Kind", "What it is"), rows)


def _words(values: Iterable[object]) -> str:
    return ", ".join(f"`{value}`" for value in values)
