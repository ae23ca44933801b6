"""Stage `evaluate`: how good a trained network is on a test series.

python -m pipelines.evaluate                   the network in models/, as build/config.yaml asks
python -m pipelines.evaluate FOLDER            that of a job in its folder; its run gets the numbers
python -m pipelines.evaluate RUN               that of a run by its id; the report goes to outputs/evaluations/RUN
python -m pipelines.evaluate FOLDER|RUN DATA   either on the dataset in the folder DATA, in a run of its own
"""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
import sys
from pathlib import Path

from echo_rnn.command import show_help
from echo_rnn.config import Config, compose, read
from echo_rnn.errors import UserError, one_sentence
from echo_rnn.stages import evaluate
from echo_rnn.stages.alone import alone
from echo_rnn.stages.fetch import fetch, is_run
from echo_rnn.stages.layout import CONF, PARAMS, Layout, as_stage
from echo_rnn.stages.outs import put_back
from echo_rnn.stages.store import store_of
from echo_rnn.tracking import Store


def named(network: str) -> tuple[Config, Layout, Store]:
    """The configuration, files and store of a network that is named by the folder of a job or the id of a run."""
    files = Layout(Path(network).resolve())
    if network and files.config.is_file():
        config = read(files.config)
        return config, files, store_of(config.tracking)
    if not is_run(network):
        raise UserError(
            f"evaluate: expected the folder of a job or the id of a run, got {network!r}, which has no "
            "build/config.yaml; name another one",
            "evaluate.folder",
        )
    store = store_of(compose(PARAMS, CONF).config.tracking)
    files = fetch(store, network)
    return read(files.config), files, store


def main() -> None:
    """Does what the command line asks for."""
    show_help()
    match sys.argv[1:]:
        case []:
            files = as_stage()
            with alone(files.root, "evaluation"):
                put_back("evaluate")
                config = read(files.config)
                evaluate.run(config, files, store_of(config.tracking))
        case [network] if not network.startswith("-"):
            evaluate.run(*named(network))
        case [network, data] if not network.startswith("-"):
            evaluate.run_on(Path(data).resolve(), *named(network))
        case words:
            raise UserError(
                f"evaluate: expected no argument, FOLDER or RUN, and perhaps DATA, got {' '.join(words)!r}",
                "evaluate.arguments",
            )


if __name__ == "__main__":
    with one_sentence():
        main()
