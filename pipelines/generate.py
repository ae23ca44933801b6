"""Stage `generate`: the series of the task."""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
from echo_rnn.config import read
from echo_rnn.errors import one_sentence
from echo_rnn.stages.alone import alone
from echo_rnn.stages.generate import run
from echo_rnn.stages.layout import STAGE, as_stage
from echo_rnn.stages.outs import put_back

if __name__ == "__main__":
    with one_sentence(), alone(as_stage().root, "generate"):
        put_back("generate")
        run(read(STAGE.config), STAGE)
