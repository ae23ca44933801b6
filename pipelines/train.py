"""Stage `train`, and outside DVC whole jobs that Hydra composes.

python -m pipelines.train --stage                               what dvc.yaml runs
python -m pipelines.train unroll=static trainer.epochs=20       one job: generate, train, evaluate
python -m pipelines.train -m unroll=static,dynamic seed=0,1     a sweep of jobs
"""

import pipelines  # first of all, see there

# isort: split
import os
import sys

from echo_rnn.config import read
from echo_rnn.errors import one_sentence
from echo_rnn.stages import train
from echo_rnn.stages.alone import alone
from echo_rnn.stages.layout import STAGE
from echo_rnn.stages.outs import put_back
from echo_rnn.stages.prepare import choose_strategy, require_memory
from echo_rnn.stages.store import store_of


def stage() -> None:
    """Trains as `build/config.yaml` asks for."""
    put_back("train")
    config, under_dvc = read(STAGE.config), "DVC_STAGE" in os.environ
    require_memory(config)
    store = store_of(config.tracking)
    train.run(
        config,
        STAGE,
        store,
        choose_strategy(config),
        # A killed DVC would leave this process at work, beside the one that the next `dvc repro` starts.
        parent=pipelines.PARENT if under_dvc else None,
        command="dvc repro" if under_dvc else "python -m pipelines.train --stage",
    )


if __name__ == "__main__":
    with one_sentence():
        if sys.argv[1:] == ["--stage"]:
            with alone(STAGE.root, "training"):
                stage()
        else:
            from pipelines.hydra_entry import run_composed
            from pipelines.job import job

            run_composed(job)
