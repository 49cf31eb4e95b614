"""`POST /me/login-commands`: a temporary login, with the lines to type."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.audit.entries import Target
from wherry.identity.access_keys import LONGEST, SHORTEST, create_temporary_login
from wherry.web.api.call import Admitted
from wherry.web.api.documents import Wanted
from wherry.web.api.logins import LoginDocument, login_of, without_secret
from wherry.web.api.operations import Operation


class WantedLogin(Wanted):
    """A login to be made."""

    kind: Literal["temporary"] = Field(
        default="temporary", description="Long-term logins come with a new access key."
    )
    lifetime_seconds: Annotated[int, Field(strict=True)] | None = Field(
        default=None,
        ge=int(SHORTEST.total_seconds()),
        le=int(LONGEST.total_seconds()),
        description="How long it is good for; six hours unless the server is set otherwise.",
    )


async def make_login_commands(call: Admitted, body: WantedLogin | None = None) -> Response:
    """Make a temporary login; it may what the login that asks for it may, and ends with its access key."""
    wanted, actor, sealer = body or WantedLogin(), call.actor, call.services.sealer
    lifetime = call.services.temporary_login
    if wanted.lifetime_seconds is not None:
        lifetime = timedelta(seconds=wanted.lifetime_seconds)
    call.target = Target.user(actor.name)
    return await call.create(
        lambda tx: create_temporary_login(
            tx, sealer, call.user_id, lifetime, call.now, actor.ceiling, actor.key_id
        ),
        lambda made: login_of(call, made.id, made.secret, made.expires_at),
        kept=lambda made: without_secret(login_of(call, made.id, made.secret, made.expires_at)),
        detail=lambda made: {"key": made.id, "seconds": int(lifetime.total_seconds())},
    )


OPERATIONS = (
    Operation(
        "POST", "/me/login-commands", Action.LOGIN_MAKE, make_login_commands, LoginDocument, status=201
    ),
)
