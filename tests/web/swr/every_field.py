"""What a check of one operation is, and how an answer of the SDK's is laid open, field by field."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, select

from tests.web.swr.site import ServiceResponseException, Site, swr
from wherry.access.levels import Level
from wherry.identity.tables import organizations
from wherry.registry.tables import repositories


@dataclass(frozen=True, slots=True)
class Check:
    """`request` is sent by `by`, or the administrator; answered with `status`, and just these `fields`.

    `then` looks whether what the answer says, or does not say, came true.
    """

    request: Any
    status: int
    fields: dict[str, Any] = field(default_factory=dict)
    by: Any = None
    then: Callable[[Any], None] | None = None


class Span:
    """Equals each time of SWR's that lies between its beginning and its end, moved by `later`."""

    def __init__(self, later: timedelta = timedelta(0)) -> None:
        self.began = self.ended = datetime.now(UTC)
        self.later = later
        self.is_over = False

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended, self.is_over = datetime.now(UTC), True

    def __eq__(self, other: object) -> bool:
        when = datetime.strptime(str(other), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) - self.later
        return self.began <= when <= (self.ended if self.is_over else datetime.now(UTC))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<a time from {self.began} on, + {self.later}>"


class Text:
    """Equals each text that the pattern fits as a whole."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.pattern.fullmatch(other) is not None

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<text like {self.pattern.pattern}>"


class Scene:
    """An organization of the administrator's, a user, and one of the two spellings of its image `app/web`."""

    def __init__(self, site: Site, organization: str, user: str, spelling: str) -> None:
        self.site, self.admin = site, site.admin
        self.organization, self.user, self.spelling = organization, user, spelling
        self.image = f"{organization}/app/web"
        self.path = f"{site.host}/{self.image}"

    @property
    def where(self) -> dict[str, str]:
        """The parameters that name the image."""
        return {"namespace": self.organization, "repository": self.spelling}

    @property
    def organization_id(self) -> int:
        return self._id(organizations, self.organization)

    @property
    def image_id(self) -> int:
        return self._id(repositories, self.image)

    def auth(self, user: str, level: int) -> Any:
        return swr.UserAuth(user_id=self.site.user_id(user), user_name=user, auth=level)

    def plain_auth(self, user: str, level: int) -> dict[str, object]:
        return {"user_id": self.site.user_id(user), "user_name": user, "auth": level}

    def make_image(self, **more: object) -> None:
        """The image without a tag, through this API."""
        attributes = {"is_public": False, **more}
        body = swr.CreateRepoRequestBody(repository=self.spelling, **attributes)
        self.admin.create_repo(swr.CreateRepoRequest(namespace=self.organization, body=body))

    def share(self, partner: str, deadline: str = "forever", description: str = "") -> None:
        body = swr.CreateRepoDomainsRequestBody(
            access_domain=partner, permit="read", deadline=deadline, description=description
        )
        self.admin.create_repo_domains(swr.CreateRepoDomainsRequest(**self.where, body=body))

    def partner(self) -> tuple[str, Any]:
        """Another organization, and the SDK's client of one who may read there."""
        name, user = self.site.organization(), self.site.user()
        self.site.grant(user, name, Level.READ)
        return name, self.site.client_of(user)

    def _id(self, table: Table, name: str) -> int:
        query = select(table.c.id).where(table.c.name == name)
        return int(self.site.database.read_now(lambda tx: tx.execute(query).scalar_one()))


def response_class(operation: str) -> str:
    """What the SDK calls the operation's answer."""
    return "".join(part.title() for part in operation.split("_")) + "Response"


def plain(value: Any) -> Any:
    """A model of the SDK's with every attribute that it has, the unset ones too."""
    if hasattr(value, "openapi_types"):
        return {name: plain(getattr(value, name)) for name in value.openapi_types}
    if isinstance(value, list):
        return [plain(element) for element in value]
    if isinstance(value, dict):
        return {name: plain(element) for name, element in value.items()}
    return value


def asked(client: Any, operation: str, request: Any) -> tuple[Any, int, dict[str, Any]]:
    """The answer, its status and its fields; of a refusal, the SDK's exception with what it shows."""
    try:
        answer = getattr(client, operation)(request)
    except ServiceResponseException as error:
        shown = ("error_code", "error_msg", "request_id", "encoded_auth_msg")
        return error, error.status_code, {name: getattr(error, name) for name in shown}
    assert type(answer).__name__ == response_class(operation)
    return answer, answer.status_code, plain(answer)
