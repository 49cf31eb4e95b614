"""What a person is told instead of the page that they asked for: a plain cause, and what to do next."""

from collections.abc import Mapping
from types import MappingProxyType

from wherry.db.errors import DatabaseFull, DatabaseUnavailable
from wherry.identity.errors import InvalidLink, LastAdministrator, SignInRefused, TooManyLogins
from wherry.web.body import BodyTooLong, BodyTooSlow, ClientGone
from wherry.web.oidc import OidcFailed, ProviderAway
from wherry.web.sessions import CrossSite


class Problem(Exception):
    """`title` says what is wrong, `advice` what to do next."""

    def __init__(
        self, status: int, title: str, advice: str, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.advice = advice
        self.headers = dict(headers)


def problem_of(error: Exception) -> Problem | None:
    """None for what nobody foresaw."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, TooManyLogins):
        after = {"retry-after": str(error.retry_after)}
        return Problem(429, "Too many sign-ins.", f"Try again in {error.retry_after} seconds.", after)
    for kind, status, title, advice in _FORMS:
        if isinstance(error, kind):
            return Problem(status, title or sentence(str(error)), advice)
    return None


_AGAIN = "Go to the sign-in page and try again."
_FORMS: tuple[tuple[type[Exception], int, str, str], ...] = (
    (CrossSite, 403, "This request does not come from a page of this registry.", _AGAIN),
    (
        InvalidLink,
        404,
        "This link is not valid, or not any more.",
        "Each link works once and for a few days. Ask whoever sent it for a new one.",
    ),
    (SignInRefused, 403, "", "The administrators of this registry can help."),
    (LastAdministrator, 403, "", "Make somebody else an administrator first."),
    (ProviderAway, 503, "The sign-in service does not answer.", "Try again in a minute."),
    (OidcFailed, 403, "", _AGAIN),
    (BodyTooLong, 413, "That was too much.", "Nothing here takes so long a form."),
    (BodyTooSlow, 408, "The form did not arrive in time.", "Send it again."),
    (ClientGone, 400, "The form did not arrive whole.", "Send it again."),
    (DatabaseFull, 507, "The registry's disk is full.", "Its administrators have to make room."),
    (DatabaseUnavailable, 503, "The registry's database does not answer.", "Try again in a minute."),
)


def sentence(text: str) -> str:
    """An error's text as it stands on a page."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
