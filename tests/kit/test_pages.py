"""Cutting a page from rows that were fetched with one more than its size."""

import pytest

from wherry.kit.pages import Page


@pytest.mark.parametrize(
    ("rows", "page"),
    [([], Page((), False)), ([1, 2], Page((1, 2), False)), ([1, 2, 3], Page((1, 2), True))],
)
def test_one_row_more_than_the_page_tells_that_there_is_more(rows: list[int], page: Page[int]) -> None:
    assert Page.cut(rows, 2) == page
