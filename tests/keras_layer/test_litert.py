"""LiteRT converts a model with `Unrolled` as it converts one with Keras's layers, as the table of strategies says."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2 as frozen

from echo_rnn.core.strategies import get_strategy, labels
from echo_rnn.keras_layer import Unrolled

X = np.random.default_rng(0).normal(size=(1, 4, 2)).astype(np.float32)
QUICK = ("block", "wavefront_deferred", "checkpointed")


def model_of(label, batch_size=1):
    return keras.Sequential([keras.Input(batch_shape=(batch_size, *X.shape[1:])), Unrolled((3, 2), unroll=label)])


def saved_and_converted(model):
    return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def frozen_and_converted(model):
    function = frozen(tf.function(model).get_concrete_function(tf.TensorSpec(X.shape)))
    return tf.lite.TFLiteConverter.from_concrete_functions([function], model).convert()


def predicted(content):
    program = tf.lite.Interpreter(model_content=content)  # without TensorFlow's operations
    program.allocate_tensors()
    (given,), (got,) = program.get_input_details(), program.get_output_details()
    program.set_tensor(given["index"], X)
    program.invoke()
    return program.get_tensor(got["index"])


def conversions():
    """Every strategy in one of two ways in turn, and some of each kind in both."""
    for number, label in enumerate(labels()):
        for way, convert in enumerate((saved_and_converted, frozen_and_converted)):
            if label in QUICK or way == number % 2:
                marks = [] if label in QUICK else pytest.mark.slow
                yield pytest.param(label, convert, id=f"{label}-{convert.__name__}", marks=marks)


@pytest.mark.parametrize(("label", "convert"), [*conversions()])
def test_a_strategy_converts_or_the_table_says_that_it_does_not(label, convert):
    model = model_of(label)
    expected = model(X)
    if not get_strategy(label).strategy.litert:
        with pytest.raises(Exception, match="BlockLSTM"):
            convert(model)
        model.layers[0].unroll = get_strategy(label).strategy.nearest
    np.testing.assert_allclose(predicted(convert(model)), expected, rtol=1e-5, atol=1e-6)  # float32


def test_written_out_steps_convert_with_an_unknown_batch_size():
    model = model_of("static", batch_size=None)
    np.testing.assert_allclose(predicted(saved_and_converted(model)), model(X), rtol=1e-5, atol=1e-6)
