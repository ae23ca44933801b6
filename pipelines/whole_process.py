"""A training as a whole process beside the article's script: imports, data, compiling and reports included.

    python -m pipelines.whole_process unroll=wavefront_deferred                      100 epochs, some minutes
    python -m pipelines.whole_process unroll=wavefront_deferred trainer.epochs=20

Overrides are those of `pipelines.train`, which runs without a tracking store, as the article does. The article's script
knows the seed's numbers only. The report is that of `pipelines.peers`.
"""

import sys
from pathlib import Path

import hydra
import numpy as np
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from tqdm import tqdm

from echo_rnn.config import Config, in_jobs
from echo_rnn.core.windows.buffers import window_count
from echo_rnn.errors import UserError, one_sentence
from echo_rnn.peers.fingerprint import peers_fingerprint
from echo_rnn.peers.whole import Program, measure_whole
from echo_rnn.stages.alone import measuring
from echo_rnn.stages.layout import CONF, project_root
from echo_rnn.stages.shapes import shape_of
from pipelines import peers_report
from pipelines.hydra_entry import in_job, run_composed
from pipelines.peers import PROGRAMS, PYTHON

_ROUNDS = 3
_SEED = {"batch_size": 5, "window": 15, "units": 4, "layers": 3, "cell": "lstm"}
_SERIES = 50_000


def programs(config: Config, overrides: list[str]) -> list[Program]:
    """Ours with its overrides, and the article's with as many epochs and threads."""
    train = [sys.executable, "-m", "pipelines.train", *overrides, "tracking=none"]
    epochs, threads = str(config.trainer.epochs), str(config.runtime.threads)
    article = [sys.executable, str(PROGRAMS / "article_script.py"), epochs, threads]
    return [
        Program(
            f"{config.unroll.label} {config.trainer.compile}", True, lambda folder: [*train, f"hydra.run.dir={folder}"]
        ),
        Program("article", False, lambda folder: article),
    ]


def require_seed(config: Config) -> None:
    """Lets only a training pass that the article's script does too.

    Raises:
        UserError: It is another one.
    """
    shape = shape_of(config)
    came = {name: getattr(shape, name) for name in _SEED} | {"series_length": config.task.series_length}
    other = {name: value for name, value in came.items() if value != (_SEED | {"series_length": _SERIES})[name]}
    if other:
        raise UserError(f"whole_process: expected the seed's sizes, which the article's script has, got {other}")


@hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")
def job(composed: DictConfig) -> None:
    """Measures, and reports all that is kept."""
    with in_job():
        config = in_jobs(composed, CONF).config
        require_seed(config)
        run(config, list(HydraConfig.get().overrides.task), project_root() / "benchmarks" / "peers")


def run(config: Config, overrides: list[str], records: Path) -> None:
    """Measures a few rounds anew, and reports all records of this machine and code."""
    shape, mark = shape_of(config), peers_fingerprint(PROGRAMS, PYTHON)
    windows, _ = window_count(config.task.series_length // config.task.batch_size, config.trainer.window)
    steps = windows * config.trainer.epochs
    print(f"whole processes of {steps:,} training steps, {_ROUNDS} of each")
    contestants = programs(config, overrides)
    with measuring(records.parent), tqdm(total=_ROUNDS * len(contestants), desc="whole processes", disable=None) as bar:
        seed = np.random.SeedSequence(config.seed)
        record = measure_whole(contestants, shape, steps, _ROUNDS, seed, mark, lambda name: bar.update())
    record.write(records / shape.key / f"{mark}-process-{record.trained.replace(' ', '-')}.json")
    peers_report.run(config, records, mark, project_root() / "reports" / "peers")


if __name__ == "__main__":
    with one_sentence():
        run_composed(job)
