"""Forms of workloads and triggers as bodies: made from the domain, so that no field is there twice."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, TypeVar, Union

from pydantic import Field, create_model

from wherry.clusters.federations.differences import Difference
from wherry.clusters.federations.placement import Placement
from wherry.clusters.workloads.request import Workload
from wherry.triggers.trigger import Options
from wherry.web.api.documents import NO_ZERO, Flag, Wanted

F = TypeVar("F")

MAX_ENTRIES = 200
_MAX_TEXT = 64 * 1024
_Text = Annotated[str, Field(max_length=_MAX_TEXT, pattern=NO_ZERO)]
_Number = Annotated[int, Field(strict=True, ge=-(2**31), le=2**31 - 1)]


def form_of(kind: type[F], body: Wanted) -> F:
    """The domain's form from its body."""
    made: F = _made(kind, body)
    return made


def body_of(model: type[Wanted], form: Any) -> Wanted:
    """The body that makes this form."""
    return model.model_validate(_plain(form))


@cache
def _model(form: type) -> type[Wanted]:
    hints = typing.get_type_hints(form)
    fields: dict[str, Any] = {
        field.name: (_annotation(hints[field.name]), _default(field)) for field in dataclasses.fields(form)
    }
    return create_model(f"{form.__name__}Form", __base__=Wanted, __doc__=form.__doc__, **fields)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return Field(default=_plain(field.default), validate_default=True)
    if field.default_factory is not dataclasses.MISSING:
        return Field(default=_plain(field.default_factory()), validate_default=True)
    return ...


def _annotation(hint: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        return Union[tuple(_annotation(one) for one in typing.get_args(hint))]  # noqa: UP007 (made at run time)
    if origin is tuple:
        return Annotated[list[_annotation(typing.get_args(hint)[0])], Field(max_length=MAX_ENTRIES)]  # type: ignore[misc]
    if origin is Mapping:
        value = _annotation(typing.get_args(hint)[1])
        return Annotated[dict[_Text, value], Field(max_length=MAX_ENTRIES)]  # type: ignore[valid-type]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _model(hint)
    return {bool: Flag, int: _Number, str: _Text}.get(hint, hint)


def _made(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if value is None:
        return None
    if origin in (Union, types.UnionType):
        [first, *_] = [one for one in typing.get_args(hint) if one is not type(None)]
        return _made(first, value)
    if origin is tuple:
        return tuple(_made(typing.get_args(hint)[0], one) for one in value)
    if origin is Mapping:
        return {key: _made(typing.get_args(hint)[1], one) for key, one in value.items()}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return hint(**{name: _made(hints[name], getattr(value, name)) for name in hints})
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


WorkloadForm: Any = _model(Workload)
PlacementForm: Any = _model(Placement)
DifferenceForm: Any = _model(Difference)
OptionsForm: Any = _model(Options)
