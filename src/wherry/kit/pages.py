"""Keyset pages: a page is what follows the last key seen, so its cost does not grow with the table."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`items` in key order; `more` tells that at least one further item follows."""

    items: tuple[T, ...]
    more: bool

    @classmethod
    def cut(cls, rows: list[T], size: int) -> "Page[T]":
        """Make a page of at most `size` from rows that were fetched with a limit of `size + 1`."""
        return cls(tuple(rows[:size]), len(rows) > size)
