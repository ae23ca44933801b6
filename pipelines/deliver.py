"""Delivers what runs could not deliver to their tracking store before.

python -m pipelines.deliver                  what was logged on this machine
python -m pipelines.deliver --other-hosts    on machines that share the folder, too, when no run is at work there
"""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
import sys

from echo_rnn.command import show_help
from echo_rnn.config import compose
from echo_rnn.errors import UserError, one_sentence
from echo_rnn.stages.layout import CONF, PARAMS, project_root
from echo_rnn.tracking import deliver_all

OTHERS = "--other-hosts"

if __name__ == "__main__":
    with one_sentence():
        show_help()
        if sys.argv[1:] not in ([], [OTHERS]):
            raise UserError(
                f"deliver: expected no argument or {OTHERS}, got {' '.join(sys.argv[1:])!r}", "deliver.arguments"
            )
        uri = compose(PARAMS, CONF).config.tracking.uri
        complete = deliver_all(uri, project_root(), other_hosts=OTHERS in sys.argv)
        print(f"{complete} {'run was' if complete == 1 else 'runs were'} completed")
