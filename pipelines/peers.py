"""Ours beside other libraries and hand-written C, measured in the same rounds.

    python -m pipelines.peers sweep=peers           the seed's shape
    python -m pipelines.peers sweep=peers_large     shapes whose time goes into matrix products

`make peers` makes the environment of the other libraries and runs both. A peer that is missing is named, and the others
go on. What has been measured on this machine with this code is kept, and the report covers all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Never

import numpy as np
from tqdm import tqdm

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.config import Config
from echo_rnn.config.benchmarks import Benchmark
from echo_rnn.errors import one_sentence
from echo_rnn.peers.contestants import Contestant, contestants
from echo_rnn.peers.draw import require_known
from echo_rnn.peers.fingerprint import peers_fingerprint
from echo_rnn.peers.session import How, measure
from echo_rnn.stages.alone import measuring
from echo_rnn.stages.layout import PROJECT
from echo_rnn.stages.shapes import shapes_of
from pipelines.benchmark import minutes
from pipelines.hydra_entry import run_composed

PROGRAMS = PROJECT / "peers"
PYTHON = PROJECT / ".venv-peers" / "bin" / "python"
# Seconds until a contestant is ready, on two cores of a server.
_START = 9.0


@dataclass(frozen=True)
class _Task:
    """One start of all contestants."""

    shape: Shape
    contestants: Sequence[Contestant]
    number: int
    path: Path

    def expected_seconds(self, how: Benchmark) -> float:
        """About how long it takes; the slowest contestants run a unit of seconds in every round."""
        return _START * len(self.contestants) + how.budget_seconds


def run(config: Config, records: Path) -> str:
    """Measures what of the sweep has not been measured; returns the fingerprint of the records.

    Raises:
        UserError: A shape is not one that all know, or another measurement is at work.
    """
    for shape in shapes_of(config):
        require_known(shape)
    mark, how = peers_fingerprint(PROGRAMS, PYTHON), config.benchmark
    tasks = [
        _Task(shape, field, number, records / shape.key / f"{mark}-{number}.json")
        for shape in shapes_of(config)
        for field in [contestants(shape, config.sweep.strategies, PROGRAMS, PYTHON)]
        for number in range(how.processes)
    ]
    missing = [task for task in tasks if how.again or not task.path.is_file()]
    expected = sum(task.expected_seconds(how) for task in missing)
    print(
        f"peers: {len(tasks)} starts, {len(tasks) - len(missing)} measured before; the others take at most about "
        f"{minutes(expected)}"
    )
    with measuring(records.parent), tqdm(total=expected, unit="s", unit_scale=True, desc="peers", disable=None) as bar:
        for task in missing:
            _measure(task, config, mark, bar)
    return mark


def _measure(task: _Task, config: Config, mark: str, bar: "tqdm[Never]") -> None:
    how, before = config.benchmark, bar.n

    def follow(done: str) -> None:
        bar.set_postfix_str(f"{task.shape.key} {done}")
        bar.update(how.budget_seconds / how.rounds if done == "round" else _START)

    seed = np.random.SeedSequence([config.seed, task.number])
    session = How(how.rounds, how.minimum_milliseconds / 1000, how.budget_seconds, seed)
    measure(task.shape, task.contestants, session, mark, follow).write(task.path)
    bar.update(before + task.expected_seconds(how) - bar.n)


if __name__ == "__main__":
    with one_sentence():
        from pipelines.peers_job import job

        run_composed(job)
