import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from drawings import PICTURES
from matplotlib.figure import Figure
from PIL import Image

from echo_rnn.errors import UserError
from echo_rnn.plots import diagnosis, echo_picture, save, training_curves

BITS = np.arange(40).reshape(2, 20) % 3 % 2
FIGURES: dict[str, Callable[[], Figure]] = {
    "training": lambda: training_curves(np.geomspace(1, 1e-3, 99), np.linspace(0, 1, 99), 9, [(9, 0.5, 0.5)], 0.9),
    "echo": lambda: echo_picture(BITS, BITS, BITS * 0.9, 5, 3),
    "diagnosis": lambda: diagnosis(np.ones(5), np.ones(5), np.ones(4), np.eye(2, dtype=int), 3),
    "grid": PICTURES["grid"],
}


def chunks(png: bytes) -> list[str]:
    names, place = [], 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        names.append(png[place + 4 : place + 8].decode())
        place += length + 12
    return names


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_same_input_gives_the_same_bytes_whatever_a_person_has_set(draw, tmp_path: Path) -> None:
    save(draw(), tmp_path / "one.png")
    own = {"font.size": 25, "savefig.dpi": 30, "savefig.facecolor": "black", "lines.linewidth": 9, "axes.grid": True}
    with mpl.rc_context(own):
        save(draw(), tmp_path / "two.png")
        assert mpl.rcParams["font.size"] == 25
    one, two = ((tmp_path / name).read_bytes() for name in ("one.png", "two.png"))
    assert one == two
    assert set(chunks(one)) <= {"IHDR", "PLTE", "IDAT", "IEND"}, "a time or a version would stand in a chunk of its own"


def test_a_figure_can_be_saved_twice(tmp_path: Path) -> None:
    figure = FIGURES["diagnosis"]()
    save(figure, tmp_path / "one.png")
    save(figure, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_picture_that_cannot_be_drawn_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "picture.png"
    save(Figure(), path)
    before = path.read_bytes()
    broken = Figure()
    broken.text(0, 0, "$\\nonsense$")
    with pytest.raises(ValueError, match="nonsense"):
        save(broken, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_picture_that_cannot_be_written_to_its_end_leaves_the_old_one(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "picture.png"
    save(Figure(), path)
    before = path.read_bytes()

    whole = Image.Image.save

    def half_written(image: Image.Image, target, **options: object) -> None:
        if not isinstance(target, Path):  # matplotlib's own, in memory
            return whole(image, target, **options)
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", half_written)
    with pytest.raises(UserError, match="disk full"):
        save(Figure(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_plots_import_neither_tensorflow_nor_mlflow_nor_pyplot() -> None:
    asked = "import sys; sys.path.append('docs'); import echo_rnn.plots, drawings; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True, env=os.environ)
    assert not {"tensorflow", "keras", "mlflow", "matplotlib.pyplot"} & set(modules.stdout.split())
