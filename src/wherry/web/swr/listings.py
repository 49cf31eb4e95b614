"""What lists are asked for: the query's parameters or the ones in `filter`, pages, order."""

from collections.abc import Mapping
from dataclasses import dataclass

from wherry.web.swr.documents import plain_text
from wherry.web.swr.errors import Code, Problem

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


class Asked:
    """The parameters of a list. With `filter=key::value|key::value` the plain ones do not count."""

    def __init__(self, query: Mapping[str, str], known: frozenset[str]) -> None:
        text = query.get("filter")
        self._values = dict(query) if not text else _filter(text, known)

    def text(self, name: str) -> str | None:
        """None where it is absent or empty."""
        value = self._values.get(name)
        return plain_text(value, name) if value else None

    def one_of(self, name: str, words: Mapping[str, str], code: Code = Code.INVALID_PARAMETER) -> str | None:
        """The meaning of the word that was given. Raises `Problem` for another word."""
        word = self.text(name)
        if word is None:
            return None
        if word not in words:
            raise Problem(code, f"{name} is one of {', '.join(words)}")
        return words[word]

    def flag(self, name: str) -> bool | None:
        word = self.one_of(name, {"true": "true", "false": "false", "True": "true", "False": "false"})
        return None if word is None else word == "true"

    def number(self, name: str, lowest: int = 0, highest: int = 2**31 - 1) -> int | None:
        """A whole number. Raises `Problem` for what is none or beyond the limits."""
        text = self.text(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 11 and lowest <= int(text) <= highest):
            raise Problem(Code.INVALID_PARAMETER, f"{name} is a whole number from {lowest} to {highest}")
        return int(text)

    def limit(self, highest: int = MAX_LIMIT) -> int:
        found = self.number("limit", 1, highest)
        return min(DEFAULT_LIMIT, highest) if found is None else found

    def offset(self) -> int:
        return self.number("offset") or 0

    def descending(self, default: bool) -> bool:
        word = self.one_of("order_type", {"asc": "asc", "desc": "desc"}, Code.INVALID_ORDER)
        return default if word is None else word == "desc"


@dataclass(frozen=True, slots=True)
class Range:
    """Which part of a list an answer shows: `Content-Range: <offset>-<count>/<total>`."""

    offset: int
    count: int
    total: int

    @property
    def headers(self) -> dict[str, str]:
        return {"content-range": f"{self.offset}-{self.count}/{self.total}"}


def _filter(text: str, known: frozenset[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in text.split("|"):
        key, separator, value = pair.partition("::")
        if not separator or key not in known:
            raise Problem(
                Code.INVALID_FILTER, f"filter is key::value|key::value; keys are {', '.join(sorted(known))}"
            )
        values[key] = value
    return values


PAGE = frozenset({"offset", "limit", "order_column", "order_type"})
