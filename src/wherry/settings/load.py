"""From flags, environment, TOML file and defaults to one frozen tree, remembering where each value came from.

The order is flags, environment, file, default. A name that no setting has is an error, not noise.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from wherry.settings.declaration import ENVIRONMENT_PREFIX, Declaration, declarations, section_of
from wherry.settings.errors import SettingsError
from wherry.settings.rules import broken_rules
from wherry.settings.tree import Settings

CONFIG_VARIABLE = "WHERRY_CONFIG"
FILE_SUFFIX = "_FILE"
CONFIG_NAME = "wherry.toml"

# The login of `--server`, and variables of the project's own tests and tools: nothing to stumble over.
_NOT_SETTINGS = re.compile(
    r"WHERRY_(CONFIG|USER|PASSWORD|REQUIRE_ENGINES|WRITE_DOCS|ENGINES?_.+|TESTS?_.+|BENCH_.+)"
)

# Kubernetes gives every pod beside a Service named wherry variables such as WHERRY_SERVICE_HOST and
# WHERRY_PORT=tcp://10.0.0.1:5000. They are not meant for us.
_SERVICE_LINK = re.compile(r"WHERRY_(SERVICE_(HOST|PORT(_.+)?)|PORT_[0-9]+_(TCP|UDP|SCTP)(_.+)?)")
_SERVICE_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://.+:[0-9]+")


class Origin(StrEnum):
    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from: the origin, and the flag, variable or file's path and key."""

    origin: Origin
    name: str

    def __str__(self) -> str:
        return self.origin.value if self.origin is Origin.DEFAULT else f"{self.origin.value} {self.name}"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The effective settings, and the source of each by its key."""

    settings: Settings
    sources: Mapping[str, Source]


@dataclass(frozen=True, slots=True)
class _Given:
    text: str
    source: Source


def load_settings(
    *,
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    config: Path | None = None,
) -> Resolved:
    """Resolve every setting; ``flags`` are texts by key. Raises SettingsError with all that is wrong.

    Without ``config`` the file is named by WHERRY_CONFIG, or is DIR/wherry.toml if that is there.
    """
    known = {declaration.key: declaration for declaration in declarations(Settings)}
    problems: list[str] = []
    from_flags = _from_flags(flags or {}, known, problems)
    from_environment = _from_environment(environ or {}, known, problems)
    given = from_environment | from_flags
    file = _config_file(config, environ or {}, given.get("data"))
    if file is not None:
        given = _from_file(file, known, problems) | given
    values = _parse_all(known, given, problems)
    # The tree's own default is relative; a worker or a service must not depend on where it was started.
    values.setdefault("data", Settings().data.absolute())
    if problems:
        raise SettingsError(problems)
    settings = build_tree(values)
    problems.extend(broken_rules(settings))
    if problems:
        raise SettingsError(problems)
    default = Source(Origin.DEFAULT, "")
    return Resolved(settings, {key: given[key].source if key in given else default for key in known})


def build_tree(values: Mapping[str, Any]) -> Settings:
    """The tree from parsed values by key; keys left out have their defaults."""
    top: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        section = section_of(field)
        if section is not None:
            inner = {
                name.removeprefix(f"{field.name}."): value
                for name, value in values.items()
                if name.startswith(f"{field.name}.")
            }
            top[field.name] = section(**inner)
        elif field.name in values:
            top[field.name] = values[field.name]
    return Settings(**top)


def _parse_all(
    known: Mapping[str, Declaration], given: Mapping[str, _Given], problems: list[str]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, item in given.items():
        declaration = known[key]
        try:
            values[key] = declaration.kind.parse(item.text)
        except ValueError:
            shown = "the value given (a secret, not shown)" if declaration.secret else repr(item.text)
            problems.append(f"{key} must be {declaration.kind.accepts}; {item.source} says {shown}.")
    return values


def _from_flags(
    flags: Mapping[str, str], known: Mapping[str, Declaration], problems: list[str]
) -> dict[str, _Given]:
    given = {}
    for key, text in flags.items():
        if key in known:
            given[key] = _Given(text, Source(Origin.FLAG, known[key].flag))
        else:
            problems.append(f"There is no setting {key!r}.{_nearest(key, known)}")
    return given


def _from_environment(
    environ: Mapping[str, str], known: Mapping[str, Declaration], problems: list[str]
) -> dict[str, _Given]:
    by_name = {declaration.environment: declaration for declaration in known.values()}
    given = {}
    for name in sorted(environ):
        text = environ[name]
        if (
            not name.startswith(ENVIRONMENT_PREFIX)
            or _NOT_SETTINGS.fullmatch(name)
            or _is_service_link(name, text)
        ):
            continue
        declaration = by_name.get(name)
        if declaration is None and name.endswith(FILE_SUFFIX):
            secret = by_name.get(name.removesuffix(FILE_SUFFIX))
            if secret is not None and secret.secret:
                declaration, text = secret, _secret_file(name, text, problems)
        if declaration is None:
            problems.append(f"There is no setting for the variable {name}.{_nearest(name, by_name)}")
        elif declaration.key in given:
            problems.append(f"{declaration.environment} and {name} are both set: keep one.")
        else:
            given[declaration.key] = _Given(text, Source(Origin.ENVIRONMENT, name))
    return given


def _secret_file(name: str, path: str, problems: list[str]) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{name} names a file that cannot be read: {error}")
        return "unread"


def _is_service_link(name: str, text: str) -> bool:
    if name == "WHERRY_PORT":
        return _SERVICE_LINK_VALUE.fullmatch(text) is not None
    return _SERVICE_LINK.fullmatch(name) is not None


def _config_file(config: Path | None, environ: Mapping[str, str], data: _Given | None) -> Path | None:
    if config is not None:
        return config
    if environ.get(CONFIG_VARIABLE):
        return Path(environ[CONFIG_VARIABLE])
    folder = Path(data.text).expanduser() if data else Settings().data
    found = folder / CONFIG_NAME
    return found if found.is_file() else None


def _from_file(file: Path, known: Mapping[str, Declaration], problems: list[str]) -> dict[str, _Given]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"The settings file cannot be read: {error}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"The settings file {file} is not TOML: {error}"]) from error
    given = {}
    for key, value in _flatten(document):
        source = Source(Origin.FILE, f"{file} {key}")
        text = _toml_text(value)
        if key not in known:
            problems.append(f"{file} has {key!r}, which is no setting.{_nearest(key, known)}")
        elif text is None:
            problems.append(f"{key} must be {known[key].kind.accepts}; {source} says {value!r}.")
        else:
            given[key] = _Given(text, source)
    return given


def _flatten(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            for inner, inner_value in value.items():
                yield f"{name}.{inner}", inner_value
        else:
            yield name, value


def _toml_text(value: object) -> str | None:
    """The text that the setting's kind parses: TOML's own numbers, flags and lists are as good as texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return None


def _nearest(name: str, names: Iterable[str]) -> str:
    # The last word alone is tried too: "store_bucket.driver" and "redirect" are near to "store.redirect".
    candidates = list(names)
    near = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    if not near:
        near = [candidate for candidate in candidates if re.split(r"[._]", candidate)[-1] == name][:1]
    return f" Did you mean {near[0]}?" if near else " `wherry settings` lists them all."
