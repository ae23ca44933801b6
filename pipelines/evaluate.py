"""Stage `evaluate`: how good the trained network is on the test series.

python -m pipelines.evaluate            the network in models/, as build/config.yaml asks
python -m pipelines.evaluate FOLDER     that of a job in its folder, which gets the report; its run gets the numbers
"""

import sys
from pathlib import Path

import pipelines  # noqa: F401 (first of all, see there)
from echo_rnn.config import read
from echo_rnn.errors import UserError, one_sentence
from echo_rnn.stages.alone import alone
from echo_rnn.stages.evaluate import run
from echo_rnn.stages.layout import Layout, as_stage
from echo_rnn.stages.outs import put_back
from echo_rnn.stages.store import store_of


def _files() -> Layout:
    """A job's, where its folder is named, or the stage's."""
    if len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
        files = Layout(Path(sys.argv[1]).resolve())
        if not files.config.is_file():
            raise UserError(
                f"evaluate: expected the folder of a job, got {sys.argv[1]}, which has no build/config.yaml; name "
                "another one",
                "evaluate.folder",
            )
        return files
    return as_stage()


if __name__ == "__main__":
    with one_sentence():
        files = _files()
        with alone(files.root, "evaluation"):
            put_back("evaluate")
            config = read(files.config)
            run(config, files, store_of(config.tracking))
