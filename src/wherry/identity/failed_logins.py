"""Counts wrong passwords by user name and by address, so that guessing is slow and harms no other user."""

from collections import OrderedDict, deque
from datetime import timedelta

from wherry.identity.errors import TooManyLogins
from wherry.kit.clock import Clock

MAX_WATCHED = 20_000


class FailedLogins:
    """A login remembered as right is never counted or refused: guessers do not lock out clients at work."""

    def __init__(self, clock: Clock, attempts: int, window: timedelta) -> None:
        self._clock = clock
        self._attempts = attempts
        self._window = window.total_seconds()
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def refuse_if_many(self, name: str, address: str) -> None:
        """Raises `TooManyLogins`."""
        now = self._clock.now().timestamp()
        for key in (("name", name[:64]), ("address", address)):
            failures = self._failures.get(key)
            while failures and failures[0] <= now - self._window:
                failures.popleft()
            if failures and len(failures) >= self._attempts:
                raise TooManyLogins(retry_after=max(1, round(failures[0] + self._window - now)))

    def record(self, name: str, address: str) -> None:
        """A wrong password came."""
        now = self._clock.now().timestamp()
        for key in (("name", name[:64]), ("address", address)):
            self._failures.setdefault(key, deque(maxlen=self._attempts)).append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > MAX_WATCHED:
            self._failures.popitem(last=False)
