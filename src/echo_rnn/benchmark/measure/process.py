"""The measuring side of a contestant's process: started, asked, given up when it does not answer, ended in any case."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

from echo_rnn.benchmark.measure.worker import TRAIN
from echo_rnn.child_process import Child

SECONDS = 300.0
"""For imports, and for a run; the first run compiles."""


class LostError(Exception):
    """A contestant that cannot be measured, and why, in a few words."""


class Process(Child):
    """One contestant at work; a context that begins once it is ready, and ends it.

    Attributes:
        ready: Its first answer.
        unit: Training steps of a unit.
    """

    ready: dict[str, Any]
    unit: int

    def __init__(
        self,
        command: Sequence[str],
        threads: int,
        seconds: float | None = SECONDS,
        report: Callable[[dict[str, Any]], None] = lambda progress: None,
    ) -> None:
        """Starts it.

        Args:
            command: The program and its arguments.
            threads: How many it may use.
            seconds: For each answer; `None` for as long as it takes.
            report: Called with each line of progress.

        Raises:
            LostError: There is no such program.
        """
        self._seconds, self._report, self._ran = seconds, report, False
        try:
            super().__init__(command, variables=variables(threads))
        except OSError as error:
            raise LostError(f"expected the program {command[0]}, got {error.strerror}") from None

    def __enter__(self) -> Self:
        return self.get_ready()

    def get_ready(self) -> Self:
        """Waits until it is ready, and ends it where it does not get so.

        Raises:
            LostError: It did not become ready.
        """
        with ExitStack() as until_ready:
            until_ready.push(self)
            while "slot" in (answer := self._answer()):
                self._report(answer)
            if not {"version", "unit"} <= answer.keys():
                raise LostError(f"expected its version and unit, got {answer!r:.60}")
            self.ready, self.unit = answer, answer["unit"]
            until_ready.pop_all()
        return self

    def run(self, units: int, program: str = TRAIN) -> list[float]:
        """Has it run so many units of a program; returns the losses that it gives.

        Raises:
            LostError: It ended, answered something else, or took too long.
        """
        try:
            self.write_line(json.dumps({"run": units, "program": program}))
        except OSError:
            raise LostError(f"expected an answer, got {self.ending()}") from None
        losses = self._answer().get("losses")
        if not isinstance(losses, list) or not all(isinstance(loss, int | float) for loss in losses):
            raise LostError(f"expected losses, got {losses!r:.60}")
        self._ran = True
        return losses

    def _answer(self) -> dict[str, Any]:
        try:
            line = self.read_line(self._seconds)
        except TimeoutError:
            late = "no answer" if self._ran else "not ready"
            raise LostError(f"{late} within {self._seconds:.0f} s") from None
        if line is None:
            raise LostError(self.ending())
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise LostError(f"expected a line of JSON, got {line!r:.60}")
        return answer


def variables(threads: int) -> Mapping[str, str]:
    """What every contestant's environment has in common: so many threads, and no accelerator."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        # Threads that spin while they wait take the cores of all others at work, PyTorch's own included.
        "OMP_WAIT_POLICY": "passive",
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
        "JAX_TRACEBACK_FILTERING": "off",  # its note about that would be the last line
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
