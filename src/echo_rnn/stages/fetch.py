"""The trained network of a run in the tracking store, with its configuration and its series, in a folder here."""

import re

from echo_rnn.config import read
from echo_rnn.files import make_folder, move, remove, temporary_folder
from echo_rnn.stages import generate
from echo_rnn.stages.alone import alone
from echo_rnn.stages.inputs import origin
from echo_rnn.stages.layout import EVALUATIONS, Layout, project_root
from echo_rnn.stages.store import CONFIG, NETWORK
from echo_rnn.tasks.dataset import open_dataset
from echo_rnn.tracking import Store


def is_run(name: str) -> bool:
    """Whether a text can be the id of a run."""
    return re.fullmatch(r"[0-9a-f]{32}", name) is not None


def fetch(store: Store, run_id: str) -> Layout:
    """The network and the configuration of a run, copied into a folder, where its series are made again.

    Raises:
        UserError: The run is unknown, or has no network in the store.
    """
    files = Layout(project_root() / EVALUATIONS / run_id)
    with alone(files.root, "evaluation"), temporary_folder(files.root) as folder:
        for name in (NETWORK, CONFIG):
            store.download(run_id, name, folder)
        for source, target in ((folder / NETWORK, files.model), (folder / CONFIG / files.config.name, files.config)):
            remove(target)
            make_folder(target.parent)
            move(source, target)
        config = read(files.config)
        if not files.data.is_dir() or open_dataset(files.data).origin != origin(config):
            generate.run(config, files)
    return files
