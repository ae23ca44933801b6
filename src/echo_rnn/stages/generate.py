"""Stage `generate`: the series of the task. NumPy only."""

from tqdm import tqdm

from echo_rnn.config import Config
from echo_rnn.stages.alone import alone
from echo_rnn.stages.inputs import origin
from echo_rnn.stages.layout import Layout
from echo_rnn.tasks import Echo
from echo_rnn.tasks.dataset import SplitLengths, generate


def run(config: Config, files: Layout) -> None:
    """Writes the dataset."""
    task, epochs = config.task, config.trainer.epochs
    lengths = SplitLengths(task.series_length, task.validation_length, task.test_length)
    total = epochs * lengths.train + lengths.validation + lengths.test
    with (
        alone(files.root, "generate"),
        tqdm(total=total, desc="generate", unit="bit", unit_scale=True, disable=None) as bar,
    ):
        generate(
            Echo(task.echo_step, task.batch_size),
            seed=config.seed,
            epochs=epochs,
            lengths=lengths,
            folder=files.data,
            origin=origin(config),
            progress=bar.update,
        )
