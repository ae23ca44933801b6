"""How many windows to run before looking up again."""

_SECONDS_BETWEEN_LOOKS = 0.5
_FIRST_COUNT = 16
_GROWTH = 16


class Pace:
    """Chooses the number of windows for each call so that control comes back about twice a second.

    The number has no influence on the numbers computed, only on when progress is shown and checks are made.
    """

    def __init__(self) -> None:
        self._count = _FIRST_COUNT

    def measured(self, count: int, seconds: float) -> None:
        """Learns from a call that ran `count` windows in `seconds`."""
        fitting = int(count * _SECONDS_BETWEEN_LOOKS / max(seconds, 1e-9))
        self._count = max(1, min(fitting, self._count * _GROWTH))

    def next(self, remaining: int) -> int:
        """Windows to run next, at most `remaining`."""
        return min(self._count, remaining)
