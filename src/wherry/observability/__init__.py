"""Logs, the access log and metrics. Knows no settings and no domain; nothing is configured at import."""

from wherry.observability.access_log import AccessLog
from wherry.observability.logs import bind_request_id, configure, current_request_id
from wherry.observability.metrics import Metrics

__all__ = ["AccessLog", "Metrics", "bind_request_id", "configure", "current_request_id"]
