"""What commands of webhooks and of senders share: whose they are, and where these are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.server import ApiCall, Server

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

T = TypeVar("T")

WebhookArgument = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its name.")]
OrganizationOption = Annotated[
    str | None, typer.Option("--organization", help="Whose webhook it is; else the site's.")
]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose webhooks and senders these are, None is the site; in a data folder or on a server."""

    organization: str | None
    server: Server | None
    data: str | None
    config: Path | None

    @property
    def path(self) -> tuple[str, ...]:
        """Where the owner is in the API."""
        return () if self.organization is None else ("organizations", self.organization)

    def change(
        self,
        call: ApiCall,
        work: Callable[[Connection, datetime], T],
        detail: Mapping[str, object],
        told: Callable[[Any], T],
    ) -> T:
        """Change something, on record: in the data folder by `work`; on a server by `call`, which begins at
        the owner, and `told` reads from its answer what `work` tells."""
        if self.server is not None:
            return told(self.server.call(call.method, *self.path, *call.path, body=call.body))
        from wherry.audit.entries import SERVICE, Target
        from wherry.kit.clock import SystemClock

        if self.organization is None:
            action, target = "site.webhook.change", SERVICE
        else:
            action, target = "webhook.change", Target.org(self.organization)
        now = SystemClock().now()
        with open_database(self.data, self.config) as database:
            return change(database, action, target, lambda tx: work(tx, now), detail)

    def require(self, tx: Connection) -> None:
        """Raises `OrganizationUnknown`: nothing is listed of one that is not there."""
        from wherry.identity.organizations import get_organization

        if self.organization is not None:
            get_organization(tx, self.organization)
