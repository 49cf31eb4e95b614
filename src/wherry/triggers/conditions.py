"""Which tags a trigger is for. Every condition is decided in time linear in the tag, whatever was written.

Regular expressions are RE2's (https://github.com/google/re2/wiki/Syntax): no backtracking, so no expression
that explodes. An expression or a glob is about the whole tag, as with SWR: `1.4` is not in `11.40`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from wherry.kit.globs import InvalidGlob, expression_of
from wherry.oci.errors import InvalidTag
from wherry.oci.names import Tag
from wherry.triggers.versions import InvalidRange, Range, Version

MAX_CONDITION = 1000
MAX_TAGS = 100
# Bytes that one compiled expression may take.
_MAX_EXPRESSION = 1 << 20

# How much of the first and of the last text that an expression matches is looked at before the expression.
_RANGE_BYTES = 24


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tag, read once for all the conditions that are asked. Make it by `of`."""

    tag: str
    encoded: bytes
    version: Version | None

    @classmethod
    def of(cls, tag: str) -> "Candidate":
        return cls(tag, tag.encode(), Version.parse(tag))


Matches = Callable[[Candidate], bool]


class ConditionKind(StrEnum):
    """How tags are chosen."""

    ALL = "all"
    TAG = "tag"
    REGEX = "regex"
    GLOB = "glob"
    SEMVER = "semver"


class InvalidCondition(ValueError):
    """The text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`text` are the tags, parted by `;`, the expression, the pattern or the range; nothing for all."""

    kind: ConditionKind
    text: str = ""

    def check(self) -> None:
        """Raises `InvalidCondition`."""
        _compiled(self.kind, self.text)

    def holds(self, tag: str) -> bool:
        """False too for a condition that cannot be read, which `check` has told when it was made."""
        return holds(self.kind, self.text, Candidate.of(tag))

    @property
    def is_ordered(self) -> bool:
        """Whether a lower version comes too late."""
        return self.kind is ConditionKind.SEMVER

    def why_not(self, tag: str) -> str:
        """Why it does not hold for `tag`, in words."""
        if self.kind is ConditionKind.SEMVER:
            if Version.parse(tag) is None:
                return f"the tag {tag} is no version"
            return f"the version {tag} is not in {self.text}"
        said = {
            ConditionKind.TAG: f"the tag {tag} is none of {self.text}",
            ConditionKind.REGEX: f"the tag {tag} is not matched by {self.text}",
            ConditionKind.GLOB: f"the tag {tag} does not look like {self.text}",
        }
        return said.get(self.kind, "it holds for every tag")

    def __str__(self) -> str:
        return self.kind.value if self.kind is ConditionKind.ALL else f"{self.kind.value} {self.text}"


def holds(kind: str, text: str, candidate: Candidate) -> bool:
    """`Condition.holds` for those who ask of many conditions; `kind` is a `ConditionKind` or its text."""
    try:
        return _compiled(kind, text)(candidate)
    except InvalidCondition:
        return False


@lru_cache(maxsize=20_000)
def _compiled(kind: str, text: str) -> Matches:
    if len(text) > MAX_CONDITION:
        raise InvalidCondition(f"a condition has at most {MAX_CONDITION} characters")
    if kind == ConditionKind.ALL:
        return lambda _candidate: True
    if kind == ConditionKind.TAG:
        tags = _tags(text)
        return lambda candidate: candidate.tag in tags
    if not text:
        raise InvalidCondition(f"a condition of the kind {kind} says what tags it is for")
    if kind == ConditionKind.SEMVER:
        return _in_range(text)
    return _expression(text) if kind == ConditionKind.REGEX else _expression(_of_glob(text))


def _tags(text: str) -> frozenset[str]:
    tags = [part.strip() for part in text.split(";") if part.strip()]
    if not 1 <= len(tags) <= MAX_TAGS:
        raise InvalidCondition(f"a condition names 1 to {MAX_TAGS} tags, parted by ';'")
    try:
        return frozenset(Tag.parse(tag).text for tag in tags)
    except InvalidTag as error:
        raise InvalidCondition(str(error)) from None


def _in_range(text: str) -> Matches:
    try:
        wanted = Range.parse(text)
    except InvalidRange as error:
        raise InvalidCondition(str(error)) from None

    lowest, highest = wanted.span

    def matches(candidate: Candidate) -> bool:
        version = candidate.version
        return version is not None and lowest <= version.numbers <= highest and wanted.contains(version)

    return matches


def _expression(text: str) -> Matches:
    # Here and not above: who never compiles an expression does not pay for loading the library.
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_EXPRESSION
    options.never_capture = True
    try:
        compiled = re2.compile(text, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise InvalidCondition(f"the expression {text[:80]!r} cannot be read: {words}") from None
    try:
        # Whatever it matches is between the two, which is told in a tenth of the time.
        first, last = compiled.possiblematchrange(_RANGE_BYTES)
    except re2.error:
        return lambda candidate: compiled.fullmatch(candidate.encoded) is not None

    def matches(candidate: Candidate) -> bool:
        return first <= candidate.encoded <= last and compiled.fullmatch(candidate.encoded) is not None

    return matches


def _of_glob(text: str) -> str:
    try:
        return expression_of(text)
    except InvalidGlob as error:
        raise InvalidCondition(str(error)) from None
