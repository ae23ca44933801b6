"""The section that describes an adaptive search: which keys it tries, with which values, and how."""

from dataclasses import dataclass
from typing import Annotated, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep, Sweep
from hydra.errors import HydraException
from pydantic import Field

from echo_rnn.config.fields import Count, Name, Section, Size, text
from echo_rnn.redact import redact

_FORMS = "interval(low, high), range(first, end, step) or choice(a, b), of at least two values, tag(log, …) above 0"
_ROUNDING = 1e-9  # of steps
_ADDRESS = "an address without user and password (set PGUSER, and PGPASSWORD or a file ~/.pgpass)"


@dataclass(frozen=True)
class Numbers:
    """Numbers from `low` to `high`.

    Attributes:
        low: The smallest.
        high: The largest.
        log: Whether equal factors, and not equal differences, are equally likely.
        step: Between two neighbours; `None` for all between the ends.
        whole: Whether they are whole numbers.
    """

    low: float
    high: float
    log: bool
    step: float | None
    whole: bool

    @property
    def ends(self) -> list[str]:
        """Values that a mistake is likely to show at, as overrides have them."""
        return [str(self.low), str(self.high)]

    def holds(self, value: Any) -> bool:
        """Whether `value` is one of them."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        steps = (value - self.low) / self.step if self.step else 0.0
        return self.low <= value <= self.high and abs(steps - round(steps)) < _ROUNDING


@dataclass(frozen=True)
class Choices:
    """A few values, as overrides have them."""

    ends: list[str]

    def holds(self, value: Any) -> bool:
        """Whether `value` is one of them."""
        return value in self.ends


def parse(words: str) -> Numbers | Choices:
    """What a key may be, from a sweep in Hydra's grammar.

    Raises:
        ValueError: It is none, or one that a search cannot draw from.
    """
    try:
        override = OverridesParser.create().parse_override(f"key={words}")
    except HydraException as error:
        raise ValueError(words) from error
    found = _found(override)
    if found is None or len(set(found.ends)) < 2:
        raise ValueError(words)
    if isinstance(found, Numbers) and not (0 if found.log else float("-inf")) < found.low < found.high:
        raise ValueError(words)
    return found


def _found(override: Override) -> Numbers | Choices | None:
    sweep = override.value()
    if not isinstance(sweep, Sweep) or sweep.tags - {"log"}:
        return None
    log = "log" in sweep.tags
    match sweep:
        case IntervalSweep(start=low, end=high) if low is not None and high is not None:
            return Numbers(low, high, log, None, isinstance(low, int) and isinstance(high, int))
        case RangeSweep(step=step, shuffle=False) if not log or step == 1:
            values = list(sweep.range())
            return Numbers(values[0], values[-1], log, step, isinstance(values[0], int)) if values else None
        case ChoiceSweep(list=[_, *_], shuffle=False) if not log:
            return Choices(list(dict.fromkeys(override.sweep_string_iterator())))
    return None


def _parses(words: str) -> bool:
    try:
        parse(words)
    except ValueError:
        return False
    return True


Values = Annotated[str, text(lambda: _FORMS, _parses)]


class Prune(Section):
    """When a trial is ended that is worse than the median of others."""

    after_trials: Count
    after_epochs: Count


class Search(Section):
    """A named study; see `echo_rnn.stages.search`."""

    name: Name
    space: Annotated[dict[str, Values], Field(min_length=1)]
    trials: Annotated[int, Field(ge=1, le=10**6)]
    workers: Annotated[int, Field(ge=1, le=1000)]
    worker: Count
    random_trials: Size
    prune: Prune
    retries: Annotated[int, Field(ge=0, le=1000)]
    heartbeat_seconds: Annotated[int, Field(ge=1, le=3600)]
    storage: Annotated[str, Field(min_length=1), text(lambda: _ADDRESS, lambda words: redact(words) == words)] | None
