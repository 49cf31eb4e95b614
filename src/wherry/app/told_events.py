"""What webhooks can be told of, and as whom the registry speaks."""

from wherry.access import events as access_events
from wherry.events.kinds import EventKind
from wherry.registry import events as registry_events
from wherry.settings import Settings
from wherry.triggers import events as trigger_events

# What can happen, as the domains declare it.
EVENT_KINDS: tuple[EventKind, ...] = (
    *registry_events.KINDS,
    *trigger_events.KINDS,
    *access_events.KINDS,
)


def source_of(settings: Settings) -> str:
    """Where CloudEvents say that they are from: the address that clients use, as far as it is known."""
    scheme = "http" if settings.tls.certificate is None else "https"
    return settings.public_url or f"{scheme}://{settings.host}:{settings.port}"
