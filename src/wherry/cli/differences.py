"""``--differ CLUSTER.WHAT=VALUE`` of fleets and federations: what is other in one cluster than in others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from wherry.cli.options import fail

if TYPE_CHECKING:
    from wherry.clusters.federations.differences import Difference

DifferOption = Annotated[
    list[str] | None,
    typer.Option(
        "--differ",
        help="In one cluster: CLUSTER.image=…, CLUSTER.env.NAME=…, CLUSTER.request.cpu=…, CLUSTER.pods=…;"
        " for one container of several CLUSTER.image@CONTAINER=…; repeatable.",
        metavar="CLUSTER.WHAT=VALUE",
    ),
]


@dataclass(slots=True)
class _Gathered:
    images: dict[str, str] = field(default_factory=dict)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: dict[str, dict[str, str]] = field(default_factory=dict)
    pods: int | None = None


def differences_of(texts: Sequence[str] | None, containers: Sequence[str]) -> tuple[Difference, ...]:
    """By cluster; without a name it is the only container. Ends the program where it cannot be read."""
    from wherry.clusters.federations.differences import Difference

    gathered: dict[str, _Gathered] = {}
    for text in texts or ():
        left, equals, value = text.partition("=")
        left, at, container = left.partition("@")
        member, dot, what = left.partition(".")
        if not (equals and dot and member):
            fail(f"--differ {text}: write CLUSTER.image=…, or .env.NAME=…, .request.cpu=…, .pods=…", 2)
        if not at and what != "pods":
            if len(containers) != 1:
                fail(f"--differ {text}: say of which container, as in {member}.image@NAME=…", 2)
            container = containers[0]
        _gather(gathered.setdefault(member, _Gathered()), text, what, container, value)
    return tuple(
        Difference(member, one.images, one.variables, one.requests, one.pods)
        for member, one in gathered.items()
    )


def _gather(into: _Gathered, text: str, what: str, container: str, value: str) -> None:
    kind, _, name = what.partition(".")
    if what == "image":
        into.images[container] = value
    elif what == "pods" and value.isdecimal():
        into.pods = int(value)
    elif kind == "env" and name:
        into.variables.setdefault(container, {})[name] = value
    elif kind == "request" and name:
        into.requests.setdefault(container, {})[name] = value
    else:
        fail(f"--differ {text}: what may differ is image, env.NAME, request.cpu, request.memory and pods", 2)
