"""Where a page begins: of lists that are short and read whole, and of those that are kept by number."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from wherry.web.api.documents import cursor_after, key_of
from wherry.web.api.problems import Problem

T = TypeVar("T")

# What databases keep as a number.
MAX_POSITION = 2**63 - 1


def page_of(
    items: Sequence[T], key: Callable[[T], str], limit: int, cursor: str | None
) -> tuple[list[T], str | None]:
    """The items behind `cursor`, and the cursor of the next page; `items` are in the order of their keys.

    Raises `Problem` for a cursor that we never made.
    """
    after = key_of(cursor)
    found = [each for each in items if key(each) > after]
    return found[:limit], cursor_after(key(found[limit - 1])) if len(found) > limit else None


def position_of(cursor: str | None) -> int | None:
    """The number that a cursor was made of. Raises `Problem` for one that we never made."""
    text = key_of(cursor)
    if cursor is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_POSITION:
        return int(text)
    raise Problem(422, "invalid_cursor", "cursor: this is not the `next` of a page")
