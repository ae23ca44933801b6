"""Stage `compose`: `conf/` and the choices of `params.yaml` to the one configuration that all other stages read."""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
from echo_rnn.config import compose
from echo_rnn.errors import one_sentence
from echo_rnn.stages.alone import alone
from echo_rnn.stages.layout import CONF, PARAMS, as_stage

if __name__ == "__main__":
    with one_sentence():
        stage = as_stage()
        with alone(stage.root, "compose"):
            compose(PARAMS, CONF).write(stage.config)
        print(stage.config.read_text(encoding="utf-8"))
