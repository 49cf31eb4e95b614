"""A setting as data: the one source of its name, kind, default and text, from which all else is made.

The environment name, the TOML key, the flag, the CLI's help and the page in docs/reference come from here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from wherry.settings.kinds import Kind, without_password

ENVIRONMENT_PREFIX = "WHERRY_"
_METADATA = "wherry.setting"


@dataclasses.dataclass(frozen=True, slots=True)
class Declaration:
    """One setting. ``key`` is its place in the tree and in the TOML file: ``port``, ``store.driver``."""

    key: str
    kind: Kind[Any]
    default: Any
    doc: str
    secret: bool
    default_text: str | None

    @property
    def environment(self) -> str:
        return ENVIRONMENT_PREFIX + self.key.replace(".", "_").upper()

    @property
    def flag(self) -> str:
        return "--" + self.key.replace(".", "-").replace("_", "-")

    def show(self, value: object) -> str | None:
        """The text that parses to the value again; None for a setting that is not set. Shows secrets."""
        return None if value is None else self.kind.show(value)

    def show_redacted(self, value: object) -> str | None:
        """As ``show``, for eyes and logs: no secret, no password in a URL."""
        text = self.show(value)
        if text is None:
            return None
        if self.secret:
            return "***"
        return without_password(text) if self.kind.name == "url" else text

    def show_default(self) -> str:
        """The default as the documentation names it."""
        return self.default_text or self.show(self.default) or "not set"


@dataclasses.dataclass(frozen=True, slots=True)
class _Metadata:
    kind: Kind[Any]
    doc: str
    secret: bool
    default_text: str | None


def setting(
    kind: Kind[Any], default: Any, doc: str, *, secret: bool = False, default_text: str | None = None
) -> Any:
    """A dataclass field that is a setting; ``default_text`` says what a default that is not plain stands for.

    Returns ``Any`` as ``dataclasses.field`` does: the annotation beside it is what the type checker reads.
    """
    return dataclasses.field(
        default=default,
        repr=not secret,
        metadata={_METADATA: _Metadata(kind, doc, secret, default_text)},
    )


def declarations(tree: type) -> Iterator[Declaration]:
    """Every setting of the tree, in the order of the source."""
    for field in dataclasses.fields(tree):
        section = section_of(field)
        if section is not None:
            for inner in dataclasses.fields(section):
                yield _declaration(f"{field.name}.{inner.name}", inner)
        else:
            yield _declaration(field.name, field)


def section_of(field: dataclasses.Field[Any]) -> type | None:
    """The dataclass of a field that is a section of the tree; None for a setting."""
    made_by: object = field.default_factory
    return made_by if isinstance(made_by, type) and dataclasses.is_dataclass(made_by) else None


def _declaration(key: str, field: dataclasses.Field[Any]) -> Declaration:
    data: _Metadata = field.metadata[_METADATA]
    return Declaration(key, data.kind, field.default, data.doc, data.secret, data.default_text)
