"""Predictions of the trained network for a series in a file.

    python -m pipelines.predict INPUT OUTPUT            with the network in models/
    python -m pipelines.predict INPUT OUTPUT FOLDER     with another one, such as a job's

INPUT is a .wav, .flac, .csv or .npy file, OUTPUT a .wav, .csv or .npy file. Memory does not grow with the series.
"""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
import sys
from pathlib import Path

from echo_rnn.command import show_help
from echo_rnn.errors import UserError, one_sentence
from echo_rnn.stages.layout import STAGE
from echo_rnn.stages.predict import run

if __name__ == "__main__":
    with one_sentence():
        show_help()
        arguments = [*map(Path, sys.argv[1:])]
        if len(arguments) not in (2, 3):
            raise UserError(
                f"predict: expected INPUT OUTPUT [FOLDER], got {' '.join(sys.argv[1:]) or 'nothing'!r}",
                "predict.arguments",
            )
        source, target, model = (*arguments, STAGE.model)[:3]
        print(f"{target}: {run(source, target, model):,} steps")
