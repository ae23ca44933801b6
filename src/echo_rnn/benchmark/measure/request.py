"""What one measuring process is asked to do, as a file that hands it over."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.errors import UserError
from echo_rnn.files import write_json


@dataclass(frozen=True)
class Request:
    """One process's work.

    Attributes:
        shape: The shape.
        labels: The strategies to time; the reference is measured in any case, twice.
        rounds: Rounds at most.
        minimum_seconds: How long a timed call should last at least.
        budget_seconds: Of warming up and of the rounds: no round begins that would end later, but three are measured in
            any case; `None` for all rounds.
        seed: Decides weights, data and the order within rounds.
        peak: Whether the machine's matrix product is measured too.
        memory: In place of timing: the strategy whose peak memory is measured, alone.
    """

    shape: Shape
    labels: tuple[str, ...] = ()
    rounds: int = 20
    minimum_seconds: float = 0.02
    budget_seconds: float | None = None
    seed: int = 0
    peak: bool = True
    memory: str | None = None

    def write(self, path: Path) -> None:
        """Keeps the request."""
        write_json(path, asdict(self))


def read(path: Path) -> Request:
    """Reads what `write` wrote; what is left out has its default.

    Raises:
        UserError: It is no request.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        shape = Shape(**content.pop("shape"))
        return Request(shape=shape, labels=tuple(content.pop("labels", ())), **content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: expected a benchmark request, got {str(error).splitlines()[0]}") from error
