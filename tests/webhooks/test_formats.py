"""What receivers are sent: a CloudEvent, and messages in which nobody can slip something."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from wherry.webhooks.cloud_event import cloud_event
from wherry.webhooks.formats import body_of, mail_of, title_of
from wherry.webhooks.webhook import Format

AT = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64


def event(**data: object) -> dict[str, Any]:
    body = {"tag": "1.4", "digest": DIGEST, "previous": None, "user": "ann", "user_id": 3, **data}
    return cloud_event("17", "tag.moved", "acme/web", AT, "https://reg.example", body)


def test_a_cloud_event_has_the_attributes_of_version_1() -> None:
    content, kind = body_of(event(), Format.CLOUD_EVENTS)
    assert kind == "application/cloudevents+json"
    assert json.loads(content) == {
        "specversion": "1.0",
        "id": "17",
        "source": "https://reg.example",
        "type": "io.wherry.tag.moved",
        "subject": "acme/web",
        "time": "2026-11-23T12:30:00Z",
        "datacontenttype": "application/json",
        "data": {"tag": "1.4", "digest": DIGEST, "previous": None, "user": "ann", "user_id": 3},
    }


@pytest.mark.parametrize("wanted", [Format.SLACK, Format.TEAMS, Format.MATTERMOST])
def test_a_chat_shows_what_was_pushed_and_by_whom(wanted: Format) -> None:
    content, kind = body_of(event(), wanted)
    assert kind == "application/json"
    text = json.dumps(json.loads(content)).replace("\\\\", "")
    assert "acme/web:1.4 was pushed by ann" in text
    assert DIGEST[:19] in text
    assert DIGEST not in text
    assert "user_id" not in text


def test_a_name_calls_nobody_and_links_nowhere_in_slack() -> None:
    content, _ = body_of(event(user="<!channel> <https://evil|x> & `y`"), Format.SLACK)
    said = json.loads(content)["text"]
    assert said == "acme/web:1.4 was pushed by &lt;!channel&gt; &lt;https://evil|x&gt; &amp; 'y'"


@pytest.mark.parametrize("wanted", [Format.TEAMS, Format.MATTERMOST])
def test_a_name_calls_nobody_and_links_nowhere_in_markdown(wanted: Format) -> None:
    content, _ = body_of(event(user="@all [x](https://evil)\n|y"), wanted)
    text = json.dumps(json.loads(content), ensure_ascii=False)
    assert "@all" not in text
    assert "[x](" not in text
    assert "\\n|y" not in text


def test_a_mail_has_one_subject_and_an_id_of_the_event() -> None:
    mail = mail_of(event(user="ann\r\nBcc: all@example.com"), "wherry@example.com", "team@example.com", AT)
    assert mail["Subject"] == "acme/web:1.4 was pushed by ann  Bcc: all@example.com"
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == "<17@wherry>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert f"digest: {DIGEST[:19]}" in mail.get_content()


def test_what_has_no_sentence_of_its_own_is_said_by_its_kind() -> None:
    told = cloud_event("1", "right.granted", "acme/web", AT, "s", {"user": "bob", "level": "read"})
    assert title_of(told) == "right granted: acme/web by bob"
