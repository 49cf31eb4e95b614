"""Semantic versions in tags (https://semver.org/), and ranges of them as npm and Masterminds write them.

`~1.4`, `^1`, `>=2 <3`, `1.x`, `1.2 - 1.4`, `=1.4.2`; several parted by `||`. A tag may begin with `v` and may
leave its last numbers out: `1.4` counts as `1.4.0`. A pre-release is in a range only where the range names a
pre-release of the same three numbers.
"""

import math
import re
from dataclasses import dataclass
from functools import total_ordering

_NUMBER = r"(?:0|[1-9]\d{0,17})"
_PRE = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(rf"[vV]?({_NUMBER})(?:\.({_NUMBER}))?(?:\.({_NUMBER}))?(?:-({_PRE}))?")
_PARTIAL = re.compile(
    rf"[vV]?({_NUMBER}|[xX*])(?:\.({_NUMBER}|[xX*]))?(?:\.({_NUMBER}|[xX*]))?(?:-({_PRE}))?(?:\+[0-9A-Za-z.-]+)?"
)
_TERM = re.compile(r"(>=|<=|>|<|=|~>?|\^)?\s*(\S+)")
_HYPHEN = re.compile(r"(\S+)\s+-\s+(\S+)")
MAX_RANGE = 200


class InvalidRange(ValueError):
    """The text says what is wrong with it."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """Ordered by precedence; `pre` empty is a release, which comes after its pre-releases."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()

    @classmethod
    def parse(cls, tag: str) -> "Version | None":
        """None where the tag is no version."""
        found = _VERSION.fullmatch(tag)
        if found is None:
            return None
        numbers = [int(number or 0) for number in found.group(1, 2, 3)]
        pre = tuple(found[4].split(".")) if found[4] else ()
        if any(len(part) > 1 and part.isdigit() and part[0] == "0" for part in pre):
            return None
        return cls(numbers[0], numbers[1], numbers[2], pre)

    @property
    def numbers(self) -> tuple[int, int, int]:
        return self.major, self.minor, self.patch

    def __lt__(self, other: "Version") -> bool:
        if self.numbers != other.numbers:
            return self.numbers < other.numbers
        if not self.pre or not other.pre:
            return bool(self.pre) and not other.pre
        return _rank(self.pre) < _rank(other.pre)

    def __str__(self) -> str:
        pre = f"-{'.'.join(self.pre)}" if self.pre else ""
        return f"{self.major}.{self.minor}.{self.patch}{pre}"


@dataclass(frozen=True, slots=True)
class _Bound:
    operator: str
    version: Version

    def holds(self, version: Version) -> bool:
        if self.operator == ">=":
            return version >= self.version
        if self.operator == ">":
            return version > self.version
        if self.operator == "<=":
            return version <= self.version
        if self.operator == "<":
            return version < self.version
        return version == self.version


@dataclass(frozen=True, slots=True)
class Range:
    """Any of `alternatives`, of each all bounds."""

    alternatives: tuple[tuple[_Bound, ...], ...]

    @classmethod
    def parse(cls, text: str) -> "Range":
        """Raises `InvalidRange`."""
        if len(text) > MAX_RANGE:
            raise InvalidRange(f"a range of versions has at most {MAX_RANGE} characters")
        parts = [part.replace(",", " ").strip() for part in text.split("||")]
        if not all(parts):
            raise InvalidRange("a range of versions is such as ~1.4, ^1, >=2 <3 or 1.x")
        return cls(tuple(_bounds(part) for part in parts))

    @property
    def span(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The numbers of whatever it contains are between these two, both included."""
        lows, highs = zip(*(_span_of(bounds) for bounds in self.alternatives), strict=True)
        return min(lows), max(highs)

    def contains(self, version: Version) -> bool:
        return any(_within(bounds, version) for bounds in self.alternatives)


def _span_of(bounds: tuple[_Bound, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    lows = [one.version.numbers for one in bounds if one.operator in (">=", ">", "=")]
    highs = [one.version.numbers for one in bounds if one.operator in ("<=", "<", "=")]
    return max(lows, default=(0, 0, 0)), min(highs, default=(math.inf,))


def _within(bounds: tuple[_Bound, ...], version: Version) -> bool:
    if not all(bound.holds(version) for bound in bounds):
        return False
    return not version.pre or any(
        bound.version.pre and bound.version.numbers == version.numbers for bound in bounds
    )


def _bounds(text: str) -> tuple[_Bound, ...]:
    hyphen = _HYPHEN.fullmatch(text)
    if hyphen is not None:
        low, _ = _span(hyphen[1])
        _, above = _span(hyphen[2])
        return (_Bound(">=", low), *above)
    found: list[_Bound] = []
    place = 0
    while place < len(text):
        term = _TERM.match(text, place)
        if term is None:
            raise InvalidRange(f"{text[place:][:40]!r} is no range of versions")
        found.extend(_term(term[1] or "", term[2]))
        place = term.end()
        while place < len(text) and text[place].isspace():
            place += 1
    return tuple(found)


def _term(operator: str, text: str) -> tuple[_Bound, ...]:
    low, above = _span(text)
    if operator in ("", "="):
        # All three numbers mean this one version, fewer all that begin with them.
        return (_Bound("=", low),) if len(_numbers(text)) == 3 else (_Bound(">=", low), *above)
    if operator == ">=":
        return (_Bound(">=", low),)
    if operator == "<":
        return (_Bound("<", low),)
    if operator == "<=":
        return above or (_Bound(">=", low),)
    if operator == ">":
        # Above 1.4 means above all of 1.4.
        if not above:
            raise InvalidRange(f">{text} holds for no version")
        return (_Bound(">" if above[0].operator == "<=" else ">=", above[0].version),)
    return _near(operator, text, low)


def _near(operator: str, text: str, low: Version) -> tuple[_Bound, ...]:
    given = _numbers(text)
    if not given:
        return (_Bound(">=", low),)
    if operator.startswith("~"):
        high = Version(low.major + 1, 0, 0) if len(given) == 1 else Version(low.major, low.minor + 1, 0)
    elif low.major or len(given) == 1:
        high = Version(low.major + 1, 0, 0)
    elif low.minor or len(given) == 2:
        high = Version(0, low.minor + 1, 0)
    else:
        high = Version(0, 0, low.patch + 1)
    return (_Bound(">=", low), _Bound("<", _before_all(high)))


def _numbers(text: str) -> list[int]:
    """Those that are given, up to the first wildcard."""
    found = _PARTIAL.fullmatch(text)
    if found is None:
        raise InvalidRange(f"{text[:40]!r} is no version; one is such as 1.4.2, 1.4 or 1.x")
    numbers: list[int] = []
    for part in found.group(1, 2, 3):
        if part is None or not part.isdigit():
            break
        numbers.append(int(part))
    return numbers


def _span(text: str) -> tuple[Version, tuple[_Bound, ...]]:
    """The first version that a partial one stands for, and the bound above the last."""
    given = _numbers(text)
    found = _PARTIAL.fullmatch(text)
    pre = tuple(found[4].split(".")) if found is not None and found[4] else ()
    major, minor, patch = [*given, 0, 0, 0][:3]
    low = Version(major, minor, patch, pre if len(given) == 3 else ())
    if len(given) == 3:
        return low, (_Bound("<=", low),)
    if len(given) == 2:
        return low, (_Bound("<", _before_all(Version(given[0], given[1] + 1, 0))),)
    if len(given) == 1:
        return low, (_Bound("<", _before_all(Version(given[0] + 1, 0, 0))),)
    return low, ()


def _before_all(version: Version) -> Version:
    """Before its pre-releases too: 2.0.0-rc.1 is not below 2."""
    return Version(*version.numbers, ("0",))


def _rank(pre: tuple[str, ...]) -> tuple[tuple[int, int, str], ...]:
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre)
