"""Outside of the pipeline: a loaded network predicts what NumPy does, whole or streamed in blocks of any size."""

import subprocess
import sys

import numpy as np
import pytest

import echo_rnn
from echo_rnn.core.strategies import labels
from echo_rnn.inference import store
from echo_rnn.inference.network import Network
from tests.inference.networks import BLOCKS, CELLS, STEPS, expected, in_blocks, network, series
from tests.refusals import refused

# Float32, over thousands of steps, relative to outputs around 1.
TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=CELLS)
def each(request):
    trained = network(request.param)
    return request.param, trained, Network(trained)


def test_predictions_are_those_of_numpy_in_raw_units(each):
    cell, trained, loaded = each
    np.testing.assert_allclose(loaded.predict(series()), expected(cell, trained, series()), atol=TOLERANCE)


@pytest.mark.parametrize("size", BLOCKS)
def test_blocks_of_any_size_give_what_one_pass_gives(each, size):
    _, _, loaded = each
    steps = min(STEPS, 500 * size)
    streamed = in_blocks(loaded.stream(), series()[:steps], size)
    np.testing.assert_allclose(streamed, loaded.predict(series())[:steps], atol=1e-6)


def test_a_reset_in_the_middle_is_a_fresh_start(each):
    _, _, loaded = each
    stream = loaded.stream()
    stream(series()[:777])
    carried = stream(series()[:100])
    stream.reset()
    np.testing.assert_array_equal(stream(series()[:100]), loaded.predict(series()[:100]))
    assert np.abs(carried - loaded.predict(series()[:100])).max() > 0.01


@pytest.mark.parametrize("unroll", labels())
def test_every_strategy_streams_what_it_was_trained_to_compute(unroll):
    trained = network(unroll=unroll, units=(4, 4), kind="classes", outputs=3, scaled=False)
    loaded = Network(trained)
    whole = loaded.predict(series())
    np.testing.assert_allclose(whole, expected("lstm", trained, series()), atol=TOLERANCE)
    np.testing.assert_allclose(in_blocks(loaded.stream(), series()[:700], 7), whole[:700], atol=1e-6)


def test_a_residual_head_adds_its_inputs():
    trained = network(residual=True)
    np.testing.assert_allclose(Network(trained).predict(series()), expected("lstm", trained, series()), atol=TOLERANCE)


def test_several_series_at_once_are_as_many_alone():
    loaded = Network(network())
    x_BNI = np.stack([series()[:50], series()[50:100]])
    alone = [loaded.predict(x_NI) for x_NI in x_BNI]
    np.testing.assert_allclose(loaded.predict(x_BNI), alone, atol=1e-6)
    stream = loaded.stream(2)
    parts = [stream(x_BNI[:, :20]), stream(x_BNI[:, 20:])]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), alone, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64, np.bool_])
def test_every_dtype_of_real_numbers_is_read_as_its_values(dtype):
    loaded = Network(network(inputs=1, outputs=1))
    x_N = np.array([0, 1, 1, 0, 1], dtype)
    y_N = loaded.predict(x_N)
    assert (y_N.shape, y_N.dtype) == ((5,), np.float32)
    np.testing.assert_array_equal(y_N, loaded.predict(x_N[:, np.newaxis].astype(np.float32))[:, 0])


def test_no_samples_give_no_predictions_and_change_nothing():
    loaded = Network(network())
    stream = loaded.stream()
    first = stream(series()[:5])
    assert stream(series()[:0]).shape == (0, 2)
    np.testing.assert_array_equal(np.concatenate([first, stream(series()[5:9])]), loaded.predict(series()[:9]))


@pytest.mark.parametrize(
    ("x", "code"),
    [
        (np.zeros(4), "predict.bad_shape"),
        (np.zeros((4, 2)), "predict.bad_shape"),
        (np.zeros((1, 4, 2)), "predict.bad_shape"),
        (np.zeros((1, 1, 4, 3)), "predict.bad_shape"),
        (np.array(["1"] * 3), "predict.not_numbers"),
        (np.zeros((4, 3), complex), "predict.not_numbers"),
        (np.array([[0, 0, 0], [0, np.nan, 0]]), "predict.not_finite"),
        (np.full((1, 3), np.inf), "predict.not_finite"),
        (np.full((1, 3), 1e39), "predict.not_finite"),
    ],
)
def test_what_is_no_series_is_refused_and_changes_no_state(x, code):
    loaded = Network(network())
    stream = loaded.stream()
    stream(series()[:3])
    with refused(code):
        stream(x)
    with refused(code):
        loaded.predict(x)
    np.testing.assert_array_equal(stream(series()[3:5]), loaded.predict(series()[:5])[3:])


def test_a_bad_number_is_named_with_its_step_and_its_input():
    x_NI = series()[:20].copy()
    x_NI[11, 2] = np.nan
    with refused("predict.not_finite", "step 11", "in2"):
        Network(network()).predict(x_NI)


def test_a_folder_is_loaded_by_its_name(tmp_path):
    trained = network(kind="classes")
    store.save(tmp_path, trained.description, trained.weights, run_id="", dataset_digest="d")
    loaded = echo_rnn.load(tmp_path)
    assert loaded.ends.kind == "classes"
    np.testing.assert_array_equal(loaded.predict(series()[:9]), Network(trained).predict(series()[:9]))
    with refused("manifest.missing"):
        echo_rnn.load(tmp_path / "nowhere")


def test_the_package_imports_nothing_until_it_is_used():
    code = "import sys, echo_rnn; print(sorted(name for name in sys.modules if name.startswith(('numpy', 'tensorf'))))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
    with pytest.raises(AttributeError):
        echo_rnn.nothing  # noqa: B018
