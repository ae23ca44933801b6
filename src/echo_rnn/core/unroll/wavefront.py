"""Wavefront: layer l at time w-l for all layers at once, T + L - 1 waves in place of T·L cells.

    for w in 0 … T+L-2:
        x[0] = input[w],  x[l] = h[l-1] of wave w-1
        h, state = cell(x, state)                  one batched cell with a leading layer axis
        layers whose time w-l is not in 0 … T-1 keep their state

    layer 2        0 1 2 3          the number in the grid is the wave;
    layer 1      0 1 2 3 .          what stands in one column of the
    layer 0    0 1 2 3 . .          slanted picture is computed together

Stored for the backward pass, for each (layer, step, batch row): the same values as dynamic unrolling, about 8·S for an
LSTM of the largest size, and L·(L-1) idle cells more. With small layers the batched product is written as
multiply-and-reduce, so that XLA fuses a wave into a few loops. Graph size, tracing time and compile time do not depend
on T and hardly on L. Cells must be of one kind; sizes may differ (see `waves`).

Sources: Appleyard et al. 2016, section 3.3; Lamport 1974, "The Parallel Execution of DO Loops", for the idea.
"""

from collections.abc import Sequence

import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, StackState, State
from echo_rnn.core.unroll.columns import Columns
from echo_rnn.core.unroll.scan import reader, scan
from echo_rnn.core.unroll.waves import StackableCell, Waves
from echo_rnn.core.unroll.window import Window, keep_ended

# Up to so many units and inputs columns are faster, whatever the batch size and the number of layers.
_SMALL = 8


def waves_of(cells: Sequence[StackableCell], window: Window) -> Waves:
    """The waves of a window in the layout that suits its layers: columns where they are small, else stacked."""
    waves = Waves(cells, window)
    small = max(waves.features, waves.cell.units) <= _SMALL
    known = isinstance(window.steps, int) and isinstance(window.batch_size, int)
    return Columns(cells, window) if small and known else waves


def wavefront(
    cells: Sequence[StackableCell], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """See `Unroll`."""
    waves = waves_of(cells, window)
    cell, stacked, masks = waves.cell, waves.stack_weights(weights), waves.masks()
    read_x = reader(waves.inputs(), waves.count)

    def one_wave(w: tf.Tensor, state: State) -> tuple[State, list[tf.Tensor]]:
        z = cell.project(stacked, waves.layer_inputs(read_x(w), state[0], None if masks is None else masks[w]))
        _, after = cell.recur(stacked, z, state)
        after = keep_ended(waves.active(w), after, state)
        return after, [waves.top(after[0])]

    final, (top_W,) = scan(one_wave, waves.stack_state(state), [waves.writer()], waves.count, end=waves.last)
    return waves.outputs(top_W), waves.unstack_state(final)
