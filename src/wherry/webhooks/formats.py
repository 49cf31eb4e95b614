"""Pure: a CloudEvent as what each kind of receiver takes. What comes from users is escaped for its format."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from wherry.webhooks.cloud_event import CONTENT_TYPE, TYPE_PREFIX, written
from wherry.webhooks.webhook import Format

_JSON = "application/json"
_SHORT_DIGEST = 19


def body_of(event: Mapping[str, Any], wanted: Format) -> tuple[bytes, str]:
    """Bytes and their content type, for what goes by HTTP."""
    if wanted is Format.CLOUD_EVENTS:
        return written(event).encode(), CONTENT_TYPE
    return json.dumps(_MESSAGES[wanted](event)).encode(), _JSON


def mail_of(event: Mapping[str, Any], sender: str, receiver: str, now: datetime) -> EmailMessage:
    """A mail in plain text."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, receiver
    mail["Subject"] = _printable(title_of(event))[:200]
    mail["Date"] = format_datetime(now)
    # Receivers that have it already show it once.
    mail["Message-ID"] = f"<{event['id']}@wherry>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(
        "\n".join([title_of(event), "", *(f"{name}: {value}" for name, value in facts_of(event))])
    )
    return mail


def title_of(event: Mapping[str, Any]) -> str:
    """One sentence."""
    kind, subject, data = _kind(event), str(event["subject"]), event["data"]
    tag, who = data.get("tag"), data.get("user")
    by = f" by {who}" if who else ""
    if kind == "tag.moved":
        return f"{subject}:{tag} was pushed{by}"
    if kind == "trigger.finished":
        return f"trigger {data.get('trigger', '')} of {subject}: {data.get('result', '')}"
    return f"{kind.replace('.', ' ')}: {subject}{f':{tag}' if tag else ''}{by}"


def facts_of(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What else there is to say, shortly; without what the title says."""
    facts = [
        (
            name,
            value[:_SHORT_DIGEST] if isinstance(value, str) and value.startswith("sha256:") else str(value),
        )
        for name, value in event["data"].items()
        if isinstance(value, (str, int))
        and not isinstance(value, bool)
        and name not in ("tag", "user", "user_id")
    ]
    return [*facts, ("at", str(event["time"])), ("registry", str(event["source"]))]


def _slack(event: Mapping[str, Any]) -> dict[str, Any]:
    facts = "\n".join(f"{name}: `{_slack_text(value)}`" for name, value in facts_of(event))
    title = _slack_text(title_of(event))
    sections = [
        {"type": "section", "text": {"type": "mrkdwn", "text": text[:2900]}} for text in (f"*{title}*", facts)
    ]
    return {"text": title, "blocks": sections}


def _mattermost(event: Mapping[str, Any]) -> dict[str, Any]:
    rows = "\n".join(f"| {_markdown(name)} | {_markdown(value)} |" for name, value in facts_of(event))
    return {
        "username": "Wherry",
        "text": f"**{_markdown(title_of(event))}**\n\n| | |\n|---|---|\n{rows}"[:16000],
    }


def _teams(event: Mapping[str, Any]) -> dict[str, Any]:
    facts = [{"title": _markdown(name), "value": _markdown(value)} for name, value in facts_of(event)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "weight": "Bolder", "wrap": True, "text": _markdown(title_of(event))},
            {"type": "FactSet", "facts": facts},
        ],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


_MESSAGES: dict[Format, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    Format.SLACK: _slack,
    Format.TEAMS: _teams,
    Format.MATTERMOST: _mattermost,
}


def _kind(event: Mapping[str, Any]) -> str:
    return str(event["type"]).removeprefix(TYPE_PREFIX)


def _slack_text(text: str) -> str:
    """Links and mentions begin with `<`: https://docs.slack.dev/messaging/formatting-message-text"""
    return _printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")


def _markdown(text: str) -> str:
    escaped = "".join(
        f"\\{letter}" if letter in r"\`*_{}[]()#+!|<>~" else letter for letter in _printable(text)
    )
    # A name after this is called by nobody.
    return escaped.replace("@", "@\u200b")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
