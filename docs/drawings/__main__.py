"""Draws every picture of docs/unrolling.md.

python docs/drawings docs/images
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python runs a folder with the folder itself on its path, and not the one that holds the package.
    sys.path[0] = str(Path(__file__).parents[1])
    from drawings import PICTURES
    from echo_rnn.plots.style import save

    if len(sys.argv) != 2:
        sys.exit("expected the folder to write to: python docs/drawings docs/images")
    for name, draw in PICTURES.items():
        save(draw(), Path(sys.argv[1]) / f"{name}.png")
