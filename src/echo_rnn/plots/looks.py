"""How each strategy is drawn: the same in all pictures, told apart by marker, dashes and filling as well as by colour.

Strategies of one kind share a colour: unrolled ones, loops, waves, Keras' layers, `partial<k>`.
"""

from collections.abc import Iterable, Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from echo_rnn.core.strategies import find_strategy
from echo_rnn.plots.style import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SKY, VERMILLION, WIDTH, Look

_BROWN = "#7f4f24"
Dashes = str | tuple[int, tuple[float, ...]]

_LOOKS: dict[str, tuple[str, str, Dashes, bool]] = {  # colour, marker, dashes, filled
    "dynamic": (INK, "o", "-", True),
    "static": (VERMILLION, "s", "-", True),
    "wavefront": (GREEN, "^", "-", True),
    "deferred": (BLUE, "D", "--", True),
    "wavefront_deferred": (GREEN, "v", "--", False),
    "block": (_BROWN, "h", "-.", True),
    "checkpointed": (SKY, "X", "-.", True),
    "dynamic_rnn": (MUTED, "o", ":", False),
    "static_rnn": (VERMILLION, "s", ":", False),
    "keras": (PURPLE, "P", "-", True),
    "keras_unrolled": (PURPLE, "P", ":", False),
}
_NUMBERED = {"partial": (ORANGE, True), "checkpointed": (SKY, False)}
_MARKERS = ("<", ">", "d", "p", "*", "8")  # by the number
_DASHES: tuple[Dashes, ...] = ("--", "-.", ":", (0, (5, 1)), (0, (1, 1)), "-")  # by its size
_OTHERS: tuple[tuple[str, str, Dashes], ...] = (  # what is no strategy of the table, in its order
    (SKY, "v", ":"),
    (ORANGE, "s", "--"),
    (GREEN, "^", "-."),
    (BLUE, "D", "-"),
    (VERMILLION, "P", (0, (5, 1))),
    (INK, "o", "--"),
    (PURPLE, "X", "--"),
    (MUTED, "H", "-"),
)


def looks(labels: Iterable[str]) -> dict[str, Look]:
    """A look for each of `labels`, in their order, none twice as long as there are enough."""
    found: dict[str, Look] = {}
    others = 0
    for label in dict.fromkeys(labels):
        known = find_strategy(label)
        if label in _LOOKS:
            found[label] = _look(*_LOOKS[label])
        elif known and known.strategy.name in _NUMBERED:
            color, filled = _NUMBERED[known.strategy.name]
            number = known.option
            dashes = _DASHES[number.bit_length() % len(_DASHES)]
            found[label] = _look(color, _MARKERS[number % len(_MARKERS)], dashes, filled)
        else:
            found[label] = _look(*_OTHERS[others % len(_OTHERS)])
            others += 1
    return found


def legend(figure: Figure, shown: dict[str, Look], extra: Sequence[Line2D] = ()) -> None:
    """One legend below the whole figure."""
    handles = [Line2D([], [], label=shorten(label, 40), **look) for label, look in shown.items()]
    every = [*handles, *extra]
    longest = max(len(str(handle.get_label())) for handle in every)
    columns = max(1, min(5, int(WIDTH / (0.7 + 0.07 * longest))))
    figure.legend(handles=every, loc="outside lower center", ncols=columns, columnspacing=1.6, handlelength=3.2)


def shorten(label: str, most: int) -> str:
    """A label that fits, and that matplotlib takes as it is: a dollar sign would start a formula."""
    short = label if len(label) <= most else label[: most - 1] + "…"
    return short.replace("$", r"\$").lstrip("_") or "?"


def _look(color: str, marker: str, dashes: Dashes, filled: bool = True) -> Look:
    return {
        "color": color,
        "marker": marker,
        "linestyle": dashes,
        "markersize": 6,
        "markerfacecolor": color if filled else "white",
        "markeredgecolor": color,
        "markeredgewidth": 1.2,
        "linewidth": 1.6,
    }
