"""When a run may begin: approved, its wave come, not frozen, its delay over, in a window. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from wherry.triggers.trigger import Options
from wherry.triggers.windows import opens_at


@dataclass(frozen=True, slots=True)
class Gate:
    """`opens` None: it opens by somebody's doing. `reason` empty: it is open."""

    reason: str
    opens: datetime | None
    needs_approval: bool = False

    @property
    def is_open(self) -> bool:
        return not self.reason


OPEN = Gate("", None)
NEVER = Gate("no window of the trigger ever opens", None)


def gate_of(
    options: Options, created_at: datetime, now: datetime, *, is_approved: bool, waits_for_wave: bool
) -> Gate:
    """What holds a run up now; the first thing, where there are several."""
    if options.approval and not is_approved:
        until = created_at + timedelta(seconds=options.approval_deadline)
        return Gate(f"waits for approval until {said(until)}", until, needs_approval=True)
    if waits_for_wave:
        return Gate("waits until the clusters of the wave before are done", None)
    frozen = options.frozen_until
    if frozen is not None and now < frozen:
        return Gate(f"frozen until {said(frozen)}", frozen)
    due = created_at + timedelta(seconds=options.delay)
    if now < due:
        return Gate(f"begins {options.delay} s after the push, at {said(due)}", due)
    opening = opens_at(options.windows, now)
    if opening is None:
        return NEVER
    if opening > now:
        shown = "; ".join(str(window) for window in options.windows)
        return Gate(f"waits for its window, {shown}, which opens at {said(opening)}", opening)
    return OPEN


def said(moment: datetime) -> str:
    """A moment as people read it in a history."""
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z")
