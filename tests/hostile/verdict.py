"""What every answer must be, whatever was asked: the rules that the fuzzer holds the registry to."""

from __future__ import annotations

import json

from tests.hostile.requests import Answer, Request

# distribution-spec, "Error Codes".
SPEC_CODES = frozenset(
    {
        *("BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID"),
        *("MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN"),
        *("SIZE_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS"),
    }
)
# No room, and no storage: the only failures that are the server's and no bug.
MAY_FAIL = {503: "UNAVAILABLE", 507: "UNAVAILABLE"}

# What the HTTP server itself answers to what is no HTTP, before there is a request that could have an id.
WIRE_REFUSALS = frozenset({400, 405, 408, 413, 414, 417, 431, 501, 505})


def fault_of(request: Request, answer: Answer) -> str | None:
    """What is wrong with the answer to a well-formed request; None if nothing is."""
    if answer.status >= 500 and answer.status not in MAY_FAIL:
        return f"answered {answer.status}"
    if not answer.headers.get("x-request-id"):
        return f"answered {answer.status} without a request id"
    if "html" in answer.headers.get("content-type", ""):
        return "answered with HTML"
    path = request.path
    if answer.status >= 400 and (path.startswith("/v2/") or path in ("/v2", "/token")):
        return _fault_of_error(request, answer)
    if answer.status >= 400 and path.startswith("/api/"):
        return _fault_of_problem(request, answer)
    return None


def _fault_of_problem(request: Request, answer: Answer) -> str | None:
    """RFC 9457, with what this API adds."""
    if answer.headers.get("content-type") != "application/problem+json":
        return f"answered {answer.status} as {answer.headers.get('content-type')!r}"
    if request.method == "HEAD":
        return None
    try:
        problem = json.loads(answer.body)
        whole = problem["title"] and problem["detail"] and problem["code"]
    except (ValueError, KeyError, TypeError):
        return f"answered {answer.status} without a whole problem"
    if not whole or problem["status"] != answer.status:
        return f"answered {answer.status} with a problem of {problem['status']}"
    if len(answer.body) > 8000:
        return f"answered {answer.status} at unbearable length"
    return None


def _fault_of_error(request: Request, answer: Answer) -> str | None:
    if answer.headers.get("content-type") != "application/json":
        return f"answered {answer.status} as {answer.headers.get('content-type')!r}"
    if request.method == "HEAD":
        return None
    try:
        errors = json.loads(answer.body)["errors"]
        codes = [error["code"] for error in errors]
        messages = [error["message"] for error in errors]
    except (ValueError, KeyError, TypeError):
        return f"answered {answer.status} outside of the OCI envelope"
    known = SPEC_CODES if answer.status not in MAY_FAIL else {MAY_FAIL[answer.status]}
    if not codes or not set(codes) <= known:
        return f"answered {answer.status} with the codes {codes}"
    if not all(isinstance(message, str) and 0 < len(message) < 4000 for message in messages):
        return f"answered {answer.status} without a message of a bearable length"
    return _fault_of_status(answer, codes[0])


def _fault_of_status(answer: Answer, code: str) -> str | None:
    if (answer.status == 401) != (code == "UNAUTHORIZED"):
        return f"answered {answer.status} with the code {code}"
    if (answer.status == 429) != (code == "TOOMANYREQUESTS"):
        return f"answered {answer.status} with the code {code}"
    if answer.status == 429 and not answer.headers.get("retry-after", "").isdigit():
        return "answered 429 without Retry-After"
    return None


def fault_of_wire_answer(answer: Answer, *, asks_for_websocket: bool = False) -> str | None:
    """The same for an answer to what may not even be HTTP."""
    if asks_for_websocket and answer.status == 403 and not answer.body:
        return None  # there is no WebSocket at that path, and the HTTP server has no words of ours for it
    if answer.status >= 500 and answer.status not in (*MAY_FAIL, *WIRE_REFUSALS):
        return f"answered {answer.status}"
    if answer.headers.get("x-request-id"):
        return "answered with HTML" if "html" in answer.headers.get("content-type", "") else None
    if answer.status not in WIRE_REFUSALS or answer.body:
        return f"answered {answer.status} without a request id"
    return None
