"""Models of Keras's guides compute the same numbers and gradients with `Unrolled` as with Keras's own layers."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.core.strategies import labels
from echo_rnn.keras_layer import Unrolled

pytestmark = pytest.mark.xdist_group("models")  # in one process, for what is cached

STEPS, FEATURES, WORDS_KNOWN, ROWS = 6, 3, 7, 4
RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=(ROWS, STEPS, FEATURES)).astype(np.float32)
WORDS = np.where(np.arange(STEPS) < np.array([[6], [2], [4], [1]]), RNG.integers(1, WORDS_KNOWN, (ROWS, STEPS)), 0)


def addition(lstm):
    """Sequence to sequence through a repeated vector."""
    inputs = keras.Input((STEPS, FEATURES))
    x = keras.layers.RepeatVector(3)(lstm(5)(inputs))
    x = keras.layers.Dense(4, activation="softmax")(lstm(5, return_sequences=True)(x))
    return [(keras.Model(inputs, x), [SERIES])]


def encoder_decoder(lstm):
    """Trained as one model, used as two."""
    source, target = keras.Input((None, FEATURES)), keras.Input((None, FEATURES))
    _, *state = lstm(4, return_state=True)(source)
    decoder, dense = lstm(4, return_sequences=True, return_state=True), keras.layers.Dense(2)
    outputs, *_ = decoder(target, initial_state=state)
    given = [keras.Input((4,)) for _ in state]
    step, *after = decoder(target, initial_state=given)
    return [
        (keras.Model([source, target], dense(outputs)), [SERIES, SERIES[:, ::-1]]),
        (keras.Model(source, state), [SERIES]),
        (keras.Model([target, *given], [dense(step), *after]), [SERIES, *[SERIES[:, 0, :1] * np.ones(4, "f")] * 2]),
    ]


def bidirectional_with_masks(lstm):
    inputs = keras.Input((STEPS,), dtype="int32")
    x = keras.layers.Embedding(WORDS_KNOWN, FEATURES, mask_zero=True)(inputs)
    x = keras.layers.Bidirectional(lstm(4, return_sequences=True))(x)
    x = keras.layers.Bidirectional(lstm(3), merge_mode="sum")(x)
    return [(keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x)), [WORDS])]


def stateful_generation(lstm):
    """One step at a time, the state carried; called three times."""
    inputs = keras.Input(batch_shape=(ROWS, 1, FEATURES))
    model = keras.Model(inputs, keras.layers.Dense(FEATURES)(lstm(4, stateful=True)(inputs)))
    return [(model, [SERIES[:, t : t + 1]]) for t in range(3)]


def time_distributed(lstm):
    inputs = keras.Input((2, STEPS, FEATURES))
    x = keras.layers.TimeDistributed(lstm(4))(inputs)
    return [(keras.Model(inputs, keras.layers.Dense(1)(lstm(3)(x))), [SERIES.reshape(2, 2, STEPS, FEATURES)])]


def siamese(lstm):
    """One layer called twice."""
    a, b, shared = keras.Input((STEPS, FEATURES)), keras.Input((STEPS, FEATURES)), lstm(4)
    return [(keras.Model([a, b], keras.layers.Dot(1, normalize=True)([shared(a), shared(b)])), [SERIES, -SERIES])]


def attention(lstm):
    inputs = keras.Input((STEPS, FEATURES))
    x = lstm(4, return_sequences=True)(inputs)
    x = keras.layers.Attention()([x, x])
    return [(keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(x))), [SERIES])]


def weather_windows(lstm):
    """Windows of a long series, a stack with normalisation between."""
    windows = keras.utils.timeseries_dataset_from_array(SERIES.reshape(-1, FEATURES), None, STEPS, sequence_stride=3)
    inputs = keras.Input((STEPS, FEATURES))
    x = keras.layers.LayerNormalization()(lstm(4, return_sequences=True)(inputs))
    return [(keras.Model(inputs, keras.layers.Dense(1)(lstm(3)(x))), [next(iter(windows)).numpy()])]


KINDS = [
    *(addition, encoder_decoder, bidirectional_with_masks, stateful_generation),
    *(time_distributed, siamese, attention, weather_windows),
]


def numbers(kind, lstm):
    """All outputs, and the gradients of their squares."""
    keras.utils.set_random_seed(5)
    found = []
    for model, arguments in kind(lstm):
        with tf.GradientTape() as tape:
            outputs = keras.tree.flatten(model(arguments if len(arguments) > 1 else arguments[0]))
            loss = tf.add_n([tf.reduce_sum(output**2) for output in outputs])
        gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
        found += [*outputs, *gradients]
    return [np.asarray(tf.convert_to_tensor(each)) for each in found]


@functools.cache
def expected(kind):
    return numbers(kind, keras.layers.LSTM)


def pairs():
    """Three strategies for each kind of model and two kinds or more for each strategy, in turn.

    Every strategy equals Keras's layers with masks and states in `test_layer`; here it is what surrounds the layer.
    """
    for k, kind in enumerate(KINDS):
        for s, label in enumerate(labels()):
            if (s - k) % 4 == 0:
                yield pytest.param(kind, label, id=f"{kind.__name__}-{label}")


@pytest.mark.parametrize(("kind", "unroll"), [*pairs()])
def test_a_model_of_the_guides_has_the_numbers_of_keras_layers(kind, unroll):
    got = numbers(kind, lambda units, **options: Unrolled(units, unroll=unroll, **options))
    for one, other in zip(got, expected(kind), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
