"""One drawing for each strategy, from its computed order of work."""

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from drawings import orders
from drawings.canvas import AGAIN, EMPTY, FAINT, OWN, PRODUCT, SMALL_SIZE, STORED_FILL
from drawings.orders import Walk
from drawings.sheet import (
    BOX,
    COLUMN,
    GRAPH_X,
    HEIGHT,
    LAYERS,
    ORDER,
    SAME,
    STEPS,
    STORED,
    WIDTH,
    Entry,
    Sheet,
    cells,
)
from echo_rnn.plots.style import MUTED, styled

_BODY = 4

_TOGETHER: Entry = (ORDER[0], "order, equal: at once")
_IDLE: Entry = ({"text": "○", "line": FAINT, "fill": EMPTY, "color": MUTED}, "idle")
_PRODUCT: Entry = ({"fill": PRODUCT}, "a product over all steps at once")


def static() -> Figure:
    """Every cell a box of its own."""
    walk = orders.static(LAYERS, STEPS)
    sheet = Sheet("static: every time step written out", above=0.5)
    sheet.use(0, "in the graph", "order of work")
    sheet.boxes(GRAPH_X, STEPS, width=0.36, gap=0.1)
    sheet.count(f"L·T = {walk.boxes} boxes, no loop")
    sheet.grid(walk)
    sheet.canvas.key([ORDER, BOX, STORED])
    return sheet.canvas.figure


def dynamic() -> Figure:
    """One time step that moves."""
    walk = orders.dynamic(LAYERS, STEPS)
    sheet = Sheet("dynamic: one time step in a loop")
    sheet.use(0, "in the graph", "order of work")
    sheet.boxes(GRAPH_X + 0.2)
    sheet.loop(GRAPH_X, WIDTH + 0.4, f"{STEPS} iterations")
    sheet.count(f"L = {walk.boxes} boxes, whatever T is")
    sheet.grid(walk)
    sheet.turns(walk.turn_LT[0].tolist(), "iteration of the loop")
    sheet.canvas.key([ORDER, BOX, SAME, STORED])
    return sheet.canvas.figure


def partial() -> Figure:
    """A remainder, then k time steps that move."""
    walk = orders.partial(LAYERS, STEPS, _BODY)
    sheet = Sheet(f"partial: k = {_BODY} time steps in a loop, the remainder before it")
    sheet.use(0, "in the graph", "order of work")
    sheet.boxes(GRAPH_X, STEPS % _BODY, width=0.5)
    sheet.boxes(GRAPH_X + 1.0, _BODY, width=0.5)
    sheet.loop(GRAPH_X + 0.8, 2.76, f"{walk.turn_LT.max()} iterations")
    sheet.count(f"L·(T mod k + k) = {walk.boxes} boxes")
    sheet.grid(walk)
    sheet.turns(walk.turn_LT[0].tolist(), "iteration of the loop")
    sheet.canvas.key([ORDER, BOX, SAME, STORED])
    return sheet.canvas.figure


def wavefront() -> Figure:
    """Slanted columns, each one operation."""
    walk = orders.wavefront(LAYERS, STEPS)
    sheet = Sheet("wavefront: all layers at once, each one time step behind the one below it")
    sheet.use(0, "in the graph", "order of work")
    sheet.wave_graph(f"{walk.last} iterations")
    sheet.count("1 box, T+L-1 iterations")
    sheet.waves(walk)
    sheet.canvas.key([_TOGETHER, BOX, SAME, _IDLE])
    return sheet.canvas.figure


def wavefront_deferred() -> Figure:
    """The same forward; backward the waves in reverse and one product at the end."""
    walk = orders.wavefront(LAYERS, STEPS)
    sheet = Sheet("wavefront_deferred: waves both ways, weight gradients after the loop", grids=2)
    sheet.use(0, "in the graph", "forward")
    sheet.wave_graph(f"{walk.last} iterations")
    sheet.waves(walk)
    sheet.use(1, "in the graph", "backward")
    sheet.wave_graph(f"{walk.last} iterations")
    size = (1.3, sheet.top - sheet.bottom)
    sheet.canvas.box((GRAPH_X + 1.75, sheet.bottom), size, f"{walk.last + 1}\n\ndW, dU", fill=PRODUCT)
    sheet.waves(walk.backward())
    sheet.canvas.key([_TOGETHER, BOX, SAME, _IDLE, (_PRODUCT[0], "product")])
    return sheet.canvas.figure


def deferred() -> Figure:
    """Layer by layer; products over all steps before the loops, and after them on the backward pass."""
    walk = orders.deferred(LAYERS, STEPS)
    sheet = Sheet("deferred: input products before the loop, weight gradients after it", grids=2, pitch=1.6, below=0.6)
    sheet.use(0, "in the graph", "forward")
    _deferred(sheet, walk, "xW + b", f"xW + b for all {STEPS} time steps")
    sheet.turns(walk.turn_LT[0].tolist(), "iteration of each loop")
    sheet.use(1, "in the graph", "backward")
    back = walk.backward()
    _deferred(sheet, back, "dW, dU, dx", f"dW, dU and dx from all {STEPS} time steps")
    sheet.turns(back.turn_LT[0].tolist(), "iteration of each loop")
    sheet.canvas.key([ORDER, BOX, SAME, _PRODUCT])
    return sheet.canvas.figure


def _deferred(sheet: Sheet, walk: Walk, short: str, long: str) -> None:
    sheet.layer_loops(GRAPH_X + 0.37, f"{STEPS} iterations")
    for layer, place in enumerate(walk.product_L):
        y = sheet.y(layer) - 0.6
        sheet.canvas.box((GRAPH_X, y), (1.8, 0.4), short, fill=PRODUCT, fontsize=SMALL_SIZE)
        size = (sheet.right - sheet.left, 0.4)
        sheet.canvas.box((sheet.left, y), size, long, fill=PRODUCT, fontsize=SMALL_SIZE)
        sheet.canvas.text(sheet.left + WIDTH / 2, y + 0.2, str(place), ha="center", va="center_baseline")
    sheet.grid(walk)


def block() -> Figure:
    """One operation for all time steps of a layer."""
    walk = orders.layer_by_layer(LAYERS, STEPS)
    sheet = Sheet("block: one fused operation for all time steps of a layer", above=0.5)
    sheet.use(0, "in the graph", "order of work")
    for layer in range(LAYERS):
        y = sheet.y(layer)
        sheet.canvas.box((GRAPH_X, y), (2.6, HEIGHT), "BlockLSTMV2", fill=EMPTY, fontsize=SMALL_SIZE)
        sheet.canvas.box((sheet.left, y), (sheet.right - sheet.left, HEIGHT))
        for t in range(1, STEPS):
            x = sheet.x(t) - COLUMN / 2
            sheet.canvas.axes.plot([x, x], [y + 0.15, y + HEIGHT - 0.15], ":", color=MUTED, linewidth=1, zorder=3)
    for layer, t, place in cells(walk.order_LT):
        where = (sheet.x(t), sheet.y(layer) + HEIGHT / 2)
        sheet.canvas.text(*where, str(place), ha="center", va="center_baseline", gid=f"cell {layer} {t}")
    sheet.count(f"L = {walk.boxes} boxes, no loop")
    sheet.canvas.key([ORDER, BOX, STORED])
    return sheet.canvas.figure


def keras() -> Figure:
    """Layer by layer, each a loop or written out."""
    sheet = Sheet("keras: Keras's own layers, one after the other", grids=2)
    looped = orders.layer_by_layer(LAYERS, STEPS)
    sheet.use(0, "in the graph, unroll: false", "order of work")
    sheet.layer_loops(GRAPH_X, f"{STEPS} iterations")
    sheet.count(f"L = {looped.boxes} boxes, L loops")
    sheet.grid(looped)
    sheet.turns(looped.turn_LT[0].tolist(), "iteration of each loop")
    unrolled = orders.layer_by_layer(LAYERS, STEPS, unrolled=True)
    sheet.use(1, "in the graph, unroll: true", "order of work")
    sheet.boxes(GRAPH_X, STEPS, width=0.36, gap=0.1)
    sheet.count(f"L·T = {unrolled.boxes} boxes, no loop")
    sheet.grid(unrolled)
    sheet.canvas.key([ORDER, BOX, SAME, STORED])
    return sheet.canvas.figure


def checkpointed() -> Figure:
    """Only the states before the segments are stored; the backward pass runs each segment again."""
    cut = orders.segments(STEPS)
    title = f"checkpointed: stores the state before each segment of k = {len(cut[0])} time steps"
    sheet = Sheet(title, grids=2, pitch=1.25, above=1.15, below=0.3)
    segment_T = [number for number, segment in enumerate(cut) for _ in segment]
    sheet.gaps = tuple(0.3 * number for number in segment_T)
    turns = f"{len(cut)} iterations"
    sheet.use(0, "in the graph", "forward")
    sheet.boxes(GRAPH_X + 0.45)
    sheet.loop(GRAPH_X + 0.22, WIDTH + 0.46, "")
    sheet.loop(GRAPH_X, WIDTH + 0.9, turns, margin=0.3)
    sheet.count(f"L = {LAYERS} boxes, whatever T is")
    sheet.grid(orders.dynamic(LAYERS, STEPS), fill=EMPTY)
    _states(sheet, cut)
    sheet.turns([number + 1 for number in segment_T], "outer iteration")
    sheet.use(1, "in the graph", "backward")
    for part, hatch in enumerate((_AGAIN_HATCH, None)):
        x = GRAPH_X + 0.45 + part * (WIDTH + 0.65)
        for layer in range(LAYERS):
            sheet.canvas.box((x, sheet.y(layer)), (WIDTH, HEIGHT), fill=EMPTY, hatch=hatch)
        sheet.loop(x - 0.23, WIDTH + 0.46, "")
    sheet.loop(GRAPH_X, 2 * WIDTH + 1.55, turns, margin=0.3)
    sheet.count(f"2·L = {2 * LAYERS} boxes, whatever T is")
    _again_and_backward(sheet)
    _states(sheet, cut)
    sheet.turns([len(cut) - number for number in segment_T], "outer iteration")
    again: Entry = ({"hatch": _AGAIN_HATCH, "line": FAINT}, "run again")
    sheet.canvas.key([ORDER, BOX, SAME, again, ({"line": FAINT}, "stored")])
    return sheet.canvas.figure


_AGAIN_HATCH = "////"


def _again_and_backward(sheet: Sheet) -> None:
    """Every cell in two halves: above its place when it is run again, below its place in the backward pass."""
    again_LT, backward_LT = orders.checkpointed_backward(LAYERS, STEPS)
    for name, order_LT, lift, fill, hatch in (
        ("again", again_LT, 0.32, STORED_FILL, _AGAIN_HATCH),
        ("backward", backward_LT, -0.16, EMPTY, None),
    ):
        start = order_LT.min(axis=1)
        for layer, t, place in cells(order_LT):
            corner = (sheet.x(t) - WIDTH / 2, sheet.y(layer) + lift)
            line = OWN if place == start[layer] else AGAIN
            sheet.canvas.box(
                corner, (WIDTH, 0.48), str(place), line=line, fill=fill, hatch=hatch, gid=f"{name} {layer} {t}"
            )


def _states(sheet: Sheet, cut: list[range]) -> None:
    """The states before each segment."""
    for segment in cut:
        for layer in range(LAYERS):
            x = sheet.x(segment.start) - WIDTH / 2 - 0.29
            sheet.canvas.box((x, sheet.y(layer)), (0.18, HEIGHT), fill=STORED_FILL)


STRATEGIES: Mapping[str, Callable[[], Figure]] = {
    draw.__name__: styled()(draw)
    for draw in (static, dynamic, partial, wavefront, deferred, wavefront_deferred, block, keras, checkpointed)
}
