"""How a face declares its routes: each with its action, so that none can be reached without a decision."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from wherry.access.actions import Action

C = TypeVar("C")
R = TypeVar("R")

_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_PARAMETER = re.compile(r"\{(\w+)(:path)?\}")


class Audit(StrEnum):
    """What the audit trail has of a route: each attempt; refusals only, of a step; or nothing at all.

    A step is one towards a change that is recorded where it ends.
    """

    CHANGE = "change"
    STEP = "step"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Route(Generic[C, R]):
    """`template` names its parts as `{name}` (one segment) or `{name:path}` (any number of them).

    `shown` is the template as documents, logs and metrics show it. Unless it says otherwise, what is not GET
    or HEAD is a change.
    """

    method: str
    template: str
    action: Action
    handler: Callable[[C], Awaitable[R]]
    audit: Audit | None = None
    shown: str = field(init=False)

    def __post_init__(self) -> None:
        if self.audit is None:
            object.__setattr__(self, "audit", Audit.CHANGE if self.method in _UNSAFE else Audit.NOTHING)
        object.__setattr__(self, "shown", _PARAMETER.sub(r"{\1}", self.template))


class RouteTable(Generic[C, R]):
    """Finds the route of a path; the first template that fits wins, then the method decides."""

    def __init__(self, routes: Sequence[Route[C, R]]) -> None:
        by_template: dict[str, dict[str, Route[C, R]]] = {}
        for route in routes:
            by_template.setdefault(route.template, {})[route.method] = route
        self._compiled = [(_compiled(template), methods) for template, methods in by_template.items()]

    def find(self, path: str) -> tuple[dict[str, Route[C, R]], dict[str, str]] | None:
        """The routes of the path by method, and the path's parameters."""
        for pattern, methods in self._compiled:
            match = pattern.fullmatch(path)
            if match is not None:
                return methods, match.groupdict()
        return None


def _compiled(template: str) -> re.Pattern[str]:
    pattern, end = "", 0
    for part in _PARAMETER.finditer(template):
        pattern += re.escape(template[end : part.start()])
        pattern += f"(?P<{part[1]}>{'.*' if part[2] else '[^/]*'})"
        end = part.end()
    return re.compile(pattern + re.escape(template[end:]))
