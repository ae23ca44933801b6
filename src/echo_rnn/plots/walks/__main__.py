"""Draws every picture of docs/unrolling.md.

python -m echo_rnn.plots.walks docs/images
"""

import sys
from pathlib import Path

from echo_rnn.plots.style import save
from echo_rnn.plots.walks import PICTURES

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected the folder to write to: python -m echo_rnn.plots.walks docs/images")
    for name, draw in PICTURES.items():
        save(draw(), Path(sys.argv[1]) / f"{name}.png")
