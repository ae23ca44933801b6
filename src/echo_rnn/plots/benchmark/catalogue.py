"""Every picture of a benchmark, in the order in which a report shows them, with how to read it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from echo_rnn.benchmark.report.results import ShapeResult
from echo_rnn.plots.benchmark.crossover import crossover
from echo_rnn.plots.benchmark.factor import unroll_factor
from echo_rnn.plots.benchmark.memory import memory
from echo_rnn.plots.benchmark.overview import overview
from echo_rnn.plots.benchmark.payoff import payoff
from echo_rnn.plots.benchmark.preparation import preparation
from echo_rnn.plots.benchmark.speedup import speedup


class Picture(NamedTuple):
    """One kind of picture.

    Attributes:
        name: Of its file, without the suffix.
        title: What it shows.
        reading: How to read it.
        draw: Draws it, or says with `None` that there is nothing to draw.
    """

    name: str
    title: str
    reading: str
    draw: Callable[[Sequence[ShapeResult]], Figure | None]


PICTURES = (
    Picture(
        "overview",
        "All strategies side by side",
        "Left: median time of a training step (forward, backward, update); the shorter the better, the fastest on "
        "top, dynamic in black. Middle: how many times faster than dynamic, with the 95 % interval of pairs measured "
        "right after each other; a filled circle is faster, a square slower, an open diamond shows no difference. The "
        "grey band is dynamic against itself: what lies within it is noise. Right: what the first call is made of.",
        overview,
    ),
    Picture(
        "speedup",
        "Speed-up over dynamic",
        "Time of a training step of dynamic over that of the strategy, on a logarithmic scale: above the black line "
        "the strategy is faster. Bars are 95 % intervals. The grey band is dynamic against itself: what lies within it "
        "is noise. Lines are moved a little sideways so that their bars do not hide each other.",
        speedup,
    ),
    Picture(
        "crossover",
        "Static or dynamic: where the winner changes",
        "Each cell is one shape and names the faster of static and dynamic, how many times faster it is, and the "
        "95 % interval of that. Dark cells are twice or more. A hatched cell says that the measurement shows no "
        "difference; its numbers are the speed-up of static.",
        crossover,
    ),
    Picture(
        "payoff",
        "First call against steady state",
        "How many times faster than dynamic a whole run is, the first call (trace, compile, one step) counted, against "
        "the number of its training steps. A strategy that takes long to get ready starts low and ends at its steady "
        "speed-up; where it crosses the black line (ring) it has caught up. The small numbers at the upper edge say "
        "how long dynamic takes for so many steps. Of a large sweep a choice of shapes is shown.",
        payoff,
    ),
    Picture(
        "unroll_factor",
        "How far to unroll",
        "Speed-up of partial<k> over dynamic, with 95 % intervals, against the number k of time steps that the body of "
        "the loop holds; both axes are logarithmic. The ends are dynamic (k = 1) and static (k = T, a square); a k "
        "beyond T is static and is left out.",
        unroll_factor,
    ),
    Picture(
        "memory",
        "Peak memory",
        "Marks: by how much training steps raised the peak memory of a process that ran nothing but that strategy. "
        "Lines: the activations that it has to keep for the way back, by formula; strategies that keep the same share "
        "a line. Where marks stay level above the lines, what the libraries need for themselves outweighs them. Both "
        "axes are logarithmic; marks are moved a little sideways; a measured 0 is drawn at one page, 4 KiB.",
        memory,
    ),
    Picture(
        "preparation",
        "Before the first step: trace, compile, graph",
        "Time to trace the Python code to a graph, time to make an executable of it, and the graph's operations; all "
        "axes are logarithmic. There is a line for each number of units and rows. As a graph, these make no "
        "difference, and how far lines of one strategy lie apart is noise; XLA may make other routines of other sizes.",
        preparation,
    ),
)
