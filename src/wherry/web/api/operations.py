"""How this face declares its routes: as data, each with its action and what it answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.web.routes import Audit

Handler = Callable[..., Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """`path` is the one behind `/api/v1`. `answers` is the document of `status`; None for an empty answer.

    The handler's name is the operation's id, its docstring the description. `errors` are the statuses that
    this operation has beside those that every one has.
    """

    method: str
    path: str
    action: Action
    handler: Handler
    answers: type[BaseModel] | None = None
    status: int = 200
    tag: str = ""
    errors: tuple[int, ...] = ()
    audit: Audit | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def audited(self) -> Audit:
        """What the audit trail has of it; what is not GET is a change, unless `audit` says otherwise."""
        if self.audit is not None:
            return self.audit
        return Audit.NOTHING if self.method == "GET" else Audit.CHANGE

    @property
    def name(self) -> str:
        name: str = getattr(self.handler, "__name__", "")
        return name
