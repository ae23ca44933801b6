"""Measures ours beside other libraries and hand-written C: training steps, and trainings as whole processes."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from echo_rnn.benchmark.measure.contestants import Contestant, beside_peers, c_compiler
from echo_rnn.benchmark.measure.draw import draw, require_known
from echo_rnn.benchmark.measure.fingerprint import fingerprint
from echo_rnn.benchmark.measure.plan import Task, plan
from echo_rnn.benchmark.measure.records import Record
from echo_rnn.benchmark.measure.session import Report, measure
from echo_rnn.benchmark.measure.timing import Rounds
from echo_rnn.benchmark.measure.whole import measure_whole
from echo_rnn.config import Config
from echo_rnn.core.windows.buffers import window_count
from echo_rnn.errors import UserError
from echo_rnn.stages.alone import measuring
from echo_rnn.stages.benchmark import measure_missing, rounds_of
from echo_rnn.stages.layout import PROJECT
from echo_rnn.stages.shapes import shape_of, shapes_of

PROGRAMS = PROJECT / "peers"
PYTHON = PROJECT / ".venv-peers" / "bin" / "python"
_WHOLE_ROUNDS = 3
# What the article's script trains.
_SEED = {"batch_size": 5, "window": 15, "units": 4, "layers": 3, "cell": "lstm"}
_SERIES = 50_000


def peers_fingerprint() -> str:
    """The fingerprint of records with peers: it tells apart which of them could take part."""
    return fingerprint(programs=PROGRAMS, found=(PYTHON.exists(), c_compiler()))


def measure_peers(config: Config, records: Path) -> str:
    """Measures what of the sweep has not been measured; returns the fingerprint of the records.

    Raises:
        UserError: A shape is not one that all peers can train, or another measurement is at work.
    """
    shapes, how, own = shapes_of(config), config.benchmark, peers_fingerprint()
    for shape in shapes:
        require_known(shape)
    contestants = {shape: beside_peers(shape, config.sweep.strategies, PROGRAMS, PYTHON) for shape in shapes}
    slots = {shape: [each.name for each in contestants[shape]] for shape in shapes}
    tasks = plan(records, slots, processes=how.processes, memory=False, fingerprint=own)

    def measure_tasks(tasks: Sequence[Task], report: Report) -> Iterator[Record]:
        (task,) = tasks
        seed = int(np.random.SeedSequence([config.seed, task.number]).generate_state(1)[0])
        rounds, problem = rounds_of(how, seed), draw(task.shape, seed)
        yield measure(task.shape, contestants[task.shape], rounds, own, problem=problem, report=report)

    with measuring(records.parent):
        measure_missing("peers", tasks, measure_tasks, repeat=how.remeasure)
    return own


def measure_trainings(config: Config, overrides: Sequence[str], records: Path) -> str:
    """Measures a few rounds of a whole training of ours and the article's; returns the fingerprint of the records.

    Args:
        config: Of ours.
        overrides: What `pipelines.train` makes that configuration of.
        records: The folder of the records.

    Raises:
        UserError: It is not a training that the article's script does too, or a program failed.
    """
    shape, own, row_steps = shape_of(config), peers_fingerprint(), config.task.row_steps
    got = {name: getattr(shape, name) for name in _SEED} | {"series_length": row_steps * shape.batch_size}
    if other := dict(got.items() - (_SEED | {"series_length": _SERIES}).items()):
        raise UserError(
            f"whole_process: expected the seed's sizes, which the article's script has, got {other}",
            "benchmark.not_the_seed",
        )
    windows, _ = window_count(row_steps, config.trainer.window)
    steps = windows * config.trainer.epochs
    print(f"whole processes of {steps:,} training steps, {_WHOLE_ROUNDS} of each")
    programs = _programs(config, overrides)
    rounds = Rounds(_WHOLE_ROUNDS, minimum_seconds=0.0, seed=config.seed)
    with measuring(records.parent), tqdm(total=_WHOLE_ROUNDS, desc="whole processes", disable=None) as bar:
        record = measure_whole(programs, shape, steps, rounds, own, lambda done: bar.update())
    record.write(records / shape.key / f"{own}-process-{record.trained.replace(' ', '-')}.json")
    return own


def _programs(config: Config, overrides: Sequence[str]) -> list[Contestant]:
    """Ours with its overrides, and the article's with as many epochs and threads; both compile anew each time."""
    threads = config.runtime.threads
    train = [sys.executable, "-m", "pipelines.train", *overrides, "tracking=none", "runtime.compile_cache=null"]
    article = [sys.executable, str(PROGRAMS / "article_script.py"), str(config.trainer.epochs), str(threads)]
    name = f"{config.unroll.label} {config.trainer.compile}"
    return [
        Contestant(name, True, threads, lambda folder: [*train, f"hydra.run.dir={folder}"]),
        Contestant("article", False, threads, lambda folder: article),
    ]
