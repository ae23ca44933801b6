"""How the layers lie side by side in a wave: in columns where they are small, stacked where they are not."""

from collections.abc import Sequence

from echo_rnn.core.unroll.columns import Columns
from echo_rnn.core.unroll.stacked import Stacked
from echo_rnn.core.unroll.waves import StackableCell, Waves
from echo_rnn.core.unroll.window import Window

# Up to so many units and inputs columns are faster, whatever the rows and layers.
_SMALL = 8


def waves_of(cells: Sequence[StackableCell], window: Window) -> Waves:
    """The waves of a window in the layout that suits the size of its layers."""
    stacked = Stacked(cells, window)
    small = max(stacked.features, stacked.cell.units) <= _SMALL
    known = isinstance(window.steps, int) and isinstance(window.rows, int)
    return Columns(cells, window) if small and known else stacked
