"""The one place that asks what time it is, so that everything else can be told.

The wall clock jumps: it is set, and corrected. A pause must be neither skipped nor stretched by that, so whoever
keeps pauses asks a SteadyClock, which goes on by the machine's count of seconds and comes back to the wall clock
by running a tenth faster or slower, never at once.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SLEW = 0.1
"""How much faster or slower a SteadyClock may run until it agrees with the wall clock."""

_COUNT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the former goes on while the machine sleeps


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def seconds() -> float:
    """Seconds since some moment in the past, whatever happens to the wall clock."""
    return time.clock_gettime(_COUNT)


class SteadyClock:
    """The time since this clock was made, which never jumps."""

    def __init__(self, wall: Callable[[], datetime] = now, count: Callable[[], float] = seconds) -> None:
        self._wall, self._count = wall, count
        self._time, self._counted = wall(), count()

    def now(self) -> datetime:
        """The time, aware, in UTC; a little after the time that was told before."""
        counted = self._count()
        passed = timedelta(seconds=counted - self._counted)
        off = self._wall() - (self._time + passed)
        self._time += passed + max(-passed * SLEW, min(passed * SLEW, off))
        self._counted = counted
        return self._time
