"""Predictions of a trained network from file to file, block by block; the new file is whole or not there."""

from pathlib import Path

from echo_rnn.errors import UserError
from echo_rnn.files import replacing
from echo_rnn.inference.network import load
from echo_rnn.inference.series_files import WRITTEN, read_blocks, writing
from echo_rnn.tasks.sources import READ, open_source


def run(source: Path, target: Path, model: Path) -> int:
    """Writes the predictions for the series in `source`, from a zero state, to `target`; returns the number of steps.

    Args:
        source: A file of inputs in raw units; see `echo_rnn.inference.series_files`.
        target: What stands there is replaced when all is written.
        model: The folder of the network.

    Raises:
        UserError: The network, or the series, is not as it is expected.
    """
    for path, known in ((source, READ), (target, WRITTEN)):
        if path.suffix.lower() not in known:
            raise UserError(
                f"{path}: expected a file that ends with {' or '.join(known)}, got {path.suffix or 'no ending'!r}; "
                "choose another",
                "predict.unknown_format",
            )
    if source.resolve() == target.resolve():
        raise UserError(f"{target}: expected another file than the input, got the same; rename it", "predict.same_file")
    series, network, steps = open_source(source), load(model), 0
    rate = network.ends.sample_rate or series.rate
    stream = network.stream()
    with replacing(target) as scratch, writing(scratch, network.ends, rate) as write:
        for block in read_blocks(series, network.ends):
            y_NK = stream(block)
            write(y_NK)
            steps += len(block)
    return steps
