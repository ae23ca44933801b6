"""Which strategy to use for a shape on this machine, and why.

python -m pipelines.recommend model=lstm model.units=64 trainer.window=100 task.batch_size=20
python -m pipelines.recommend model.units=64 --json
"""

import json
import sys
from dataclasses import asdict

from omegaconf import DictConfig

from echo_rnn.benchmark.report.words import number_rows
from echo_rnn.config import in_jobs
from echo_rnn.errors import one_sentence
from echo_rnn.stages.choose import choose
from echo_rnn.stages.layout import CONF
from echo_rnn.stages.show import show_rows
from pipelines.hydra_entry import run_composed

JSON = "--json"
# What fits into a terminal; the rest is in --json.
_COLUMNS = ("strategy", "verdict", "training step", "speed-up", "first call")
# A question leaves no folder of a job behind.
_NO_FOLDER = ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none"]


def show(composed: DictConfig) -> None:
    """Answers for what Hydra composes from the command line: a table, the strategy, and why."""
    choice = choose(in_jobs(composed, CONF).config)
    rows = [{name: row[name] for name in _COLUMNS if name in row} for row in number_rows([choice.result])]
    show_rows(choice.result.shape.key, rows)
    print(f"unroll={choice.label}\n{choice.why}")


def print_json(composed: DictConfig) -> None:
    """The same for programs, with all numbers."""
    print(json.dumps(asdict(choose(in_jobs(composed, CONF).config))))


if __name__ == "__main__":
    with one_sentence():
        answer = print_json if JSON in sys.argv else show
        sys.argv = [argument for argument in sys.argv if argument != JSON] + _NO_FOLDER
        run_composed(answer)
