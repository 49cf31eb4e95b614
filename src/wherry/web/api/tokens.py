"""`POST /tokens`: a short bearer token for this API and the registry, instead of the login itself."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.tokens import LONGEST
from wherry.audit.entries import Target
from wherry.web.api.call import Admitted
from wherry.web.api.documents import Document, Wanted
from wherry.web.api.operations import Operation


class WantedToken(Wanted):
    """A token to be made."""

    lifetime_seconds: int = Field(
        strict=True, default=int(LONGEST.total_seconds()), ge=60, le=int(LONGEST.total_seconds())
    )


class TokenDocument(Document):
    """A bearer token, for `Authorization: Bearer …`."""

    token: str | None = Field(description="Null in a repeated answer: it is handed out once.")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 (a word, no secret)
    expires_at: datetime


async def make_token(call: Admitted, body: WantedToken | None = None) -> Response:
    """Make a token that may what your login may, but makes no logins, keys or tokens itself.

    It ends by itself, and with the user or the access key that asked for it.
    """
    actor, now = call.actor, call.now
    lifetime = timedelta(seconds=(body or WantedToken()).lifetime_seconds)
    call.target = Target.user(actor.name)
    token = call.services.tokens.issue_for_api(call.user_id, now, lifetime, actor.key_id)
    shown = TokenDocument(token=token, expires_at=now + lifetime)
    return await call.create(
        lambda _: shown,
        lambda made: made,
        kept=lambda made: made.model_copy(update={"token": None}),
        detail={"seconds": int(lifetime.total_seconds())},
    )


OPERATIONS = (Operation("POST", "/tokens", Action.LOGIN_MAKE, make_token, TokenDocument, status=201),)
