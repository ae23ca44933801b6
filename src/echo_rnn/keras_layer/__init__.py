"""A Keras layer around every unrolling strategy: `Unrolled` replaces one `keras.layers.LSTM`, or a stack.

    keras.layers.LSTM(64, return_sequences=True)      →      Unrolled(64, unroll="wavefront", return_sequences=True)

Its weights are those of Keras's own cells, so initializers, regularizers, saving and the order of the weights are
Keras's. `LSTMCell`, `GRUCell` and `SimpleRNNCell` with the activations that are their defaults are computed by the
cells of this package, under any strategy; every other cell is run as it is, under the strategies that run whole steps.

In mixed precision (`dtype="mixed_bfloat16"`) the matrix products are done in bfloat16 and the state is carried in
float32, from step to step and, where it is `stateful`, from batch to batch; Keras's own layers carry it in bfloat16.
"""

from echo_rnn.keras_layer.layer import Unrolled

__all__ = ["Unrolled"]
