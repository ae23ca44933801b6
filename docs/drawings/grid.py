"""The layer × time grid itself: what a cell needs, what a window carries, and where the gradient stops."""

from matplotlib.figure import Figure

from drawings.canvas import EMPTY, FAINT, OWN, STORED_FILL, Canvas
from echo_rnn.plots.style import BLUE, VERMILLION, styled

_LAYERS, _STEPS = 3, 5
_LEFT, _BOTTOM = 5.3, 2.5
_COLUMN, _ROW = 2.05, 1.4
_SIZE = (0.9, 0.75)


@styled()
def grid() -> Figure:
    """One window of a stack of layers, and the edges of its neighbours."""
    canvas = Canvas(8.5, "The grid: layers upwards, time to the right")
    for layer in range(_LAYERS):
        canvas.note(0.3, _middle(layer, 0)[1], f"layer {layer}")
        for t in range(_STEPS):
            _cell(canvas, layer, t)
        _state(canvas, layer)
    for t in range(_STEPS):
        x = _middle(0, t)[0]
        canvas.note(x, _BOTTOM - 0.75, f"x[{t}]", ha="center")
        canvas.arrow((x, _BOTTOM - 0.5), (x, _BOTTOM))
        top = _corner(_LAYERS - 1, t)[1] + _SIZE[1]
        canvas.arrow((x, top), (x, top + 0.5))
        canvas.note(x, top + 0.75, f"h[{t}]", ha="center")
    canvas.note(0.3, _BOTTOM - 0.75, "input of the window")
    canvas.note(0.3, _corner(_LAYERS - 1, 0)[1] + _SIZE[1] + 0.75, "output, to the head")
    for boundary, name, side in ((0, "the window before", "right"), (_STEPS, "the next window", "left")):
        x = _LEFT + _COLUMN * boundary - (_COLUMN - _SIZE[0]) / 2
        canvas.axes.plot([x, x], [1.4, 7.4], "--", color=VERMILLION, linewidth=1.6, zorder=1)
        canvas.note(x + (0.15 if side == "left" else -0.15), 7.25, name, ha=side, color=VERMILLION)
    needs = "Cell 1, 2 needs the output of layer 0 at step 2 and the state of layer 1 after step 1."
    canvas.note(0.3, 0.85, needs, color=BLUE)
    crosses = "The state crosses from one window to the next, the gradient does not: that is truncated backpropagation."
    canvas.note(0.3, 0.4, crosses, color=VERMILLION)
    return canvas.figure


def _corner(layer: int, t: float) -> tuple[float, float]:
    return _LEFT + _COLUMN * t, _BOTTOM + _ROW * layer


def _middle(layer: int, t: float) -> tuple[float, float]:
    x, y = _corner(layer, t)
    return x + _SIZE[0] / 2, y + _SIZE[1] / 2


def _cell(canvas: Canvas, layer: int, t: int) -> None:
    chosen = (layer, t) == (1, 2)
    needed = (layer, t) in ((0, 2), (1, 1))
    fill = STORED_FILL if chosen else EMPTY
    x, y = _corner(layer, t)
    canvas.box((x, y), _SIZE, f"{layer}, {t}", line=OWN if chosen or needed else FAINT, fill=fill)
    bold = {"color": BLUE, "linewidth": 2.4} if (layer, t) == (1, 1) else {}
    canvas.arrow((x + _SIZE[0], y + _SIZE[1] / 2), (x + _COLUMN, y + _SIZE[1] / 2), **bold)
    if layer < _LAYERS - 1:
        bold = {"color": BLUE, "linewidth": 2.4} if (layer, t) == (0, 2) else {}
        canvas.arrow((x + _SIZE[0] / 2, y + _SIZE[1]), (x + _SIZE[0] / 2, y + _ROW), **bold)


def _state(canvas: Canvas, layer: int) -> None:
    """The arrow that brings the state of a layer into the window."""
    x, y = _middle(layer, 0)
    canvas.arrow((x - _SIZE[0] / 2 - (_COLUMN - _SIZE[0]), y), (x - _SIZE[0] / 2, y))
    canvas.note(x - _COLUMN + 0.35, y, f"state[{layer}]", ha="right")
