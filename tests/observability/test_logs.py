"""Log lines: their two forms, the request's id on each, and that no secret and no forged line gets in."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from wherry.observability import AccessLog, bind_request_id, configure, current_request_id

log = logging.getLogger("wherry.tests")


@pytest.fixture(autouse=True)
def _leave_logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


def configured(format: str, level: str = "info") -> io.StringIO:  # noqa: A002
    stream = io.StringIO()
    configure(format=format, level=level, stream=stream)
    return stream


def test_a_json_line_has_time_level_logger_message_and_the_extras():
    stream = configured("json")
    log.info("tag %s moved", "1.4", extra={"repository": "acme/web", "count": 3})
    line = json.loads(stream.getvalue())
    assert line["time"].endswith("Z")
    assert (line["level"], line["logger"], line["message"]) == ("info", "wherry.tests", "tag 1.4 moved")
    assert (line["repository"], line["count"]) == ("acme/web", 3)


def test_a_text_line_is_readable_and_has_the_extras():
    stream = configured("text")
    log.warning("tag moved", extra={"repository": "acme/web", "note": "two words"})
    assert stream.getvalue().endswith('Z WARNING tag moved repository=acme/web note="two words"\n')


@pytest.mark.parametrize("form", ["text", "json"])
async def test_the_request_id_is_on_every_line_inside_and_in_tasks_started_there(form: str):
    stream = configured(form)

    async def inner() -> None:
        log.info("inner")

    with bind_request_id("0193c2f1"):
        assert current_request_id() == "0193c2f1"
        log.info("outer")
        await asyncio.create_task(inner())
    log.info("after")
    outer, within, after = stream.getvalue().splitlines()
    assert "0193c2f1" in outer
    assert "0193c2f1" in within
    assert "0193c2f1" not in after


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_logged_from_a_message_an_extra_or_a_traceback(form: str):
    stream = configured(form)
    log.info("got %s", "Authorization: Basic YWRtaW46aHVudGVyMg==")
    log.info("login", extra={"password": "hunter2", "headers": {"authorization": "Bearer hunter2hunter2"}})
    try:
        int("postgresql://wherry:hunter2@db/wherry")
    except ValueError:
        log.exception("failed")
    text = stream.getvalue()
    assert "hunter2" not in text
    assert "YWRtaW46" not in text
    assert text.count("***") >= 4


def test_a_line_break_that_a_client_sent_does_not_forge_a_line():
    for form in ("text", "json"):
        stream = configured(form)
        log.info(
            "no such repository: %s", "a\n2026-01-01T00:00:00.000Z INFO forged", extra={"name_sent": "b\nc"}
        )
        assert len(stream.getvalue().splitlines()) == 1


def test_lines_below_the_level_are_not_written():
    stream = configured("text", "error")
    log.warning("quiet")
    assert stream.getvalue() == ""


def test_configuring_again_does_not_double_the_lines():
    configured("text")
    stream = configured("text")
    log.info("once")
    assert len(stream.getvalue().splitlines()) == 1


class TestAccessLog:
    def write(self, access: AccessLog, **changes) -> None:
        fields: dict[str, Any] = {
            "method": "GET",
            "path": "/v2/acme/web/manifests/1.4",
            "status": 200,
            "seconds": 0.0012,
            "received": 0,
            "sent": 512,
            "request_id": "0193c2f1",
            "user": "admin",
            "client": "127.0.0.1",
        }
        access.write(**(fields | changes))

    def test_a_json_line_holds_what_was_asked_and_answered(self):
        stream = io.StringIO()
        self.write(AccessLog(format="json", stream=stream))
        line = json.loads(stream.getvalue())
        assert line.pop("time").endswith("Z")
        assert line == {
            "level": "info",
            "logger": "wherry.access",
            "method": "GET",
            "path": "/v2/acme/web/manifests/1.4",
            "status": 200,
            "ms": 1.2,
            "received": 0,
            "sent": 512,
            "user": "admin",
            "client": "127.0.0.1",
            "request_id": "0193c2f1",
        }

    def test_what_a_client_sent_cannot_forge_a_line_or_a_field(self):
        for form in ("text", "json"):
            stream = io.StringIO()
            evil = 'x"}\n{"level":"error'
            self.write(AccessLog(format=form, stream=stream), path=evil, user=evil, method=evil)
            [only] = stream.getvalue().splitlines()
            if form == "json":
                assert json.loads(only)["path"] == evil

    def test_it_is_silent_above_level_info(self):
        stream = io.StringIO()
        self.write(AccessLog(level="warning", stream=stream))
        assert stream.getvalue() == ""
