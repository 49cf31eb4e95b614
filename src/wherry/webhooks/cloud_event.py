"""An event as a CloudEvent of version 1.0, in its JSON format.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

CONTENT_TYPE = "application/cloudevents+json"
TYPE_PREFIX = "io.wherry."


def cloud_event(
    event_id: str, kind: str, subject: str, at: datetime, source: str, data: Mapping[str, Any]
) -> dict[str, Any]:
    """`source` is the registry's address; `event_id` is the same for all who are told, and each time."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": TYPE_PREFIX + kind,
        "subject": subject,
        "time": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": dict(data),
    }


def written(event: Mapping[str, Any]) -> str:
    """The text that is kept, and sent."""
    return json.dumps(event, separators=(",", ":"), sort_keys=True)
