"""MLflow's pages on the configured store: `python -m pipelines.ui [PORT]`."""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
import sys

from echo_rnn.command import show_help
from echo_rnn.config import compose
from echo_rnn.errors import UserError, one_sentence
from echo_rnn.stages.layout import CONF, PARAMS, project_root
from echo_rnn.stages.store import TRAININGS
from echo_rnn.tracking.ui import PORT, serve_ui


def _port(arguments: list[str]) -> int:
    try:
        (port,) = (int(argument) for argument in arguments or [str(PORT)])
        if not 0 < port < 2**16:
            raise ValueError(port)
    except ValueError:
        raise UserError(
            f"ui: expected no argument or one port from 1 to 65535, got {' '.join(arguments)!r}", "ui.arguments"
        ) from None
    return port


if __name__ == "__main__":
    with one_sentence():
        show_help()
        tracking = compose(PARAMS, CONF).config.tracking
        serve_ui(tracking.uri, tracking.experiment, project_root(), TRAININGS, _port(sys.argv[1:]))
