"""Glob patterns as people write them for names: `*`, `?`, `[a-c]`, `{a,b}`. Matching takes linear time."""

from collections.abc import Callable
from functools import lru_cache

MAX_GLOB = 512


class InvalidGlob(ValueError):
    """Its text says what is wrong with the pattern."""


@lru_cache(maxsize=4096)
def glob(pattern: str) -> Callable[[str], bool]:
    """Tells whether a whole name is meant. Raises `InvalidGlob`."""
    if not 1 <= len(pattern) <= MAX_GLOB:
        raise InvalidGlob(f"a pattern has 1 to {MAX_GLOB} characters")
    expression = expression_of(pattern)
    # Here and not above: who never compiles an expression does not pay for loading the library.
    import re2

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        compiled = re2.compile(expression, options)
    except re2.error:
        raise InvalidGlob(f"the pattern {pattern[:80]!r} cannot be read") from None
    return lambda name: compiled.fullmatch(name) is not None


def expression_of(pattern: str) -> str:
    """As a regular expression. Raises `InvalidGlob`."""
    made: list[str] = []
    depth = place = 0
    while place < len(pattern) and depth >= 0:
        letter = pattern[place]
        if letter == "[":
            end = pattern.find("]", place + 2)
            if end < 0:
                raise InvalidGlob(f"the pattern {pattern[:80]!r} has a '[' without its ']'")
            made.append(_letters(pattern[place + 1 : end]))
            place = end
        elif letter in _MEANS and (letter != "," or depth):
            depth += (letter == "{") - (letter == "}")
            made.append(_MEANS[letter])
        else:
            made.append(letter if letter.isalnum() or letter == "_" else f"\\{letter}")
        place += 1
    if depth != 0:
        raise InvalidGlob(f"in the pattern {pattern[:80]!r} the '{{' and '}}' do not pair")
    return "".join(made)


def _letters(inner: str) -> str:
    is_not = inner[:1] in ("!", "^")
    letters = inner[is_not:].replace("\\", r"\\").replace("[", r"\[").replace("^", r"\^")
    return f"[{'^' if is_not else ''}{letters}]"


_MEANS = {"*": ".*", "?": ".", "{": "(?:", "}": ")", ",": "|"}
