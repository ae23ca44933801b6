"""The sheet that all drawings of a strategy share: left what stands in the graph, right the layer × time grid."""

from collections.abc import Iterator, Sequence

from drawings.canvas import AGAIN, EMPTY, FAINT, OWN, SMALL_SIZE, STORED_FILL, Canvas
from drawings.orders import Grid, Walk
from echo_rnn.plots.style import BLUE, MUTED, Look

LAYERS, STEPS = 3, 9

GRAPH_X, GRID_X = 1.7, 7.4
WIDTH, HEIGHT = 0.83, 0.8
COLUMN = 0.95

Entry = tuple[Look, str]
ORDER: Entry = ({"text": "7", "line": FAINT, "fill": EMPTY}, "order of work")
BOX: Entry = ({"fill": EMPTY}, "a box of the graph")
SAME: Entry = ({"fill": EMPTY, "line": AGAIN}, "same box, later iteration")
STORED: Entry = ({"line": FAINT}, "values stored for the backward pass")


class Sheet:
    """A canvas with grids one above the other; layers stand in rows, from the bottom up."""

    def __init__(
        self, title: str, *, grids: int = 1, pitch: float = 1.0, above: float = 1.0, below: float = 0.0
    ) -> None:
        """An empty sheet.

        Args:
            title: Stands at the top.
            grids: How many grids there are.
            pitch: From one layer to the next, in units.
            above: From the highest layer to the headings.
            below: Room between the lowest layer and the time axis.
        """
        self.pitch = pitch
        self.above = above
        self.below = below
        self.gaps = (0.0,) * STEPS
        self._grids = grids
        self._block = pitch * (LAYERS - 1) + HEIGHT + above + below + 1.4
        self.canvas = Canvas(grids * self._block + 1.5, title)
        self.bottom = 0.0

    def use(self, grid: int, graph: str, walk: str) -> None:
        """What is drawn next belongs to this grid, counted from the top.

        Args:
            grid: Which one.
            graph: The heading of the left half.
            walk: The heading of the right half.
        """
        self.bottom = 1.55 + self.below + (self._grids - 1 - grid) * self._block
        for layer in range(LAYERS):
            self.canvas.note(0.3, self.y(layer) + HEIGHT / 2, f"layer {layer}")
        self.canvas.heading(GRAPH_X, self.top + self.above, graph)
        self.canvas.heading(GRID_X, self.top + self.above, walk)
        for t in range(STEPS):
            self.canvas.note(self.x(t), self.bottom - self.below - 0.32, str(t), ha="center", color=MUTED)
        self.canvas.note(self.x(0) - 0.7, self.bottom - self.below - 0.32, "time step", ha="right", color=MUTED)

    def x(self, t: int) -> float:
        """The middle of a time step's column, also of one outside the window."""
        gap = self.gaps[t] if 0 <= t < STEPS else 0.0
        return GRID_X + COLUMN * (t + 0.5) + gap

    def y(self, layer: int) -> float:
        """The lower edge of a layer's cells."""
        return self.bottom + self.pitch * layer

    @property
    def top(self) -> float:
        """The upper edge of the highest layer's cells."""
        return self.y(LAYERS - 1) + HEIGHT

    @property
    def left(self) -> float:
        """The left edge of the grid."""
        return self.x(0) - WIDTH / 2

    @property
    def right(self) -> float:
        """The right edge of the grid."""
        return self.x(STEPS - 1) + WIDTH / 2

    def grid(self, walk: Walk, fill: str = STORED_FILL) -> None:
        """Every cell with its place in the order of work; solid where its box is first used."""
        first = {int(box): int(walk.order_LT[walk.box_LT == box].min()) for box in set(walk.box_LT.flat)}
        for layer, t, place in cells(walk.order_LT):
            line = OWN if place == first[int(walk.box_LT[layer, t])] else AGAIN
            corner = (self.x(t) - WIDTH / 2, self.y(layer))
            self.canvas.box(corner, (WIDTH, HEIGHT), str(place), line=line, fill=fill, gid=f"cell {layer} {t}")

    def turns(self, turn_T: Sequence[int], label: str) -> None:
        """Brackets over the time steps of each turn of a loop; steps with turn 0 are in none."""
        y = self.top + 0.2
        for turn in sorted({turn for turn in turn_T if turn > 0}):
            steps = [t for t in range(STEPS) if turn_T[t] == turn]
            self.canvas.bracket(self.x(steps[0]) - WIDTH / 2, self.x(steps[-1]) + WIDTH / 2, y, str(turn))
        self.canvas.note(self.left - 0.2, y + 0.27, label, ha="right", color=BLUE)

    def boxes(self, x: float, columns: int = 1, width: float = WIDTH, gap: float = 0.12) -> None:
        """Boxes of the graph from `x` on: `columns` of them for each layer."""
        for layer in range(LAYERS):
            for column in range(columns):
                self.canvas.box((x + column * (width + gap), self.y(layer)), (width, HEIGHT), fill=EMPTY)

    def loop(self, x: float, width: float, turns: str, margin: float = 0.12) -> None:
        """A frame around boxes of all layers."""
        height = self.top - self.bottom + 2 * margin + 0.06
        self.canvas.loop((x, self.bottom - margin), (width, height), turns)

    def layer_loops(self, x: float, turns: str) -> None:
        """For each layer a box in a frame of its own."""
        for layer in range(LAYERS):
            y = self.y(layer)
            self.canvas.box((x + 0.12, y + 0.1), (WIDTH, HEIGHT - 0.24), fill=EMPTY)
            self.canvas.loop((x, y), (WIDTH + 0.24, HEIGHT - 0.02))
            self.canvas.note(x + WIDTH + 0.42, y + HEIGHT / 2, turns, color=BLUE)

    def count(self, text: str) -> None:
        """A remark below the graph."""
        self.canvas.note(GRAPH_X, self.bottom - self.below - 0.32, text)

    def waves(self, walk: Walk) -> None:
        """Every wave as one slanted column, with the cells that stand outside the grid and do nothing."""
        places = {(layer, t): place for layer, t, place in cells(walk.order_LT)}
        for wave in range(LAYERS + STEPS - 1):
            points = [(self.x(wave - layer), self.y(layer) + HEIGHT / 2) for layer in range(LAYERS)]
            numbers = [places.get((layer, wave - layer)) for layer in range(LAYERS)]
            self.canvas.capsule(points[0], points[-1], 0.58, OWN if 1 in numbers else AGAIN)
            for layer, ((x, y), number) in enumerate(zip(points, numbers, strict=True)):
                if number is None:
                    self.canvas.axes.plot(x, y, "o", color=MUTED, markerfacecolor=EMPTY, markersize=4)
                else:
                    where = f"cell {layer} {wave - layer}"
                    self.canvas.text(x, y, str(number), ha="center", va="center_baseline", gid=where)

    def wave_graph(self, turns: str) -> None:
        """The one box of a wave in its loop."""
        words = "all\nlayers\nat once"
        size = (1.2, self.top - self.bottom)
        self.canvas.box((GRAPH_X + 0.12, self.bottom), size, words, fill=EMPTY, fontsize=SMALL_SIZE)
        self.loop(GRAPH_X, 1.44, turns)


def cells(order_LT: Grid) -> Iterator[tuple[int, int, int]]:
    """Layer, time step and place of each cell."""
    for layer, order_T in enumerate(order_LT.tolist()):
        for t, place in enumerate(order_T):
            yield layer, t, place
