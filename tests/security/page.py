"""docs/reference/security-tests.md: which test would have caught which class of vulnerability.

Made from the marks in the test files by `python -m tests.security`; a test fails where the page lags.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.security.classes import CLASSES, VulnerabilityClass

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/security-tests.md"
FOLDERS = ("tests/security", "tests/hostile")

_INTRODUCTION = """\
# Security tests

<!-- Made by `python -m tests.security` from the marks in tests/security and tests/hostile. -->

Each class of vulnerability below has hit a registry or one of its neighbours. Beside it stand the tests that
would have caught it here; all of them run against a real server over HTTP unless they are on values alone.
Below the table: what the fuzzer does that looks for the classes that nobody has named yet.

| Class | Seen as | What holds here | Tests |
| --- | --- | --- | --- |
"""

_FUZZER = """
## The fuzzer

`python -m tests.hostile --requests 100000` starts a server, fills it, and sends it mutated requests: methods,
paths and their encodings, queries, headers, ranges, credentials, manifests' JSON, bodies, framing; one in ten
is not HTTP at all. No answer may be a 5xx other than 503 and 507, every error under `/v2/` and `/token` is an
OCI envelope with a code of the specification and a request id, every request is answered or closed in time,
and afterwards what was pushed before is there byte for byte, and every tag names content that is there.
`--seed` repeats a run. It runs in the tests.
"""


def marked_tests() -> dict[str, list[str]]:
    """The tests of each class, as `file::test`."""
    found: dict[str, list[str]] = {one.name: [] for one in CLASSES}
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("test_*.py")):
        for name, class_name in _marks(path):
            found.setdefault(class_name, []).append(f"{path.relative_to(ROOT)}::{name}")
    return found


def _marks(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
            for decorator in node.decorator_list:
                if (
                    isinstance(decorator, ast.Call)
                    and ast.unparse(decorator.func) == "pytest.mark.vulnerability"
                ):
                    yield node.name, ast.literal_eval(decorator.args[0])


def page() -> str:
    """The text of the page."""
    found = marked_tests()
    return _INTRODUCTION + "".join(_row(one, found[one.name]) for one in CLASSES) + _FUZZER


def _row(one: VulnerabilityClass, tests: list[str]) -> str:
    shown = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests)
    if not tests:
        shown = f"comes with {one.later}"
    return f"| {one.name} | {one.ids} | {one.rule} | {shown} |\n"
