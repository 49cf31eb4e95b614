"""Every kind of setting: what it accepts and refuses, and that what it shows parses to the same value."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.settings.kinds import (
    DURATION,
    FLAG,
    NETWORKS,
    PATH,
    SIZE,
    Kind,
    choice,
    integer,
    url_with,
    without_password,
)
from wherry.settings.tree import StoreDriver


@given(st.integers(min_value=1, max_value=2**62))
def test_a_shown_size_parses_to_the_same_size(value: int):
    assert SIZE.parse(SIZE.show(value)) == value


@given(st.integers(min_value=1, max_value=10 * 365 * 86_400_000))
def test_a_shown_duration_parses_to_the_same_duration(milliseconds: int):
    value = timedelta(milliseconds=milliseconds)
    assert DURATION.parse(DURATION.show(value)) == value


@given(st.lists(st.ip_addresses().map(ip_network), max_size=4).map(tuple))
def test_shown_networks_parse_to_the_same_networks(value):
    assert NETWORKS.parse(NETWORKS.show(value)) == value


@given(st.text(max_size=30))
def test_a_text_from_anywhere_parses_or_is_refused_and_nothing_else(text: str):
    kinds: tuple[Kind[Any], ...] = (
        SIZE,
        DURATION,
        NETWORKS,
        FLAG,
        PATH,
        integer(1, 9),
        choice(StoreDriver),
        url_with("https"),
    )
    for kind in kinds:
        try:
            value = kind.parse(text)
        except ValueError:
            continue
        assert kind.parse(kind.show(value)) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4MiB", 4 << 20),
        ("4 mib", 4 << 20),
        ("500kB", 500_000),
        ("1G", 10**9),
        ("1048576", 1 << 20),
        ("7B", 7),
    ],
)
def test_sizes_are_read_with_their_units(text: str, expected: int):
    assert SIZE.parse(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "4 MiBs", "1.5GiB", "nan", "9999999TiB", "٣"])
def test_what_is_no_size_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        SIZE.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30", timedelta(seconds=30)),
        ("30s", timedelta(seconds=30)),
        ("24h", timedelta(days=1)),
        ("500ms", timedelta(milliseconds=500)),
        ("7d", timedelta(days=7)),
    ],
)
def test_durations_are_read_with_their_units(text: str, expected: timedelta):
    assert DURATION.parse(text) == expected


@pytest.mark.parametrize("text", ["", "0", "0s", "-5s", "1w", "99999d", "5 5s"])
def test_what_is_no_duration_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        DURATION.parse(text)


@pytest.mark.parametrize("text", ["0", "10", "1e0", "٣", " ", "1_0"])
def test_an_integer_out_of_its_bounds_or_of_another_form_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        integer(1, 9).parse(text)


def test_a_path_is_absolute_so_that_it_means_the_same_in_every_process(monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    assert PATH.parse("data") == tmp_path / "data"
    assert PATH.parse("~/data") == Path("/home/someone/data")


def test_a_choice_is_read_whatever_its_case_and_names_all_options():
    kind = choice(StoreDriver)
    assert kind.parse(" S3 ") is StoreDriver.S3
    assert kind.accepts == "filesystem, memory, s3, gcs or azure"


def test_a_url_of_another_scheme_is_refused():
    kind = url_with("http", "https")
    assert kind.parse("https://registry.example") == "https://registry.example"
    with pytest.raises(ValueError, match=r"."):
        kind.parse("ftp://registry.example")


def test_a_password_in_a_url_is_starred_and_the_rest_is_kept():
    shown = without_password("postgresql://wherry:s3cret@db.example:5433/wherry?sslmode=require")
    assert shown == "postgresql://wherry:***@db.example:5433/wherry?sslmode=require"
    assert without_password("sqlite:///srv/wherry.db") == "sqlite:///srv/wherry.db"
