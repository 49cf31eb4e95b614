"""The FastAPI application that reads requests for the handlers, and describes them as OpenAPI 3.1."""

from typing import Any, NoReturn

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
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


def build_fastapi() -> FastAPI:
    """The application of `OPERATIONS`; it has no middleware, and lets every exception through."""
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
    document["components"]["securitySchemes"] = {
        "basic": {"type": "http", "scheme": "basic"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "wherry_session"},
    }
    document["security"] = [{"basic": []}, {"bearer": []}, {"session": []}, {}]
    return document


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


_PROBLEM = {"$ref": "#/components/schemas/ProblemDocument"}
