"""For schemathesis: most of the names that it makes up become ones that are there, so that it gets further.

Loaded by schemathesis itself (SCHEMATHESIS_HOOKS). What it makes up against the document stays as it is.
"""

import json
import re
import zlib
from typing import Any

import schemathesis

from tests.web.api.known_names import KNOWN
from wherry.web.api.openapi import PATH_PARAMETERS


@schemathesis.hook
def map_path_parameters(_context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any]:
    """Two of three, chosen by the made-up value, so that a run can be repeated."""
    mapped = dict(path_parameters or {})
    for name, value in mapped.items():
        known = KNOWN.get(name, ())
        if known and isinstance(value, str) and re.fullmatch(PATH_PARAMETERS[name][2], value):
            number = zlib.crc32(value.encode())
            if number % 3:
                mapped[name] = known[number // 3 % len(known)]
    return mapped


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """It finds its own login in the list of users; without that the run would be over."""
    if case.path_parameters and case.path_parameters.get("user") == "admin":
        case.path_parameters["user"] = KNOWN["user"][0]


@schemathesis.check
def not_our_error(_context: Any, response: Any, case: Any) -> None:
    """No 5xx but the one of a cluster that does not answer, which the operation says it may have."""
    if response.status_code < 500:
        return
    code = json.loads(response.content)["code"]
    if response.status_code not in (502, 503) or not code.startswith("cluster_"):
        raise AssertionError(f"{case.method} {case.formatted_path}: {response.status_code} {code}")
