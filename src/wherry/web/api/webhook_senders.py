"""Who may tell of pushes elsewhere: made, shown, changed, deleted, their address and secret renewed."""

from urllib.parse import quote

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.identity.organizations import get_organization
from wherry.kit.pages import Page
from wherry.web.api.call import Admitted, Call, image_name
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
from wherry.web.api.webhook_sender_documents import (
    ChangedSender,
    CredentialsDocument,
    MadeSenderDocument,
    SenderDocument,
    WantedSender,
    made_sender_document,
    sender_document,
)
from wherry.webhooks.senders import (
    Credentials,
    Sender,
    change_sender,
    create_sender,
    get_sender,
    list_senders,
    remove_sender,
    rotate_sender,
)


async def list_webhook_senders(
    call: Admitted, organization: str, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """The organization's senders, by name."""
    after = key_of(cursor)

    def work(tx: Connection) -> Page[Sender]:
        get_organization(tx, call.organization)
        return list_senders(tx, call.organization, after=after, size=limit)

    found = await call.read(work)
    following = cursor_after(found.items[-1].name) if found.more else None
    return call.page(PageDocument(items=[sender_document(one) for one in found.items], next=following))


async def create_webhook_sender(call: Admitted, organization: str, body: WantedSender) -> Response:
    """Make a sender. Its address and its secret are in this answer only."""
    repository = image_name(call.organization, body.repository)

    def work(tx: Connection) -> tuple[Sender, Credentials]:
        return create_sender(
            tx,
            call.services.sealer,
            body.name,
            body.product,
            body.image,
            repository,
            call.user_id,
            call.now,
            secret=body.secret,
            is_enabled=body.is_enabled,
        )

    def show(made: tuple[Sender, Credentials]) -> MadeSenderDocument:
        return made_sender_document(*made, _address(call, made[1]))

    return await call.create(
        work,
        show,
        location=lambda made: f"{call.request.url.path}/{quote(made[0].name)}",
        kept=lambda made: show(made).model_copy(update={"secret": None, "url": None}),
        detail={"sender": body.name, "change": "created", "product": body.product.value},
    )


async def show_webhook_sender(call: Admitted, organization: str, sender: str) -> Response:
    """One sender, without its address and its secret."""
    return answer(await call.read(lambda tx: sender_document(_sender_in(tx, call))))


async def change_webhook_sender(
    call: Admitted, organization: str, sender: str, body: ChangedSender
) -> Response:
    """Change a sender; its address and its secret stay."""
    repository = None if body.repository is None else image_name(call.organization, body.repository)

    def work(tx: Connection) -> Sender:
        found = _sender_in(tx, call)
        call.require_match(sender_document(found))
        return change_sender(tx, found, image=body.image, repository=repository, is_enabled=body.is_enabled)

    changed = await call.write(
        work, lambda done: {"sender": done.name, "change": "changed", "enabled": done.is_enabled}
    )
    return answer(sender_document(changed))


async def delete_webhook_sender(call: Admitted, organization: str, sender: str) -> Response:
    """Delete a sender; its address is worth nothing from now on."""

    def work(tx: Connection) -> None:
        found = _sender_in(tx, call)
        call.require_match(sender_document(found))
        remove_sender(tx, found)

    await call.write(work, {"sender": call.parameters["sender"], "change": "deleted"})
    return no_content()


async def rotate_webhook_sender(call: Admitted, organization: str, sender: str) -> Response:
    """Another address and another secret. They are in this answer only; those before end at once."""

    def work(tx: Connection) -> Credentials:
        found = _sender_in(tx, call)
        call.require_match(sender_document(found))
        return rotate_sender(tx, call.services.sealer, found)

    made = await call.write(work, {"sender": call.parameters["sender"], "change": "credentials renewed"})
    return answer(CredentialsDocument(url=_address(call, made), secret=made.secret))


def _sender_in(tx: Connection, call: Call) -> Sender:
    return get_sender(tx, call.organization, call.parameters["sender"])


def _address(call: Call, made: Credentials) -> str:
    return f"{call.services.origin.of(call.request.scope)}/hooks/{made.token}"


_ALL = "/organizations/{organization}/webhook-senders"
_ONE = f"{_ALL}/{{sender}}"
_SEE, _CHANGE = Action.WEBHOOK_SEE, Action.WEBHOOK_CHANGE
_TAG = "webhooks"
OPERATIONS = (
    Operation("GET", _ALL, _SEE, list_webhook_senders, PageDocument[SenderDocument], tag=_TAG),
    Operation("POST", _ALL, _CHANGE, create_webhook_sender, MadeSenderDocument, status=201, tag=_TAG),
    Operation("GET", _ONE, _SEE, show_webhook_sender, SenderDocument, tag=_TAG),
    Operation("PATCH", _ONE, _CHANGE, change_webhook_sender, SenderDocument, tag=_TAG),
    Operation("DELETE", _ONE, _CHANGE, delete_webhook_sender, status=204, tag=_TAG),
    Operation("POST", f"{_ONE}/rotation", _CHANGE, rotate_webhook_sender, CredentialsDocument, tag=_TAG),
)
