"""Draws every picture of docs/unrolling.md.

python -m drawings docs/images
"""

import sys
from pathlib import Path

from drawings import PICTURES
from echo_rnn.plots.style import save

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected the folder to write to: python -m drawings docs/images")
    for name, draw in PICTURES.items():
        save(draw(), Path(sys.argv[1]) / f"{name}.png")
