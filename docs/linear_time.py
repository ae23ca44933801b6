"""TensorFlow's loops under XLA: the time of a training step grows with the square of the number of time steps.

    python docs/linear_time.py [T ...]

For each T it prints the microseconds for each time step of three programs that compute one LSTM layer and its
gradients, and how often a turn of their loops copies an array of all time steps. It needs TensorFlow and Keras only;
docs/linear_time.md has the reason and the remedy. Run it on an idle machine.
"""

import re
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import keras
import tensorflow as tf

BATCH, UNITS = 50, 40
STEPS = (125, 250, 500, 1000)
CALLS = 5


def lstm(x_TBS: tf.Tensor, weights: list[tf.Variable], *, replaced: bool) -> tf.Tensor:
    """An LSTM layer as `dynamic_rnn` computes it; `replaced` is the gradient of the writes into its array."""
    kernel, recurrent, bias = weights
    steps, batch, units = x_TBS.shape
    inputs = tf.TensorArray(x_TBS.dtype, steps).unstack(x_TBS)

    def turn(t: tf.Tensor, h: tf.Tensor, c: tf.Tensor, outputs: tf.TensorArray) -> tuple[Any, ...]:
        i, f, g, o = tf.split(inputs.read(t) @ kernel + h @ recurrent + bias, 4, axis=-1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        graph = tf.compat.v1.get_default_graph()
        with graph.gradient_override_map({"TensorListSetItem": "ListAsItIs"}) if replaced else nullcontext():
            return t + 1, h, c, outputs.write(t, h)

    zeros, outputs = tf.zeros((batch, units)), tf.TensorArray(x_TBS.dtype, steps, element_shape=(batch, units))
    start = (tf.constant(0), zeros, zeros, outputs)
    return tf.while_loop(lambda t, *_: t < steps, turn, start, maximum_iterations=steps)[-1].stack()


def list_as_it_is(op: tf.Operation, d_list: tf.Tensor) -> tuple[tf.Tensor, None, tf.Tensor]:
    """The gradient of a write without the zeros that TensorFlow's own writes into the list of gradients."""
    _, index, item = op.inputs
    read = tf.raw_ops.TensorListGetItem
    return d_list, None, read(input_handle=d_list, index=index, element_shape=tf.shape(item), element_dtype=item.dtype)


def programs() -> dict[str, Callable[[tf.Tensor], tf.Tensor]]:
    """What is compared, each from `x_TBS` to the gradients of the weights."""
    layer = keras.layers.LSTM(UNITS, return_sequences=True)
    layer.build((BATCH, None, UNITS))
    weights = [variable.value for variable in layer.trainable_variables]
    layers = {
        "tf.while_loop": lambda x_TBS: lstm(x_TBS, weights, replaced=False),
        "tf.while_loop, gradient replaced": lambda x_TBS: lstm(x_TBS, weights, replaced=True),
        "keras.layers.LSTM": lambda x_TBS: layer(tf.transpose(x_TBS, (1, 0, 2))),
    }

    def gradients(run: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
        @tf.function(jit_compile=True, autograph=False)
        def step(x_TBS: tf.Tensor) -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(run(x_TBS) ** 2)
            return tape.gradient(loss, weights)

        return step

    return {name: gradients(run) for name, run in layers.items()}


def copies(program: Any, x_TBS: tf.Tensor) -> int:
    """How many copies of an array of all time steps stand in the loops of the program as XLA has optimised it."""
    text = program.experimental_get_compiler_ir(x_TBS)(stage="optimized_hlo")
    bodies = set(re.findall(r"while\(.*body=%([\w.-]+)", text))
    parts = re.split(r"\n(?=(?:ENTRY )?%[^\n]*\{\n)", text)
    inside = [part for part in parts if part.lstrip("%").split(" ", 1)[0] in bodies]
    return sum(len(re.findall(rf"= f32\[{x_TBS.shape[0]},[^ ]* copy\(", part)) for part in inside)


def microseconds(program: Callable[[tf.Tensor], Any], x_TBS: tf.Tensor) -> float:
    """The shortest of a few calls, for each time step."""
    times = []
    for _ in range(CALLS + 1):  # the first one compiles
        start = time.perf_counter()
        program(x_TBS)[0].numpy()
        times.append(time.perf_counter() - start)
    return min(times[1:]) / x_TBS.shape[0] * 1e6


def main(steps: list[int]) -> None:
    """Prints the table."""
    tf.RegisterGradient("ListAsItIs")(list_as_it_is)
    print(f"{'microseconds for each time step, T =':36}", *(f"{each:6}" for each in steps), "copies in a turn")
    for name, program in programs().items():
        inputs = [tf.random.stateless_normal((each, BATCH, UNITS), (0, each)) for each in steps]
        times = [microseconds(program, x_TBS) for x_TBS in inputs]
        print(f"{name:36}", *(f"{each:6.0f}" for each in times), copies(program, inputs[-1]))


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or list(STEPS))
