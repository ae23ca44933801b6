"""A comparison in words and as a table."""

from collections.abc import Sequence

from echo_rnn.benchmark.report.page import Row
from echo_rnn.benchmark.report.words import seconds, speedup
from echo_rnn.peers.results import Comparison, Standing

NOTHING = "–"
_FOR_EACH = {"steps": "", "process": " for each training step"}


def named(comparison: Comparison) -> str:
    """What was compared, with the shape in the letters of the axes."""
    shape = comparison.shape
    letters = f"B={shape.batch_size}, T={shape.window}, S={shape.units}, L={shape.layers}"
    return f"whole process of {comparison.trained}, {letters}" if comparison.work == "process" else letters


def table(comparisons: Sequence[Comparison]) -> list[Row]:
    """A line for each shape and contestant."""
    return [_row(comparison, standing) for comparison in comparisons for standing in comparison.standings]


def sentences(comparison: Comparison) -> str:
    """Our best at one shape, and how far the others are from it."""
    best = next(each for each in comparison.standings if each.entry.name == comparison.best)
    others = [each for each in comparison.standings if not each.entry.is_ours and each.ratio]
    compared = "; ".join(f"{each.entry.name} {speedup(each.ratio)}" for each in others if each.ratio)
    took = seconds(best.step_seconds or 0.0)
    what = "a training step of ours" if comparison.work == "steps" else "ours with all it starts and writes"
    return (
        f"{named(comparison)}: {what}, {comparison.best}, takes {took}{_FOR_EACH[comparison.work]}. "
        f"Times of the others over it: {compared or 'none was timed'}."
    )


def _row(comparison: Comparison, standing: Standing) -> Row:
    entry, ratio = standing.entry, standing.ratio
    shown = NOTHING if ratio is None else speedup(ratio)
    return {
        "contestant": entry.name,
        "shape": named(comparison),
        "training step": NOTHING if standing.step_seconds is None else seconds(standing.step_seconds),
        "of our best's": "our best" if entry.name == comparison.best else shown,
        "threads": str(entry.threads),
        "first losses after": NOTHING if entry.first_seconds is None else seconds(entry.first_seconds),
        "library": entry.version or NOTHING,
        "trouble": entry.trouble or NOTHING,
    }
