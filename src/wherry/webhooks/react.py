"""What webhooks do when something happened: a delivery for each that wants to know, all at once."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from wherry.events.dispatch import RecordedEvent
from wherry.kit.clock import Clock
from wherry.webhooks.cloud_event import cloud_event
from wherry.webhooks.deliveries import deliver_later, forget_old_deliveries
from wherry.webhooks.webhook import Webhook, webhooks_for

PING = "ping"


class TellWebhooks:
    """A reaction. `source` is the registry's address, which CloudEvents name as where they are from."""

    def __init__(self, source: str, clock: Clock) -> None:
        self._source = source
        self._clock = clock

    def __call__(self, tx: Connection, event: RecordedEvent) -> None:
        # A subject is an organization, or begins with it.
        concerned = webhooks_for(tx, event.subject.partition("/")[0])
        tag = event.body.get("tag")
        for webhook in concerned:
            if webhook.wants(event.kind, event.subject, tag if isinstance(tag, str) else None):
                told = cloud_event(
                    f"{event.id}", event.kind, event.subject, event.at, self._source, event.body
                )
                deliver_later(tx, webhook, told, event.kind, self._clock.now())
                forget_old_deliveries(tx, webhook.id)


def ping(tx: Connection, webhook: Webhook, source: str, new_id: str, now: datetime) -> int:
    """A delivery that says nothing but that it arrives; answers its id."""
    told: dict[str, Any] = cloud_event(
        f"ping-{new_id}", PING, webhook.organization or "site", now, source, {"webhook": webhook.name}
    )
    return deliver_later(tx, webhook, told, PING, now)
