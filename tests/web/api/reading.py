"""How answers of this face are read in tests."""

import httpx


def code_of(answer: httpx.Response) -> str:
    """The code of a problem, which says all that RFC 9457 asks for and the request's id."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    return str(problem["code"])
