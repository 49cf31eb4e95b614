"""Pages of lists that are short by their nature, and therefore read whole."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from wherry.web.api.documents import cursor_after, key_of

T = TypeVar("T")


def page_of(
    items: Sequence[T], key: Callable[[T], str], limit: int, cursor: str | None
) -> tuple[list[T], str | None]:
    """The items behind `cursor`, and the cursor of the next page; `items` are in the order of their keys.

    Raises `Problem` for a cursor that we never made.
    """
    after = key_of(cursor)
    found = [each for each in items if key(each) > after]
    return found[:limit], cursor_after(key(found[limit - 1])) if len(found) > limit else None
