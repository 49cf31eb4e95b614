"""Webhooks of an organization, and those of the site: made, shown, changed, deleted, their secret renewed."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote, urlsplit

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.identity.organizations import get_organization
from wherry.kit.pages import Page
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    Cursor,
    Limit,
    PageDocument,
    answer,
    cursor_after,
    key_of,
    no_content,
)
from wherry.web.api.operations import Operation
from wherry.web.api.webhook_documents import (
    ChangedWebhook,
    MadeWebhookDocument,
    SecretDocument,
    WantedWebhook,
    WebhookDocument,
    webhook_document,
    webhook_facts,
)
from wherry.webhooks.webhook import (
    Format,
    Webhook,
    change_webhook,
    create_webhook,
    get_webhook,
    list_webhooks,
    remove_webhook,
    renew_secret,
)
from wherry.webhooks.webhook import Wanted as WantedInDomain


async def list_organization_webhooks(
    call: Admitted, organization: str, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """The organization's webhooks, by name."""
    return await _list(call, limit, cursor)


async def create_organization_webhook(call: Admitted, organization: str, body: WantedWebhook) -> Response:
    """Make a webhook, told of what happens in the organization. Its secret is in this answer only."""
    return await _create(call, body)


async def show_organization_webhook(call: Admitted, organization: str, webhook: str) -> Response:
    """One webhook, without its secret."""
    return await _show(call)


async def change_organization_webhook(
    call: Admitted, organization: str, webhook: str, body: ChangedWebhook
) -> Response:
    """Change a webhook; what waits to be delivered goes to the new address."""
    return await _change(call, body)


async def delete_organization_webhook(call: Admitted, organization: str, webhook: str) -> Response:
    """Delete a webhook with all that is kept of its deliveries; what waits is not delivered."""
    return await _delete(call)


async def renew_organization_webhook_secret(call: Admitted, organization: str, webhook: str) -> Response:
    """Sign with another secret from now on. It is in this answer only."""
    return await _renew(call)


async def list_site_webhooks(call: Admitted, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None) -> Response:
    """The site's webhooks, by name."""
    return await _list(call, limit, cursor)


async def create_site_webhook(call: Admitted, body: WantedWebhook) -> Response:
    """Make a webhook, told of what happens in every organization. Its secret is in this answer only."""
    return await _create(call, body)


async def show_site_webhook(call: Admitted, webhook: str) -> Response:
    """One webhook of the site, without its secret."""
    return await _show(call)


async def change_site_webhook(call: Admitted, webhook: str, body: ChangedWebhook) -> Response:
    """Change a webhook of the site; what waits to be delivered goes to the new address."""
    return await _change(call, body)


async def delete_site_webhook(call: Admitted, webhook: str) -> Response:
    """Delete a webhook of the site with all that is kept of its deliveries."""
    return await _delete(call)


async def renew_site_webhook_secret(call: Admitted, webhook: str) -> Response:
    """Sign with another secret from now on. It is in this answer only."""
    return await _renew(call)


def webhook_in(tx: Connection, call: Call) -> Webhook:
    """The webhook of the path. Raises `WebhookUnknown`, also for another organization's."""
    return get_webhook(tx, call.organization_name, call.parameters["webhook"])


async def _list(call: Call, limit: int, cursor: str | None) -> Response:
    after = key_of(cursor)

    def work(tx: Connection) -> Page[Webhook]:
        if call.organization_name is not None:
            get_organization(tx, call.organization_name)
        return list_webhooks(tx, call.organization_name, after=after, size=limit)

    found = await call.read(work)
    following = cursor_after(found.items[-1].name) if found.more else None
    return call.page(PageDocument(items=[webhook_document(one) for one in found.items], next=following))


async def _create(call: Call, body: WantedWebhook) -> Response:
    wanted = body.in_domain()

    def work(tx: Connection) -> tuple[Webhook, str]:
        return create_webhook(
            tx,
            call.services.sealer,
            body.name,
            call.organization_name,
            wanted,
            call.user_id,
            call.now,
            offered=call.services.event_kinds,
            secret=body.secret,
        )

    def show(made: tuple[Webhook, str]) -> MadeWebhookDocument:
        return MadeWebhookDocument(**webhook_facts(made[0]), secret=made[1])

    return await call.create(
        work,
        show,
        location=lambda made: f"{call.request.url.path}/{quote(made[0].name)}",
        kept=lambda made: show(made).model_copy(update={"secret": None}),
        detail={"webhook": body.name, "change": "created", **_told_of(wanted)},
    )


async def _show(call: Call) -> Response:
    return answer(await call.read(lambda tx: webhook_document(webhook_in(tx, call))))


async def _change(call: Call, body: ChangedWebhook) -> Response:
    def work(tx: Connection) -> Webhook:
        found = webhook_in(tx, call)
        call.require_match(webhook_document(found))
        wanted = replace(found.wanted, **body.changes())
        return change_webhook(tx, found, wanted, call.now, offered=call.services.event_kinds)

    changed = await call.write(
        work, lambda done: {"webhook": done.name, "change": "changed", **_told_of(done.wanted)}
    )
    return answer(webhook_document(changed))


async def _delete(call: Call) -> Response:
    def work(tx: Connection) -> None:
        found = webhook_in(tx, call)
        call.require_match(webhook_document(found))
        remove_webhook(tx, found)

    await call.write(work, {"webhook": call.parameters["webhook"], "change": "deleted"})
    return no_content()


async def _renew(call: Call) -> Response:
    def work(tx: Connection) -> str:
        found = webhook_in(tx, call)
        call.require_match(webhook_document(found))
        return renew_secret(tx, call.services.sealer, found, call.now)

    made = await call.write(work, {"webhook": call.parameters["webhook"], "change": "secret renewed"})
    return answer(SecretDocument(secret=made))


def _told_of(wanted: WantedInDomain) -> Mapping[str, object]:
    """For the audit trail. A query may hold a password; of a chat's address the path is one as well."""
    on = wanted.url
    if wanted.format is not Format.MAIL:
        # Before it was checked, it may be anything.
        parts = urlsplit(on.partition("?")[0].partition("#")[0]) if "://" in on and "[" not in on else None
        is_ours = parts is not None and parts.username is None
        path = parts.path if parts is not None and wanted.format is Format.CLOUD_EVENTS else ""
        on = f"{parts.scheme}://{parts.netloc}{path}" if parts is not None and is_ours else ""
    return {"url": on, "format": wanted.format.value, "enabled": wanted.is_enabled}


OF_ORGANIZATION = "/organizations/{organization}/webhooks"
OF_SITE = "/webhooks"
_SEE, _CHANGE = Action.WEBHOOK_SEE, Action.WEBHOOK_CHANGE
_SITE_SEE, _SITE_CHANGE = Action.SITE_WEBHOOK_SEE, Action.SITE_WEBHOOK_CHANGE
TAG = "webhooks"
_ONE, _SITE_ONE = f"{OF_ORGANIZATION}/{{webhook}}", f"{OF_SITE}/{{webhook}}"
_PAGE = PageDocument[WebhookDocument]
OPERATIONS = (
    Operation("GET", OF_ORGANIZATION, _SEE, list_organization_webhooks, _PAGE, tag=TAG),
    Operation(
        "POST",
        OF_ORGANIZATION,
        _CHANGE,
        create_organization_webhook,
        MadeWebhookDocument,
        status=201,
        tag=TAG,
    ),
    Operation("GET", _ONE, _SEE, show_organization_webhook, WebhookDocument, tag=TAG),
    Operation("PATCH", _ONE, _CHANGE, change_organization_webhook, WebhookDocument, tag=TAG),
    Operation("DELETE", _ONE, _CHANGE, delete_organization_webhook, status=204, tag=TAG),
    Operation("POST", f"{_ONE}/secret", _CHANGE, renew_organization_webhook_secret, SecretDocument, tag=TAG),
    Operation("GET", OF_SITE, _SITE_SEE, list_site_webhooks, _PAGE, tag=TAG),
    Operation("POST", OF_SITE, _SITE_CHANGE, create_site_webhook, MadeWebhookDocument, status=201, tag=TAG),
    Operation("GET", _SITE_ONE, _SITE_SEE, show_site_webhook, WebhookDocument, tag=TAG),
    Operation("PATCH", _SITE_ONE, _SITE_CHANGE, change_site_webhook, WebhookDocument, tag=TAG),
    Operation("DELETE", _SITE_ONE, _SITE_CHANGE, delete_site_webhook, status=204, tag=TAG),
    Operation(
        "POST", f"{_SITE_ONE}/secret", _SITE_CHANGE, renew_site_webhook_secret, SecretDocument, tag=TAG
    ),
)
