"""Stage `report`: what the benchmark's samples show, as a page, pictures, numbers, and runs to compare."""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
from echo_rnn.config import read
from echo_rnn.errors import one_sentence
from echo_rnn.stages.alone import alone
from echo_rnn.stages.layout import STAGE, as_stage
from echo_rnn.stages.report import report

if __name__ == "__main__":
    with one_sentence(), alone(as_stage().root, "report"):
        report(read(STAGE.config), STAGE.records, STAGE.benchmark)
