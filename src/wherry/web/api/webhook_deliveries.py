"""What became of what webhooks were told: deliveries listed, shown, made once more, and a ping to try."""

from secrets import token_hex
from typing import Annotated

from fastapi import Path, Query
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.kit.pages import Page
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import DEFAULT_PAGE, Cursor, Limit, PageDocument, answer, cursor_after
from wherry.web.api.listed import MAX_POSITION, position_of
from wherry.web.api.operations import Operation
from wherry.web.api.webhook_documents import DeliveryDetailDocument, DeliveryDocument, delivery_facts
from wherry.web.api.webhooks import OF_ORGANIZATION, OF_SITE, TAG, webhook_in
from wherry.webhooks.deliveries import (
    Delivery,
    DeliveryState,
    get_delivery,
    list_deliveries,
    redeliver,
)
from wherry.webhooks.react import ping

InState = Annotated[DeliveryState | None, Query(description="Only `waiting`, `delivered` or `dead` ones.")]
Number = Annotated[int, Path(ge=1, le=MAX_POSITION)]


async def list_organization_deliveries(
    call: Admitted,
    organization: str,
    webhook: str,
    state: InState = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """What the webhook was told, newest first; the last 1,000 are kept."""
    return await _list(call, state, limit, cursor)


async def show_organization_delivery(
    call: Admitted, organization: str, webhook: str, delivery: Number
) -> Response:
    """One delivery with its CloudEvent."""
    return await _show(call, delivery)


async def redeliver_to_organization_webhook(
    call: Admitted, organization: str, webhook: str, delivery: Number
) -> Response:
    """Deliver it once more, whatever became of it, with the same id."""
    return await _redeliver(call, delivery)


async def ping_organization_webhook(call: Admitted, organization: str, webhook: str) -> Response:
    """Send an event that says nothing but that it arrives; also to a webhook that is not enabled."""
    return await _ping(call)


async def list_site_deliveries(
    call: Admitted, webhook: str, state: InState = None, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """What the site's webhook was told, newest first; the last 1,000 are kept."""
    return await _list(call, state, limit, cursor)


async def show_site_delivery(call: Admitted, webhook: str, delivery: Number) -> Response:
    """One delivery to a webhook of the site with its CloudEvent."""
    return await _show(call, delivery)


async def redeliver_to_site_webhook(call: Admitted, webhook: str, delivery: Number) -> Response:
    """Deliver it once more, whatever became of it, with the same id."""
    return await _redeliver(call, delivery)


async def ping_site_webhook(call: Admitted, webhook: str) -> Response:
    """Send an event that says nothing but that it arrives; also to a webhook that is not enabled."""
    return await _ping(call)


async def _list(call: Call, state: DeliveryState | None, limit: int, cursor: str | None) -> Response:
    before = position_of(cursor)

    def work(tx: Connection) -> Page[Delivery]:
        return list_deliveries(tx, webhook_in(tx, call), before=before, state=state, size=limit)

    found = await call.read(work)
    following = cursor_after(str(found.items[-1].id)) if found.more else None
    items = [DeliveryDocument(**delivery_facts(one)) for one in found.items]
    return call.page(PageDocument(items=items, next=following))


async def _show(call: Call, number: int) -> Response:
    delivery, event = await call.read(lambda tx: get_delivery(tx, webhook_in(tx, call), number))
    return answer(DeliveryDetailDocument(**delivery_facts(delivery), event=event))


async def _redeliver(call: Call, number: int) -> Response:
    again = await call.write(
        lambda tx: redeliver(tx, webhook_in(tx, call), number, call.now),
        {"webhook": call.parameters["webhook"], "change": "delivered again", "delivery": number},
    )
    return answer(DeliveryDocument(**delivery_facts(again)), 202)


async def _ping(call: Call) -> Response:
    def work(tx: Connection) -> Delivery:
        webhook = webhook_in(tx, call)
        number = ping(tx, webhook, call.services.event_source, token_hex(8), call.now)
        return get_delivery(tx, webhook, number)[0]

    made = await call.write(work, {"webhook": call.parameters["webhook"], "change": "pinged"})
    return answer(DeliveryDocument(**delivery_facts(made)), 202)


_PAGE, _DETAIL = PageDocument[DeliveryDocument], DeliveryDetailDocument
_ONE, _SITE_ONE = f"{OF_ORGANIZATION}/{{webhook}}", f"{OF_SITE}/{{webhook}}"
_ALL, _SITE_ALL = f"{_ONE}/deliveries", f"{_SITE_ONE}/deliveries"
_SEE, _CHANGE = Action.WEBHOOK_SEE, Action.WEBHOOK_CHANGE
_SITE_SEE, _SITE_CHANGE = Action.SITE_WEBHOOK_SEE, Action.SITE_WEBHOOK_CHANGE
OPERATIONS = (
    Operation("GET", _ALL, _SEE, list_organization_deliveries, _PAGE, tag=TAG),
    Operation("GET", f"{_ALL}/{{delivery}}", _SEE, show_organization_delivery, _DETAIL, tag=TAG),
    Operation(
        "POST",
        f"{_ALL}/{{delivery}}/redelivery",
        _CHANGE,
        redeliver_to_organization_webhook,
        DeliveryDocument,
        status=202,
        tag=TAG,
    ),
    Operation(
        "POST", f"{_ONE}/pings", _CHANGE, ping_organization_webhook, DeliveryDocument, status=202, tag=TAG
    ),
    Operation("GET", _SITE_ALL, _SITE_SEE, list_site_deliveries, _PAGE, tag=TAG),
    Operation("GET", f"{_SITE_ALL}/{{delivery}}", _SITE_SEE, show_site_delivery, _DETAIL, tag=TAG),
    Operation(
        "POST",
        f"{_SITE_ALL}/{{delivery}}/redelivery",
        _SITE_CHANGE,
        redeliver_to_site_webhook,
        DeliveryDocument,
        status=202,
        tag=TAG,
    ),
    Operation(
        "POST", f"{_SITE_ONE}/pings", _SITE_CHANGE, ping_site_webhook, DeliveryDocument, status=202, tag=TAG
    ),
)
