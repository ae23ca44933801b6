"""What a run has been told so far: it decides what of a continued run is new."""

from collections.abc import Iterable, Mapping

from echo_rnn.errors import UserError
from echo_rnn.tracking.interface import MetricRow
from echo_rnn.tracking.journal import Entry, Line

NON_FINITE_TAG = "metrics.non_finite"


class Known:
    """Points, parameters and the count of numbers left out, read back from a journal.

    A store keeps a point of a metric as often as it is sent, and refuses another value of a parameter; both are settled
    here, before anything is written down.

    Attributes:
        non_finite: How many numbers were left out, because they are none.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._points: dict[tuple[str, int], float] = {}
        self._params: dict[str, str] = {}
        self.non_finite = 0
        for line in lines:
            self._learn(line.entry)

    def new_points(self, rows: Iterable[MetricRow], *, again: bool) -> list[MetricRow]:
        """The rows whose metric has no value at their step yet; with `again`, also those with another value."""
        new = []
        for name, value, step in rows:
            known = self._points.get((name, step))
            if known is None or (again and known != value):
                self._points[name, step] = value
                new.append((name, value, step))
        return new

    def new_params(self, values: Mapping[str, str]) -> dict[str, str]:
        """The parameters that are not known yet.

        Raises:
            UserError: One is known with another value.
        """
        for name, value in values.items():
            known = self._params.get(name, value)
            if known != value:
                raise UserError(
                    f"parameter {name}: expected {known!r}, as the run was begun with, got {value!r}; start a new run"
                )
        new = {name: value for name, value in values.items() if name not in self._params}
        self._params |= new
        return new

    def _learn(self, entry: Entry) -> None:
        match entry["do"]:
            case "metrics":
                self._points |= {(name, step): value for name, value, step, _ in entry["rows"]}
            case "params":
                self._params |= entry["values"]
            case "tags":
                self.non_finite = int(entry["values"].get(NON_FINITE_TAG, self.non_finite))
