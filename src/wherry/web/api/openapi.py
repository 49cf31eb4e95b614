"""The FastAPI application that reads requests for the handlers, and describes them as OpenAPI 3.1."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NoReturn

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

import wherry
from wherry.web.api.operations import Operation
from wherry.web.api.problems import MEDIA_TYPE, ProblemDocument
from wherry.web.api.routes import OPERATIONS, PREFIX

DOCUMENT_PATH = f"{PREFIX}/openapi.json"

_DESCRIPTION = (
    "The native API of Wherry. Log in with Basic (user and password, or `region@AK` and login key), a bearer"
    " token of `POST /tokens`, the session cookie of the console, or by signing with an access key"
    " (SDK-HMAC-SHA256). Lists come in pages: pass `next` as `cursor`. Every resource has an `ETag`; a change"
    " with `If-Match` is refused if somebody else was faster. A creating request with an `Idempotency-Key` is"
    " done once, however often it is sent within a day."
)

# Of every operation: what a stranger, a mistake, or a busy server makes of it.
_ALWAYS = (400, 401, 403, 404, 408, 413, 422, 429, 503, 507)
_UNSAFE = (409, 412)


@cache
def build_fastapi() -> FastAPI:
    """The application of `OPERATIONS`; it has no middleware, and lets every exception through.

    It keeps nothing of who serves by it, so all faces of a process have the same.
    """
    app = FastAPI(
        title="Wherry",
        version=wherry.__version__,
        description=_DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={RequestValidationError: _let_through, HTTPException: _let_through},
    )
    for operation in OPERATIONS:
        _add(app, operation)
    return app


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the ways to log in."""
    document = app.openapi()
    for path in document["paths"].values():
        for operation in path.values():
            _describe_path_parameters(operation)
    document["components"]["securitySchemes"] = {
        "basic": {"type": "http", "scheme": "basic"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "wherry_session"},
    }
    document["security"] = [{"basic": []}, {"bearer": []}, {"session": []}, {}]
    return document


def query_parameters(app: FastAPI) -> dict[tuple[str, str], frozenset[str]]:
    """The names that each operation reads of its query, by method and template."""
    return {
        (method, route.path_format): frozenset(_names_in_query(route.dependant))
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def _names_in_query(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        yield parameter.alias
    for each in dependant.dependencies:
        yield from _names_in_query(each)


def _describe_path_parameters(operation: dict[str, Any]) -> None:
    """They have the same meaning everywhere, so it is written down once."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            description, example, pattern = PATH_PARAMETERS[parameter["name"]]
            parameter["description"] = description
            parameter["example"] = example
            parameter["schema"] = {"type": "string", "pattern": pattern}


def _add(app: FastAPI, operation: Operation) -> None:
    statuses = [*_ALWAYS, *(() if operation.method == "GET" else _UNSAFE), *operation.errors]
    problems: dict[int | str, dict[str, Any]] = {
        status: {"description": "See `code`.", "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
        for status in sorted(statuses)
    }
    # Declared once with its model, so that the schema is among the components.
    problems[422] = {**problems[422], "model": ProblemDocument}
    app.add_api_route(
        f"{PREFIX}{operation.path}",
        operation.handler,
        methods=[operation.method],
        response_model=operation.answers,
        status_code=operation.status,
        operation_id=operation.name,
        tags=[operation.tag or operation.path.split("/")[1]],
        responses=problems,
        openapi_extra={"x-wherry-action": operation.action.value, **operation.more},
    )


async def _let_through(_request: Request, error: Exception) -> NoReturn:
    raise error


_PART = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*"
_LABEL = "[a-z0-9][a-z0-9._-]{0,63}"

_SUBDOMAIN = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"

# By name: what it is, an example, and what it looks like. None has a slash.
PATH_PARAMETERS = {
    "organization": ("The organization's name; `library` holds images without one.", "acme", f"^{_PART}$"),
    "image": (
        "The image's name behind its organization; a slash in it is `%2F`, or `$`.",
        "web",
        f"^{_PART}(?:[$]{_PART})*$",
    ),
    "tag": ("The tag.", "1.4", "^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$"),
    "digest": (
        "The digest of a manifest.",
        f"sha256:{'0' * 64}",
        "^sha(?:256:[a-f0-9]{64}|512:[a-f0-9]{128})$",
    ),
    "user": (
        "The user's name; a robot's is `organization+name`.",
        "ann",
        "^[A-Za-z0-9][A-Za-z0-9.+_-]{0,128}$",
    ),
    "team": ("The team's name within its organization.", "web", f"^{_LABEL}$"),
    "robot": ("The robot's name within its organization.", "ci", f"^{_LABEL}$"),
    "key": ("The id of the access key.", "0O3NR0C2YB7J6VUXTZ1K", "^[A-Z0-9]{20}$"),
    "session": ("The id of the session.", "0" * 32, "^[a-zA-Z0-9_-]{1,64}$"),
    "token": ("The token of the link.", "kR3xq0Zp8vT2", "^[A-Za-z0-9_-]{1,128}$"),
    "cluster": ("The cluster's name.", "prod", "^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$"),
    "namespace": ("A namespace of the cluster.", "default", "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"),
    "kind": ("The kind of workload.", "Deployment", "^(?:Deployment|StatefulSet|DaemonSet|Job|CronJob)$"),
    "secret": ("The secret's name.", "web", f"^{_SUBDOMAIN}$"),
    "workload": ("The workload's name.", "web", f"^{_SUBDOMAIN}$"),
    "fleet": ("The fleet's name.", "shops", "^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$"),
    "member": ("A cluster of the fleet.", "prod", "^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$"),
    "trigger": (
        "The trigger's name.",
        "prod",
        r"^[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]{0,63}$",
    ),
    "run": ("The number of the run.", "17", "^[0-9]{1,18}$"),
    "webhook": ("The webhook's name.", "ci", "^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$"),
    "sender": ("The sender's name.", "hub", "^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$"),
    "delivery": ("The number of the delivery.", "17", "^[1-9][0-9]{0,17}$"),
    "opened_to": ("The organization whose members may use it.", "beta", f"^{_PART}$"),
    "with_organization": ("The organization that it is shared with.", "beta", f"^{_PART}$"),
}

_PROBLEM = {"$ref": "#/components/schemas/ProblemDocument"}
