"""A one-time link as it is handed out, once."""

from datetime import datetime

from pydantic import Field

from wherry.identity.one_time_links import Link, Purpose
from wherry.web.api.call import Call
from wherry.web.api.documents import Document


class LinkDocument(Document):
    """Whoever holds it sets the user's password, once."""

    user: str
    purpose: Purpose
    url: str | None = Field(description="To be opened in a browser. Null in a repeated answer.")
    token: str | None = Field(description="For `POST /links/{token}`. Null in a repeated answer.")
    expires_at: datetime


def link_document(call: Call, link: Link) -> LinkDocument:
    """With the address by which the client knows us."""
    origin = call.services.origin.of(call.request.scope)
    return LinkDocument(
        user=link.user.name,
        purpose=link.purpose,
        url=f"{origin}/console/links/{link.token}",
        token=link.token,
        expires_at=link.expires_at,
    )
