"""Forms: dataclasses whose fields know where they stand in a Kubernetes object. One declaration, both ways.

`write(form)` makes JSON, `read(Form, value)` the form again, and `read(write(form)) == form` holds by
construction. What a form has no field for is not lost in silence: it is told.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union

F = TypeVar("F")

_KEY = "wherry.form"


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    key: str
    always: bool


def at(key: str, default: Any = dataclasses.MISSING, *, always: bool = False) -> Any:
    """A field that stands at `key`. What has its default is left out, unless `always`."""
    place = {_KEY: _Place(key, always)}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=place)
    return dataclasses.field(default=default, metadata=place)


class Unread(Exception):
    """`problems` say where in the object is what no field stands for, or what is of another kind."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


def write(form: Any) -> dict[str, Any]:
    """The JSON of a form; a form that stands for a choice is written as its one key."""
    made: dict[str, Any] = {}
    kind: type = type(form)
    for field, place in _places(kind):
        value = getattr(form, field.name)
        if place.always or value != _default(field):
            made[place.key] = _plain(value)
    return made


def read(form: type[F], value: object, where: str = "") -> F:
    """The form of some JSON. Raises `Unread` with all that is wrong."""
    problems: list[str] = []
    made = _form(form, value, where, problems)
    if problems:
        raise Unread(problems)
    return typing.cast("F", made)


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value):
        return write(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


@cache
def _places(form: type) -> tuple[tuple[dataclasses.Field[Any], _Place], ...]:
    return tuple((field, field.metadata[_KEY]) for field in dataclasses.fields(form))


@cache
def _types(form: type) -> dict[str, Any]:
    return typing.get_type_hints(form)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _form(form: type, value: object, where: str, problems: list[str]) -> Any:
    if not isinstance(value, dict):
        problems.append(f"{where or 'this'} is no object")
        return None
    known = {place.key for _, place in _places(form)}
    problems.extend(
        f"{_join(where, str(key))} is not a part of the form" for key in value if key not in known
    )
    found = {}
    before = len(problems)
    for field, place in _places(form):
        default = _default(field)
        given = value.get(place.key)
        if given is None:
            if default is dataclasses.MISSING:
                problems.append(f"{_join(where, place.key)} is missing")
            else:
                found[field.name] = default
            continue
        found[field.name] = _value(_types(form)[field.name], given, _join(where, place.key), problems)
    return None if len(problems) > before else form(**found)


def _value(kind: Any, value: object, where: str, problems: list[str]) -> Any:
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        return _either(typing.get_args(kind), value, where, problems)
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        if not isinstance(value, list):
            problems.append(f"{where} is no list")
            return None
        return tuple(_value(inner, item, f"{where}[{place}]", problems) for place, item in enumerate(value))
    if kind is Any:
        return value
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(typing.get_args(kind)[1], value, where, problems)
    if dataclasses.is_dataclass(kind):
        return _form(typing.cast("type", kind), value, where, problems)
    return _scalar(kind, value, where, problems)


def _mapping(inner: Any, value: object, where: str, problems: list[str]) -> Any:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        problems.append(f"{where} is no object")
        return None
    if inner is Any:
        return value
    return {key: _value(inner, item, _join(where, key), problems) for key, item in value.items()}


def _either(kinds: tuple[Any, ...], value: object, where: str, problems: list[str]) -> Any:
    possible = [kind for kind in kinds if kind is not type(None)]
    for kind in possible:
        if isinstance(kind, type) and not dataclasses.is_dataclass(kind) and type(value) is kind:
            return value
    return _value(possible[0], value, where, problems)


def _scalar(kind: Any, value: object, where: str, problems: list[str]) -> Any:
    if issubclass(kind, StrEnum):
        try:
            return kind(value)
        except ValueError:
            problems.append(f"{where} is {str(value)[:60]!r}, and can be {', '.join(kind)}")
            return None
    if type(value) is not kind:
        word = {str: "text", int: "whole number", bool: "true or false"}[kind]
        problems.append(f"{where} is no {word}")
        return None
    return value


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
