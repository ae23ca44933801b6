"""The two figures of the article's part 5: how time and rows become one axis, and how labels meet that axis.

Source of the idea: Erik Hallström, "Using the DynamicRNN API in TensorFlow (5/7)". Here all sizes differ, so that axes
can be told apart, and the time-major layout of this code stands beside the batch-major layout of the article.
"""

import numpy as np
from matplotlib.figure import Figure

from drawings.canvas import FAINT, PRODUCT, SMALL_SIZE, Canvas
from echo_rnn.plots.style import BLUE, MUTED, VERMILLION, Look, styled

ROWS, STEPS, UNITS, CLASSES = 2, 3, 4, 2

_LOOKS: tuple[Look, ...] = ({"fill": "white"}, {"fill": "#cfe4f2"}, {"fill": "#eeeeee", "hatch": "////"})
_LINE: Look = {"edgecolor": MUTED, "linewidth": 0.9, "linestyle": "-"}
_WIDTH, _HEIGHT = 0.6, 0.52
_GAP = 0.4


def flattened(*, time_major: bool) -> list[tuple[int, int]]:
    """Time step and batch row of each line of the flat matrix, in C order: the last axis moves fastest."""
    t_TB, b_TB = np.indices((STEPS, ROWS))
    if not time_major:
        t_TB, b_TB = t_TB.T, b_TB.T
    return list(zip(t_TB.reshape(-1).tolist(), b_TB.reshape(-1).tolist(), strict=True))


@styled()
def reshape() -> Figure:
    """A tensor of states, counted in the order in which its numbers lie in memory, becomes a matrix."""
    canvas = Canvas(7.6, "reshape: every number keeps its place in memory, only the axes change")
    canvas.heading(0.3, 6.3, "the article: [B, T, S] to [B·T, S]")
    _reshaped(canvas, 0.3, time_major=False)
    canvas.heading(9.5, 6.3, "this code: [T, B, S] to [T·B, S]")
    _reshaped(canvas, 9.5, time_major=True)
    canvas.axes.plot([9.0, 9.0], [1.0, 6.5], color=FAINT["edgecolor"], linewidth=1)
    canvas.key(
        [({**look, "line": _LINE}, f"time step {t}") for t, look in enumerate(_LOOKS)]
        + [({"text": "7", "line": _LINE, "fill": "white"}, "place in memory")]
    )
    return canvas.figure


def _reshaped(canvas: Canvas, left: float, *, time_major: bool) -> None:
    """One half: the tensor as blocks along its first axis, and the matrix."""
    lines = flattened(time_major=time_major)
    in_block = ROWS if time_major else STEPS
    block, line = ("t", "b") if time_major else ("b", "t")
    tensor_x, matrix_x = left + 1.85, left + 5.75
    place = 0
    for n, (t, b) in enumerate(lines):
        index = {"t": t, "b": b}
        y = 5.3 - n * _HEIGHT - n // in_block * _GAP
        flat_y = 4.95 - n * _HEIGHT
        for s in range(UNITS):
            look: Look = {"line": _LINE, "fontsize": SMALL_SIZE} | _LOOKS[t]
            where = f"{'time' if time_major else 'batch'} {n} {s}"
            canvas.box((tensor_x + s * _WIDTH, y), (_WIDTH, _HEIGHT), str(place), gid=f"tensor {where}", **look)
            canvas.box((matrix_x + s * _WIDTH, flat_y), (_WIDTH, _HEIGHT), str(place), gid=f"matrix {where}", **look)
            place += 1
        canvas.note(tensor_x - 0.15, y + _HEIGHT / 2, f"{line} = {index[line]}", ha="right", color=MUTED)
        if n % in_block == 0:
            canvas.note(left, y + _HEIGHT / 2, f"{block} = {index[block]}", weight="bold")
        label = f"{n}"
        canvas.note(matrix_x - 0.15, flat_y + _HEIGHT / 2, label, ha="right", color=MUTED)
    middle = 4.95 - (len(lines) / 2 - 1) * _HEIGHT
    canvas.arrow((tensor_x + UNITS * _WIDTH + 0.2, middle), (matrix_x - 0.6, middle))
    canvas.note(tensor_x, 1.3, f"{len(lines) // in_block} blocks of {in_block} × {UNITS}")
    rule = "n = t·B + b" if time_major else "n = b·T + t"
    canvas.note(matrix_x, 1.3, f"line {rule}")


@styled()
def labels() -> Figure:
    """Every line of the logits meets the label of the same time step and row, if both were flattened alike."""
    canvas = Canvas(7.5, "labels: every line of the logits meets the label of its own time step and row")
    lines, others = flattened(time_major=True), flattened(time_major=False)
    top = 5.3
    for n, ((t, b), (other_t, other_b)) in enumerate(zip(lines, others, strict=True)):
        y = top - n * _HEIGHT
        look: Look = {"line": _LINE, "fontsize": SMALL_SIZE} | _LOOKS[t]
        other: Look = {"line": _LINE, "fontsize": SMALL_SIZE} | _LOOKS[other_t]
        canvas.note(1.95, y + _HEIGHT / 2, f"t = {t}, b = {b}", ha="right", color=MUTED)
        for s in range(UNITS):
            canvas.box((2.1 + s * _WIDTH, y), (_WIDTH, _HEIGHT), **look)
        for c in range(CLASSES):
            canvas.box((8.75 + c * _WIDTH, y), (_WIDTH, _HEIGHT), **look)
        canvas.arrow((10.1, y + _HEIGHT / 2), (10.8, y + _HEIGHT / 2), arrowstyle="<|-|>")
        canvas.box((10.9, y), (1.4, _HEIGHT), f"y[{t}, {b}]", gid=f"label {n}", **look)
        canvas.box((15.0, y), (1.4, _HEIGHT), f"y[{other_t}, {other_b}]", gid=f"other {n}", **other)
        right = (t, b) == (other_t, other_b)
        sign, color = ("=", MUTED) if right else ("≠", VERMILLION)
        canvas.text(14.6, y + _HEIGHT / 2, sign, ha="center", color=color, weight="bold")
    _head(canvas, top)
    bottom = top - (len(lines) - 1) * _HEIGHT - 0.45
    for x, name, shape in (
        (2.1, "h, flat", "[T·B, S]"),
        (5.3, "V", "[S, C]"),
        (7.05, "d", "[C]"),
        (8.75, "logits", "[T·B, C]"),
        (10.9, "labels", "[T·B]"),
        (15.0, "labels, from [B, T]", "[B·T]"),
    ):
        canvas.note(x, bottom, name, weight="bold")
        canvas.note(x, bottom - 0.5, shape, color=MUTED)
    canvas.heading(2.1, 6.25, "linear head, all time steps and rows at once")
    canvas.heading(10.9, 6.25, "right")
    canvas.heading(14.45, 6.25, "wrong, and no error")
    canvas.axes.plot([13.6, 13.6], [1.7, 6.45], color=FAINT["edgecolor"], linewidth=1)
    canvas.note(2.1, 1.2, "loss: the cross-entropy of each line with its label, then the mean over all T·B lines")
    canvas.key([({**look, "line": _LINE}, f"time step {t}") for t, look in enumerate(_LOOKS)])
    return canvas.figure


def _head(canvas: Canvas, top: float) -> None:
    """The weights between the states and the logits."""
    middle = top - 2.5 * _HEIGHT
    look: Look = {"line": _LINE, "fill": PRODUCT}
    for c in range(CLASSES):
        for s in range(UNITS):
            canvas.box((5.3 + c * _WIDTH, middle + (1.5 - s) * _HEIGHT), (_WIDTH, _HEIGHT), **look)
        canvas.box((7.05 + c * _WIDTH, middle), (_WIDTH, _HEIGHT), **look)
    for x, sign in ((4.9, "×"), (6.78, "+"), (8.5, "=")):
        canvas.text(x, middle + _HEIGHT / 2, sign, ha="center", color=BLUE, weight="bold")
