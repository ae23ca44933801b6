"""Block: TensorFlow's own fused kernel runs one LSTM layer over all time steps, then the next layer.

    for l in 0 … L-1:  h_TBS, c_TBS = BlockLSTMV2(x_TBI, [W; U], b, h, c)     one operation for T steps

The kernel's gate order (i, f, g, o) is ours; it has no forget bias, so ours stays in the bias, and peepholes and
clipping are off. Its weight gradient is a product at each step. Stored for the backward pass, for each (layer, step,
batch row): 7·S values (i, f, o, g, c, tanh c, h). Graph size, tracing time and compile time depend on L only. Rows that
end early are computed to the end of the window; the state is then taken from their last step. A second derivative is
not defined.

`BlockLSTMGradV2`, the gradient that TensorFlow 2.21 registers, reads and writes gates in the order of the kernel's
first version (i, g, f, o) and is therefore wrong. Here the backward pass is the first version's gradient, with the
gates put in its order.

LSTM only, float32 or float16 only, and no XLA. Source: `tf.raw_ops.BlockLSTMV2`, `tf.raw_ops.BlockLSTMGrad`,
`tensorflow/core/kernels/rnn/lstm_ops.cc`.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from echo_rnn.core.cells.cell import CellWeights, StackState
from echo_rnn.core.cells.lstm import Lstm
from echo_rnn.core.unroll.window import Window


def block(
    cells: Sequence[Lstm], weights: Sequence[CellWeights], window: Window, state: StackState
) -> tuple[tf.Tensor, StackState]:
    """See `Unroll`."""
    h_TBS = window.x_TBI
    after = []
    for index, (layer, (h_BS, c_BS)) in enumerate(zip(weights, state, strict=True)):
        kernel = tf.concat([layer.kernel_IG, layer.recurrent_SG], axis=0)
        h_TBS, c_TBS = tf.custom_gradient(_layer)(h_TBS, kernel, layer.bias, h_BS, c_BS)
        after.append((window.last(h_TBS, h_BS), window.last(c_TBS, c_BS)))
        if index < len(window.masks):
            h_TBS = h_TBS * tf.stop_gradient(window.masks[index])
    return window.outputs(h_TBS), tuple(after)


def _layer(
    x_TBI: tf.Tensor, kernel: tf.Tensor, bias_G: tf.Tensor, h_BS: tf.Tensor, c_BS: tf.Tensor
) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable[..., tuple[tf.Tensor, ...]]]:
    """All time steps of one layer, `h_TBS` and `c_TBS`, and their gradient."""
    no_peephole_S = tf.zeros(h_BS.shape[1], x_TBI.dtype)
    shared = {
        "seq_len_max": tf.shape(x_TBI, tf.int64)[0],
        "x": x_TBI,
        "h_prev": h_BS,
        "cs_prev": c_BS,
        "wci": no_peephole_S,
        "wcf": no_peephole_S,
        "wco": no_peephole_S,
        "use_peephole": False,
    }
    run = tf.raw_ops.BlockLSTMV2(w=kernel, b=bias_G, cell_clip=0.0, **shared)

    def gradients(d_h_TBS: tf.Tensor, d_c_TBS: tf.Tensor) -> tuple[tf.Tensor, ...]:
        back = tf.raw_ops.BlockLSTMGrad(
            w=_swapped(kernel), b=_swapped(bias_G), **run._asdict(), h_grad=d_h_TBS, cs_grad=d_c_TBS, **shared
        )
        return back.x_grad, _swapped(back.w_grad), _swapped(back.b_grad), back.h_prev_grad, back.cs_prev_grad

    return (run.h, run.cs), gradients


def _swapped(gates: tf.Tensor) -> tf.Tensor:
    """Gates i, f, g, o as i, g, f, o, and the other way round."""
    i, second, third, o = tf.split(gates, 4, axis=-1)
    return tf.concat([i, third, second, o], axis=-1)
