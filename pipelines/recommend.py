"""Which strategy to use for a shape on this machine, and why.

python -m pipelines.recommend model=lstm model.units=64 trainer.window=100 task.batch_size=20
python -m pipelines.recommend model.units=64 --json     for programs, with all numbers
python -m pipelines.recommend model.units=64 --more     measures in one more process first
"""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
import json
import sys
from dataclasses import asdict

from omegaconf import DictConfig

from echo_rnn.benchmark.report.words import number_rows
from echo_rnn.command import show_help
from echo_rnn.config import in_jobs
from echo_rnn.errors import one_sentence
from echo_rnn.stages.choose import MORE, choose
from echo_rnn.stages.layout import CONF
from echo_rnn.stages.show import show_rows
from pipelines.hydra_entry import options, run_composed

JSON = "--json"
# What fits into a terminal; the rest is in --json.
_COLUMNS = ("strategy", "verdict", "training step", "speed-up", "first call")
# A question leaves no folder of a job behind.
_NO_FOLDER = ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none"]


def show(composed: DictConfig, *, more: bool, as_json: bool) -> None:
    """Answers for what Hydra composes from the command line: the strategy, why, and a table; or all of it as JSON."""
    choice = choose(in_jobs(composed, CONF).config, more=more)
    if as_json:
        print(json.dumps(asdict(choice)))
        return
    print(f"unroll={choice.label}\n{choice.why}")
    if choice.reused:
        print(f"Measured before, on this machine with this code, from {choice.reused} on.")
    rows = [{name: row[name] for name in _COLUMNS if name in row} for row in number_rows([choice.result])]
    show_rows(choice.result.shape.key, rows)


if __name__ == "__main__":
    with one_sentence():
        show_help(options())
        asked = set(sys.argv) & {JSON, MORE}
        sys.argv = [argument for argument in sys.argv if argument not in asked] + _NO_FOLDER

        def work(composed: DictConfig) -> None:
            """Answers as asked."""
            show(composed, more=MORE in asked, as_json=JSON in asked)

        run_composed(work)
