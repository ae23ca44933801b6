"""Delivers what runs could not deliver to their tracking store before: `python -m pipelines.deliver`."""

import sys

from echo_rnn.config import compose
from echo_rnn.errors import UserError, one_sentence
from echo_rnn.stages.layout import CONF, PARAMS, project_root
from echo_rnn.tracking import deliver_all

if __name__ == "__main__":
    with one_sentence():
        if sys.argv[1:]:
            raise UserError(f"deliver: expected no arguments, got {' '.join(sys.argv[1:])!r}", "deliver.arguments")
        complete = deliver_all(compose(PARAMS, CONF).config.tracking.uri, project_root())
        print(f"{complete} {'run was' if complete == 1 else 'runs were'} completed")
