"""Kinds of setting: how a text becomes a value, how a value is written back, and what to say of a bad one.

For every kind ``parse(show(value)) == value`` holds: workers get their settings through it.
Not here: which settings there are (``tree``), and where their texts come from (``load``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """``parse`` raises ValueError on what ``accepts`` does not describe, which completes "must be ..." """

    name: str
    accepts: str
    parse: Callable[[str], T]
    show: Callable[[T], str] = str


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("empty")
    return text


def _no_line_break(text: str) -> str:
    if not text or "\n" in text or "\r" in text:
        raise ValueError("line break")
    return text


TEXT: Kind[str] = Kind("text", "a text that is not empty", _text)
SECRET: Kind[str] = Kind("secret", "one line of text that is not empty", _no_line_break)


def _path(text: str) -> Path:
    # Made absolute at once: workers and services must not depend on the folder that they are started in.
    try:
        return Path(_text(text)).expanduser().absolute()
    except RuntimeError as error:  # ~NAME of somebody who is not there
        raise ValueError("no home folder") from error


PATH: Kind[Path] = Kind("path", "a path", _path)

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def _flag(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError("not a flag")


FLAG: Kind[bool] = Kind("flag", "true or false", _flag, lambda value: "true" if value else "false")


def integer(minimum: int, maximum: int) -> Kind[int]:
    """A whole number within both bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()):
            raise ValueError("not a whole number")
        value = int(text)
        if not minimum <= value <= maximum:
            raise ValueError("out of range")
        return value

    return Kind("integer", f"a whole number from {minimum} to {maximum}", parse)


_SIZE_UNITS = {
    "": 1, "b": 1,
    "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
    "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9, "t": 10**12, "tb": 10**12,
}  # fmt: skip


def _size(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,19})\s*([a-z]*)", text.strip().lower())
    if not match or match[2] not in _SIZE_UNITS:
        raise ValueError("not a size")
    value = int(match[1]) * _SIZE_UNITS[match[2]]
    if not 0 < value < 1 << 63:
        raise ValueError("out of range")
    return value


def _show_size(value: int) -> str:
    for unit, factor in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if value % factor == 0:
            return f"{value // factor}{unit}"
    return str(value)


SIZE: Kind[int] = Kind(
    "size", "a number of bytes of at least 1, such as 4MiB, 500kB or 1048576", _size, _show_size
)

_DURATION_UNITS = {"": 1000, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,12})\s*([a-z]*)", text.strip().lower())
    if not match or match[2] not in _DURATION_UNITS:
        raise ValueError("not a duration")
    milliseconds = int(match[1]) * _DURATION_UNITS[match[2]]
    if not 0 < milliseconds <= 3650 * 86_400_000:
        raise ValueError("out of range")
    return timedelta(milliseconds=milliseconds)


def _show_duration(value: timedelta) -> str:
    milliseconds = value // timedelta(milliseconds=1)
    for unit, factor in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds % factor == 0:
            return f"{milliseconds // factor}{unit}"
    return f"{milliseconds}ms"


DURATION: Kind[timedelta] = Kind(
    "duration", "a duration of at least 1ms, such as 500ms, 30s, 5m, 24h or 7d", _duration, _show_duration
)


def choice(options: type[E]) -> Kind[E]:
    """One of an enumeration's values; the message lists them all."""

    def parse(text: str) -> E:
        return options(text.strip().lower())

    names = [option.value for option in options]
    accepts = f"{', '.join(names[:-1])} or {names[-1]}"
    return Kind(" | ".join(names), accepts, parse, lambda value: value.value)


def url_with(*schemes: str) -> Kind[str]:
    """A URL with one of the schemes; kept as it was written."""

    def parse(text: str) -> str:
        parts = urlsplit(_text(text).strip())
        if parts.scheme not in schemes:
            raise ValueError("another scheme")
        return text.strip()

    starts = " or ".join(f"{scheme}://" for scheme in schemes)
    return Kind("url", f"a URL that begins with {starts}", parse)


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


NETWORKS: Kind[tuple[Network, ...]] = Kind(
    "networks",
    "addresses or networks set apart by commas, such as 10.0.0.0/8, ::1",
    _networks,
    lambda value: ",".join(str(network) for network in value),
)


def without_password(text: str) -> str:
    """The URL with its password starred out, to be shown to people."""
    parts = urlsplit(text)
    if parts.password is None:
        return text
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}").geturl()
