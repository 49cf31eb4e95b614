"""Webhooks, as the settings describe them: how what they say leaves."""

from collections.abc import Mapping

from wherry.app.wiring import open_sealer
from wherry.clusters.addresses import AddressRules
from wherry.db.database import Database
from wherry.jobs.running import Handler
from wherry.kit.clock import Clock
from wherry.settings import Settings
from wherry.webhooks.deliver import Deliver
from wherry.webhooks.drivers.mail import MailServer


def open_deliver(settings: Settings, database: Database, clock: Clock) -> Handler:
    """What makes deliveries."""
    rules = AddressRules(settings.clusters.allowed_networks)

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
        # The HTTP client is loaded with the first delivery, not with the server.
        from wherry.webhooks.drivers.http import HttpPost

        return await HttpPost(rules)(url, headers, body)

    return Deliver(database, open_sealer(settings), clock, post, _mail_server(settings))


def _mail_server(settings: Settings) -> MailServer | None:
    mail = settings.mail
    if mail.host is None:
        return None
    return MailServer(mail.host, mail.port, mail.sender, mail.user, mail.password, mail.tls.value)
