import importlib
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from echo_rnn.config.network import MODEL
from echo_rnn.core.cells.custom import build_custom
from echo_rnn.core.model import Model, build, flat
from echo_rnn.core.strategies import STRATEGIES, get_strategy, labels
from echo_rnn.core.unroll import window
from echo_rnn.core.unroll.article import dynamic_rnn
from echo_rnn.core.unroll.checkpointed import Checkpointed
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.partial import Partial
from echo_rnn.core.unroll.static import static
from echo_rnn.errors import UserError
from echo_rnn.inference import store as trained
from echo_rnn.inference.description import Description
from tests.core.cells.minimal_gated import LeakyCell, MinimalGatedCell
from tests.core.unroll.equality import MODES, assert_same, compiled, run
from tests.core.unroll.problems import SHAPES, problem
from tests.inference.networks import BITS

SIMPLE = get_strategy("dynamic")
PAGE = (Path(__file__).parents[3] / "docs/own_cell.md").read_text(encoding="utf-8")
MINIMAL = "tests.core.cells.minimal_gated:MinimalGatedCell"


def section(path=MINIMAL, **options):
    sizes = {"layers": 2, "units": [3], "precision": "float32", "residual": False}
    dropout = {"between": 0.0, "output": 0.0, "variational": False}
    return MODEL.validate({"cell": "custom", "path": path, "options": options, "dropout": dropout, **sizes})


def gradients(unroll, mode, path=MINIMAL):
    """Outputs, final state and gradients of two layers, with rows of different lengths."""
    cells = tuple(build_custom(units, path=path, options={}) for units in (3, 2))
    model = Model(cells, unroll, 1, 2)
    weights = model.initial_weights(np.random.SeedSequence(0)).layers
    x_TBI = tf.constant(np.random.default_rng(0).normal(size=(5, 3, 1)), tf.float32)

    def function(weights, x_TBI):
        with tf.GradientTape() as tape:
            tape.watch((weights, x_TBI))
            h_TBS, state = unroll(cells, weights, window(x_TBI, tf.constant([5, 2, 0])), model.zero_state(3))
            loss = tf.reduce_sum(h_TBS**2) + sum(tf.reduce_sum(part) for part in tf.nest.flatten(state))
        return h_TBS, state, tape.gradient(loss, (weights, x_TBI))

    return tf.nest.flatten(compiled(function, mode)(weights, x_TBI))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("strategy", [dynamic, Partial(2), Checkpointed(), dynamic_rnn])
def test_own_cell_runs_the_same_under_every_strategy_that_takes_it(strategy, mode):
    for ours, expected in zip(gradients(strategy, mode), gradients(static, "none"), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)  # float32


def test_own_cell_needs_no_weights():
    h_TBS, *_ = gradients(dynamic, "graph", "tests.core.cells.minimal_gated:LeakyCell")
    np.testing.assert_array_equal(h_TBS[2:, 1], 0)


def test_kerass_own_cell_is_our_lstm():
    case = problem("lstm", SHAPES["stack"], ragged=True)
    own = tuple(
        build_custom(units, path="keras.layers:LSTMCell", options={"dtype": "float64"})
        for units in SHAPES["stack"].sizes
    )

    def as_custom(cells, weights, window, state):
        return dynamic(own, [tuple(layer) for layer in weights], window, state)

    assert_same(run(as_custom, case, "graph"), case.answer, tolerance=1e-10)


@pytest.mark.parametrize("path", [MINIMAL, "keras.layers:LSTMCell"])
def test_same_seed_gives_the_same_weights_and_another_others(path):
    first, again, other = (
        build(section(path).stack, SIMPLE, 1, 2).initial_weights(np.random.SeedSequence(n)) for n in (1, 1, 2)
    )
    assert [np.array_equal(a, b) for a, b in zip(flat(first), flat(again), strict=True)] == [True] * len(flat(first))
    assert not np.array_equal(first.layers[0][0], other.layers[0][0])
    assert not np.array_equal(first.layers[1][0], first.layers[1][1])


def refused(code, *parts):
    """Expects one refusal with this code and these parts of its sentence, the first at its beginning."""
    return pytest.raises(UserError, check=lambda error: error.code == code and is_about(str(error), *parts))


def is_about(sentence, key, *values):
    return sentence.startswith(f"{key}: expected ") and all(value in sentence for value in values)


@pytest.mark.parametrize(
    ("path", "options", "code", "parts"),
    [
        ("no.such.module:Cell", {}, "cell.not_importable", ["model.path", "'no.such.module:Cell'"]),
        ("keras.layers:NoCell", {}, "cell.not_importable", ["model.path", "'keras.layers:NoCell'"]),
        ("keras.layers:Dense", {}, "cell.no_protocol", ["model.path", "keras.layers:Dense", "state_size, output_size"]),
        (MINIMAL, {"colour": 1}, "cell.options", ["model.options", MINIMAL, "{'colour': 1}"]),
    ],
)
def test_what_is_no_cell_is_refused(path, options, code, parts):
    with refused(code, *parts):
        build(section(path, **options).stack, SIMPLE, 1, 2)


def test_a_module_that_cannot_be_imported_is_refused_with_its_own_message(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, text, message in [
        ("own_cell_syntax", "class Cell(:\n", r"SyntaxError: .+ \(own_cell_syntax.py, line 1\)"),
        ("own_cell_name", "class Cell(Layer): ...", "NameError: name 'Layer' is not defined"),
        ("own_cell_exit", "raise SystemExit(3)", "SystemExit: 3"),
        ("own_cell_lines", "raise RuntimeError('two\\n  lines')", "RuntimeError: two lines"),
        ("own_cell_long", "raise RuntimeError('x' * 1000)", "RuntimeError: x{300}…"),
        ("own_cell_empty", "assert False", "AssertionError"),
    ]:
        (tmp_path / f"{name}.py").write_text(text)
        expected = f"model.path: expected the import path of a cell, got '{name}:Cell': {message}"
        with pytest.raises(UserError) as refusal:
            build_custom(3, path=f"{name}:Cell", options={})
        assert refusal.value.code == "cell.not_importable"
        assert re.fullmatch(expected, str(refusal.value)), refusal.value


NEEDED = "(float32 [2, 3], [float32 [2, 3]])"
INPUTS = "float32 [2, 1]"


@pytest.mark.parametrize(
    ("name", "code", "values"),
    [
        ("a_number", "cell.not_importable", ["3"]),
        ("RaisesInInit", "cell.options", ["RuntimeError: no licence"]),
        ("FractionOfAState", "cell.bad_size", ["[3, 1.5] and 3"]),
        ("SizeThatRaises", "cell.no_protocol", ["KeyError: 'size'"]),
        ("RaisesInBuild", "cell.not_buildable", ["1 inputs", "NotImplementedError"]),
        ("RaisesInCall", "cell.bad_step", [NEEDED, INPUTS, "InvalidArgumentError"]),
        ("OutputOnly", "cell.bad_step", [NEEDED, INPUTS, "got float32 [2, 3] from"]),
        ("Nothing", "cell.bad_step", [NEEDED, INPUTS, "got a NoneType from"]),
        ("ThreeThings", "cell.bad_step", [NEEDED, INPUTS, "got 3 values from"]),
        ("WideOutput", "cell.bad_step", [NEEDED, INPUTS, "got (float32 [2, 5], [float32 [2, 3]]) from"]),
        ("OneStateTooMany", "cell.bad_step", [NEEDED, "got (float32 [2, 3], [float32 [2, 3], float32 [2, 3]]) from"]),
        ("NarrowState", "cell.bad_step", [NEEDED, INPUTS, "got (float32 [2, 3], [float32 [2, 1]]) from"]),
        ("HalfPrecision", "cell.bad_step", [NEEDED, INPUTS, "got (float32 [2, 3], [float16 [2, 3]]) from"]),
        ("WeightsInCall", "cell.late_weights", ["build(shape)", "2 of them in call"]),
        ("NotCallable", "cell.not_savable", ["keras.layers.RNN", "TypeError"]),
        ("NotSaved", "cell.not_savable", ["keras.layers.RNN", "TypeError"]),
    ],
)
def test_a_wrong_cell_is_refused_before_training(name, code, values):
    path, key = f"tests.core.cells.wrong_cells:{name}", "model.options" if code == "cell.options" else "model.path"
    with refused(code, key, path, *values):
        build(section(path).stack, SIMPLE, 1, 2).initial_weights(np.random.SeedSequence(0))


@pytest.mark.parametrize("cell", [MinimalGatedCell, LeakyCell])
def test_a_trained_network_of_an_own_cell_is_saved_and_loaded_as_the_page_says(cell, tmp_path):
    chosen = section(f"{cell.__module__}:{cell.__name__}")
    weights = build(chosen.stack, SIMPLE, 1, 2).initial_weights(np.random.SeedSequence(0))
    saved = trained.save(tmp_path, Description(chosen, SIMPLE, BITS), weights, run_id="", dataset_digest="")
    x_BTI = np.random.default_rng(0).normal(size=(2, 5, 1)).astype("float32")
    (call,) = re.findall(r"keras\.models\.load_model\(.*\)", PAGE)
    call = call.replace("models/model.keras", str(tmp_path / "model.keras")).replace("MinimalGatedCell", cell.__name__)
    loaded = eval(call, {"keras": keras, cell.__name__: cell})
    np.testing.assert_array_equal(loaded(x_BTI), saved(x_BTI))
    assert trained.load(tmp_path).model.cells[0].path == chosen.path


def test_the_page_shows_the_cell_of_these_tests():
    code, _ = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    source = Path(importlib.import_module("tests.core.cells.minimal_gated").__file__).read_text(encoding="utf-8")
    assert code in source
    assert "class MinimalGatedCell" in code


def test_the_command_of_the_page_names_a_cell():
    (path,) = re.findall(r"python -m pipelines.train model=custom model.path=(\S+)", PAGE)
    build(section(path).stack, SIMPLE, 1, 2).initial_weights(np.random.SeedSequence(0))


def test_the_page_names_the_strategies_that_take_it():
    sentence = re.search(r"run whole steps:(.*?)\.", PAGE, flags=re.DOTALL)[1]
    assert set(re.findall(r"`(\w+)`", sentence)) == {each.name for each in STRATEGIES.values() if each.any_cell}


@pytest.mark.parametrize("name", [label for label in labels() if not get_strategy(label).strategy.any_cell])
def test_strategies_that_know_the_arithmetic_are_refused(name):
    with pytest.raises(UserError, match=f"cell = custom.* dynamic, static, partial, .*, got '{name}'") as refused:
        build(section().stack, get_strategy(name), 1, 2)
    assert refused.value.code == "strategy.refused"
