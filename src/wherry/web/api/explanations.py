"""Why may somebody, why may they not: about oneself for everybody, about others for who may change it."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.decisions import Decision, authorize
from wherry.access.resources import Kind, Resource
from wherry.oci.names import RepositoryName
from wherry.registry.explain import explain
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import NAME_CHARACTERS, NO_ZERO, Document, answer
from wherry.web.api.operations import Operation
from wherry.web.api.problems import Problem
from wherry.web.rights import image_for, organization_for

WhatAction = Annotated[Action, Query(description="What is to be done, such as `image.pull`.")]
OnWhat = Annotated[
    str | None,
    Query(
        max_length=255,
        pattern=NAME_CHARACTERS,
        description="An organization such as `acme`, or an image such as `acme/web` or `library/busybox`;"
        " left out for what is on none.",
    ),
]
WhichUser = Annotated[
    str | None,
    Query(max_length=200, pattern=NO_ZERO, description="A user or robot; left out, it is yourself."),
]
WhichKey = Annotated[
    str | None,
    Query(
        max_length=64,
        pattern=NO_ZERO,
        description="For a login by this access key; left out for yourself, by the one of this request.",
    ),
]


class RightDocument(Document):
    """A right that has a part in the decision, or a limit to all of them."""

    source: str = Field(
        description="`grant`, `team`, `share`, `public`, `role`; or `key`, a limit that an access key sets."
    )
    level: str = Field(description="`none`, `read`, `write` or `edit`.")
    words: str = Field(description="The right, and where it comes from.")
    suffices: bool = Field(description="Whether it is enough; of a limit, whether it leaves enough.")


class ExplanationDocument(Document):
    """A decision and what it rests on."""

    user: str
    key: str | None
    action: str
    says: str = Field(description="What the action is, in words.")
    needs: str = Field(description="What it takes: a level, a login, a role.")
    resource: str | None
    allowed: bool = Field(description="What a request of the user would be answered at this moment.")
    reason: str = Field(description="The reason that it would be given.")
    rights: list[RightDocument]


async def show_explanation(
    call: Admitted,
    action: WhatAction,
    resource: OnWhat = None,
    user: WhichUser = None,
    key: WhichKey = None,
) -> Response:
    """Why a user may or may not do something, and where each right comes from.

    About others for who may edit the resource, for administrators and for auditors.
    """
    on = None if resource is None else Resource.parse(resource)
    whom = user or call.actor.name
    if whom != call.actor.name:
        await _admit_about_others(call, on)
    elif key is None:
        key = call.actor.key_id
    found = await call.read(lambda tx: explain(tx, whom, action, on, call.now, key_id=key))
    return answer(
        ExplanationDocument(
            user=whom,
            key=key,
            action=action.value,
            says=action.rule.says,
            needs=action.rule.need.value,
            resource=None if on is None else str(on),
            allowed=found.allowed,
            reason=found.reason,
            rights=[
                RightDocument(
                    source=right.source.value,
                    level=right.level.word,
                    words=right.words,
                    suffices=right.suffices,
                )
                for right in found.rights
            ],
        )
    )


async def _admit_about_others(call: Call, on: Resource | None) -> None:
    decision = await _may_ask(call, on)
    if not decision.allowed:
        message = f"why others may or may not is told to who may edit it: {decision.reason}"
        raise Problem(403, "not_allowed", message)


async def _may_ask(call: Call, on: Resource | None) -> Decision:
    if on is None:
        return authorize(call.actor, Action.USER_SEE)
    if on.kind is Kind.ORGANIZATION:
        whole = await organization_for(call.services, call.actor, on.name)
        return authorize(call.actor, Action.ORGANIZATION_GRANTS_SEE, whole)
    image = await image_for(call.services, call.actor, RepositoryName.parse(on.name), Action.IMAGE_GRANTS_SEE)
    return authorize(call.actor, Action.IMAGE_GRANTS_SEE, image)


OPERATIONS = (
    Operation("GET", "/explanations", Action.RIGHTS_EXPLAIN, show_explanation, ExplanationDocument),
)
