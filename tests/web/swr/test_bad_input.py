"""Values that nobody sends by accident, in every place that takes one: a clear refusal, never a failure."""

from __future__ import annotations

import json
import random
import re
from urllib.parse import quote

import pytest

from tests.web.swr.site import Site
from wherry.web.swr.routes import OPERATIONS, Operation

_PARAMETER = re.compile(r"\{(\w+)\}")
_TEXTS = [
    *(
        "",
        "x",
        "a/b",
        "a$b",
        "..",
        "../..",
        "a" * 300,
        "é",
        "a\0b",
        "a b",
        "%",
        "%00",
        "'",
        "' OR 1=1--",
        "\r\n",
    ),
    *(
        "-1",
        "0",
        "1",
        "99999999999999999999",
        "1e9",
        "true",
        "null",
        "forever",
        "\u202e",
        "\U0001f6a2",
        "read",
    ),
    *("9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00", "sha256-" + "0" * 64 + ".sig"),
]
_VALUES: list[object] = [*_TEXTS, None, True, -1, 2**70, 1.5, [], {}, [[]], ["x"], {"a": {}}, "\ud800"]
_QUERY = (
    *("namespace", "filter", "name", "category", "limit", "offset", "marker", "order_column", "order_type"),
    *(
        "is_public",
        "status",
        "shared_by",
        "center",
        "tag",
        "with_manifest",
        "projectname",
        "duration_seconds",
    ),
)
_FIELDS = (
    *("namespace", "repository", "is_public", "category", "description", "source_tag", "destination_tag"),
    *("override", "access_domain", "permit", "deadline", "user_id", "user_name", "auth", "enable"),
)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_input_makes_the_server_fail(site: Site, operation: Operation):
    chance = random.Random(operation.name)
    key = site.key("admin")
    organization = site.organization()
    site.push(f"{organization}/app", "1")
    known = {"namespace": organization, "repository": "app", "tag": "1", "access_domain": organization}
    for _ in range(25):

        def part(found: re.Match[str]) -> str:
            if chance.random() < 0.7 and found[1] in known:
                return known[found[1]]
            return quote(chance.choice(_TEXTS) or "x", safe="")

        path = _PARAMETER.sub(part, operation.route.template)
        query = {name: chance.choice(_TEXTS) for name in chance.sample(_QUERY, chance.randrange(4))}
        fields = {name: chance.choice(_VALUES) for name in chance.sample(_FIELDS, chance.randrange(8))}
        document = chance.choice([fields, [fields], [chance.choice(_VALUES)]])
        body = b"" if operation.route.method == "GET" else json.dumps(document).encode()
        answer = site.send(site.signed(key, operation.route.method, path, query, body))
        assert answer.status_code < 500 or answer.status_code == 501, (path, query, body, answer.text)
        # A path of one segment that is no version of this API is another face's.
        if answer.status_code >= 400 and operation.name != "show_api_version":
            assert answer.json()["error_code"].startswith(f"SVCSTG.SWR.{answer.status_code}")
