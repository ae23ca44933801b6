"""Stage `evaluate`: how good the trained network is on the test series."""

from echo_rnn.config import read
from echo_rnn.errors import one_sentence
from echo_rnn.stages.alone import alone
from echo_rnn.stages.evaluate import run
from echo_rnn.stages.layout import STAGE, as_stage
from echo_rnn.stages.store import store_of

if __name__ == "__main__":
    with one_sentence(), alone(as_stage().root, "evaluation"):
        config = read(STAGE.config)
        run(config, STAGE, store_of(config.tracking))
