"""Access keys, whosever they are: as documents, made, rotated, changed, deleted.

Whose they are and who may is the business of `access_keys`, `user_keys` and `robot_keys`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.identity.access_keys import (
    LONGEST_OVERLAP,
    OVERLAP,
    AccessKey,
    NewAccessKey,
    create_access_key,
    delete_access_key,
    get_key_of,
    list_keys_of,
    rename_key,
    rotate_access_key,
    set_key_disabled,
)
from wherry.identity.credentials_csv import Credentials, write_credentials
from wherry.web.api.call import Call
from wherry.web.api.documents import Document, Flag, Moment, PageDocument, Wanted, answer, etag_of, no_content
from wherry.web.api.listed import page_of
from wherry.web.api.logins import LoginDocument, login_of, without_secret
from wherry.web.api.scopes import MAX_ENTRIES, ScopeDocument, WantedScope, limits_of, scope_document

CSV = "text/csv"

KeyName = Annotated[str, Field(min_length=1, max_length=64, description="What it is for.")]
OnlyDisabled = Annotated[bool | None, Query(description="Only disabled ones, or only those that are not.")]


class KeyDocument(Document):
    """An access key without its secret."""

    id: str = Field(description="The access key id (AK).")
    user: str = Field(description="Whose it is; of a robot `organization+name`.")
    name: str = Field(description="What it is for.")
    scope: list[ScopeDocument] | None = Field(
        description="What it is for at the most; null for all that its owner may."
    )
    expires_at: datetime | None = Field(description="When it ends; null for never.")
    is_disabled: bool
    created_at: datetime
    last_used_at: datetime | None = Field(description="To about a minute.")
    last_used_from: str | None = Field(description="The address that it was used from last.")


class NewKeyDocument(KeyDocument):
    """An access key as it is made: its secret is here and nowhere else."""

    secret: str | None = Field(description="The secret access key (SK). Null in a repeated answer.")
    login: LoginDocument = Field(description="A login for registry clients that lasts as long as the key.")


class WantedKey(Wanted):
    """An access key to be made."""

    name: KeyName
    scope: list[WantedScope] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_ENTRIES,
        description="What it is for at the most. Left out: all that its owner may.",
    )
    expires_at: Moment | None = Field(default=None, description="When it ends. Left out: never.")


class ChangedKey(Wanted):
    """What is to change; what is left out or null stays."""

    name: KeyName | None = None
    is_disabled: Flag | None = Field(default=None, description="It ends with the next request, or is back.")


class WantedRotation(Wanted):
    """How one key follows another."""

    overlap_seconds: int = Field(
        strict=True,
        default=int(OVERLAP.total_seconds()),
        ge=0,
        le=int(LONGEST_OVERLAP.total_seconds()),
        description="How long the old key still works.",
    )
    expires_at: Moment | None = Field(
        default=None, description="When the new one ends. Left out: it lives as long as the old one was to."
    )


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose keys; `path` is where they are listed, `within` the organization of a robot."""

    user_id: int
    name: str
    path: str
    within: str | None = None


@dataclass(frozen=True, slots=True)
class _Made:
    key: AccessKey
    secret: str


OwnerOf = Callable[[Connection], Owner]


async def list_keys(
    call: Call, owner: OwnerOf, limit: int, cursor: str | None, is_disabled: bool | None
) -> Response:
    """A page, the oldest key first."""
    keys = [
        each
        for each in await call.read(lambda tx: list_keys_of(tx, owner(tx).user_id))
        if is_disabled is None or each.is_disabled == is_disabled
    ]
    page, following = page_of(keys, _order, limit, cursor)
    return call.page(PageDocument(items=[key_document(each) for each in page], next=following))


async def show_key(call: Call, owner: OwnerOf, key_id: str) -> Response:
    """One key."""
    return _answer(await call.read(lambda tx: key_document(get_key_of(tx, owner(tx).user_id, key_id))))


async def make_key(call: Call, owner: OwnerOf, body: WantedKey) -> Response:
    """A new key, as JSON or as its credentials.csv."""

    def work(tx: Connection) -> NewAccessKey:
        whose = owner(tx)
        return create_access_key(
            tx,
            call.services.sealer,
            whose.user_id,
            body.name,
            call.now,
            scope=limits_of(body.scope, whose.within),
            expires_at=body.expires_at,
        )

    return await _hand_out(call, owner, work, {"name": body.name})


async def rotate_key(call: Call, owner: OwnerOf, key_id: str, body: WantedRotation | None) -> Response:
    """A key in place of another, which works for a while more."""
    wanted = body or WantedRotation()

    def work(tx: Connection) -> NewAccessKey:
        old = get_key_of(tx, owner(tx).user_id, key_id)
        call.require_match(_stable(key_document(old)))
        return rotate_access_key(
            tx,
            call.services.sealer,
            old.id,
            call.now,
            overlap=timedelta(seconds=wanted.overlap_seconds),
            expires_at=wanted.expires_at,
        )

    return await _hand_out(call, owner, work, {"replaces": key_id, "overlap_seconds": wanted.overlap_seconds})


async def change_key(call: Call, owner: OwnerOf, key_id: str, body: ChangedKey) -> Response:
    """Another name, or on and off."""

    def work(tx: Connection) -> KeyDocument:
        user_id = owner(tx).user_id
        call.require_match(_stable(key_document(get_key_of(tx, user_id, key_id))))
        if body.name is not None:
            rename_key(tx, key_id, body.name)
        if body.is_disabled is not None:
            set_key_disabled(tx, key_id, body.is_disabled)
        return key_document(get_key_of(tx, user_id, key_id))

    return _answer(await call.write(work, body.model_dump(exclude_none=True)))


async def delete_key(call: Call, owner: OwnerOf, key_id: str) -> Response:
    """Gone for ever, with the temporary logins that it has got."""

    def work(tx: Connection) -> str:
        found = get_key_of(tx, owner(tx).user_id, key_id)
        call.require_match(_stable(key_document(found)))
        delete_access_key(tx, key_id)
        return found.name

    await call.write(work, lambda name: {"key": key_id, "name": name})
    return no_content()


def key_document(key: AccessKey) -> KeyDocument:
    """As everybody who may see it sees it."""
    return KeyDocument(**_facts(key))


async def _hand_out(
    call: Call, owner: OwnerOf, work: Callable[[Connection], NewAccessKey], detail: dict[str, object]
) -> Response:
    """The answer that has the secret; who asked for a file gets the file."""
    handed: list[NewKeyDocument] = []

    def made(tx: Connection) -> tuple[Owner, _Made]:
        whose, new = owner(tx), work(tx)
        return whose, _Made(get_key_of(tx, whose.user_id, new.id), new.secret)

    def document(outcome: tuple[Owner, _Made]) -> NewKeyDocument:
        key, secret = outcome[1].key, outcome[1].secret
        login = login_of(call, key.id, secret, key.expires_at)
        return NewKeyDocument(**_facts(key), secret=secret, login=login)

    def kept(outcome: tuple[Owner, _Made]) -> NewKeyDocument:
        whole = document(outcome)
        return whole.model_copy(update={"secret": None, "login": without_secret(whole.login)})

    def show(outcome: tuple[Owner, _Made]) -> NewKeyDocument:
        handed.append(document(outcome))
        return handed[0]

    response = await call.create(
        made,
        show,
        kept=kept,
        location=lambda outcome: f"{outcome[0].path}/{outcome[1].key.id}",
        detail=lambda outcome: {"key": outcome[1].key.id, **detail},
    )
    if not handed:
        return response
    response.headers["etag"] = etag_of(_stable(handed[0]))
    return _file(handed[0], response) if _wants_file(call) else response


def _wants_file(call: Call) -> bool:
    kinds = [part.partition(";")[0].strip() for part in call.request.headers.get("accept", "").split(",")]
    return CSV in kinds


def _file(made: NewKeyDocument, response: Response) -> Response:
    text = write_credentials(Credentials(made.user, made.id, made.secret or ""))
    headers = {
        "location": response.headers["location"],
        "cache-control": "no-store",
        "content-disposition": 'attachment; filename="credentials.csv"',
    }
    return Response(text, 201, headers, media_type=CSV)


def _answer(document: KeyDocument) -> Response:
    return answer(document, headers={"etag": etag_of(_stable(document))})


def _stable(document: KeyDocument) -> KeyDocument:
    """What an ETag is made of. With its last use, no key that works could ever be changed by If-Match."""
    facts = {name: getattr(document, name) for name in KeyDocument.model_fields}
    return KeyDocument(**{**facts, "last_used_at": None, "last_used_from": None})


def _facts(key: AccessKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "user": key.user,
        "name": key.name,
        "scope": scope_document(key.scope),
        "expires_at": key.expires_at,
        "is_disabled": key.is_disabled,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "last_used_from": key.last_used_from,
    }


def _order(key: AccessKey) -> str:
    return f"{key.created_at:%Y-%m-%dT%H:%M:%S.%f} {key.id}"


# What an operation that makes a key may answer beside JSON.
AS_FILE = {"responses": {"201": {"content": {CSV: {"schema": {"type": "string"}}}}}}
