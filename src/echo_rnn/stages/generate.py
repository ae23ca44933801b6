"""Stage `generate`: the series of the task. No TensorFlow."""

from tqdm import tqdm

from echo_rnn.config import Config
from echo_rnn.stages.alone import alone
from echo_rnn.stages.inputs import origin
from echo_rnn.stages.layout import Layout
from echo_rnn.tasks.dataset import SPLITS
from echo_rnn.tasks.series import generate_series
from echo_rnn.tasks.synthetic import SplitLengths, generate, total_steps


def run(config: Config, files: Layout) -> None:
    """Writes the dataset."""
    section = config.task
    with alone(files.root, "generate"):
        if section.kind.seeded:
            _synthetic(config, files)
        else:
            with tqdm(desc="read", unit="step", unit_scale=True, disable=None) as bar:
                generate_series(
                    section.task, files.data, warmup=section.warmup, origin=origin(config), progress=bar.update
                )


def _synthetic(config: Config, files: Layout) -> None:
    section, epochs = config.task, 1 if config.trainer.overfit else config.trainer.epochs
    steps = dict(zip(SPLITS, section.lengths.values(), strict=True))
    task, lengths = section.task, SplitLengths(**steps, warmup=section.warmup)
    total = total_steps(task, epochs, lengths)
    with tqdm(total=total, desc="generate", unit="step", unit_scale=True, disable=None) as bar:
        generate(
            task,
            seed=config.seed,
            epochs=epochs,
            lengths=lengths,
            folder=files.data,
            origin=origin(config),
            progress=bar.update,
        )
