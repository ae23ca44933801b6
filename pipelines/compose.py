"""Stage `compose`: `conf/` and the choices of `params.yaml` to the one configuration that all other stages read."""

from echo_rnn.config import compose
from echo_rnn.errors import one_sentence
from echo_rnn.stages.layout import CONF, PARAMS, as_stage
from echo_rnn.stages.show import show_tree

if __name__ == "__main__":
    with one_sentence():
        stage = as_stage()
        composition = compose(PARAMS, CONF)
        composition.write(stage.config)
        show_tree(composition.config.run_name, composition.tree)
