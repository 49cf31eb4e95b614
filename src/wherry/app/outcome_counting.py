"""Counts what came of committed transactions: domains tell it (`wherry.db.outcomes`), and know no metrics."""

from wherry.observability import Metrics
from wherry.triggers.runs import RunEnded, TriggerPausedItself
from wherry.webhooks.deliveries import Attempted


def count_outcome(metrics: Metrics, outcome: object) -> None:
    """Of a kind that nobody counts: nothing."""
    match outcome:
        case RunEnded():
            metrics.run_ended(outcome.state.value, outcome.seconds)
        case TriggerPausedItself():
            metrics.trigger_paused_itself()
        case Attempted():
            metrics.webhook_attempted(outcome.format.value, outcome.state.value)
