"""The modules of TensorFlow's namespace are executed when something is asked of them, once, and then as ever."""

import importlib.util
import subprocess
import sys
import threading

import pytest

from echo_rnn.core.deferred_imports import _AtFirstUse


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes a module that is executed at its first use; how often it was is counted."""

    def make(code):
        file = tmp_path / "late.py"
        file.write_text(f"import builtins\nbuiltins.runs += 1\n{code}\n")
        spec = importlib.util.spec_from_file_location("late", file, loader=_AtFirstUse("late", str(file)))
        made = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "late", made)
        spec.loader.exec_module(made)
        return made

    return make


@pytest.fixture(autouse=True)
def runs(monkeypatch):
    monkeypatch.setattr("builtins.runs", 0, raising=False)
    return lambda: __builtins__["runs"]


def test_it_is_executed_at_its_first_use_only(module, runs):
    late = module("one, two = 1, 2")
    assert late.__file__.endswith("late.py") and hasattr(late, "__spec__") and runs() == 0
    assert (late.one, late.two, runs()) == (1, 2, 1)
    with pytest.raises(AttributeError, match="late"):
        _ = late.three
    assert runs() == 1


def test_one_that_fails_says_so_and_is_executed_again(module, runs):
    late = module("one = 1 if builtins.runs > 1 else 1 / 0")
    with pytest.raises(ZeroDivisionError):
        _ = late.one
    assert (late.one, runs()) == (1, 2)


def test_another_thread_waits_until_it_is_whole(module, runs):
    late = module("import time\ntime.sleep(0.2)\none = 1")
    found = []
    threads = [threading.Thread(target=lambda: found.append(late.one)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, runs()) == ([1] * 4, 1)


def test_all_that_it_has_is_seen(module, runs):
    late = module("one = 1")
    assert "one" in dir(late) and "__getattr__" not in dir(late)


def test_what_was_set_before_stays(module):
    late = module("one, two = 1, 2")
    late.one = 3
    assert (late.two, late.one) == (2, 3)


def test_one_that_puts_another_in_its_place_is_that(module):
    late = module("import sys, types\nsys.modules[__name__] = types.SimpleNamespace(one=1)")
    assert (late.one, sys.modules["late"].one) == (1, 1)
    with pytest.raises(AttributeError):
        _ = late.two


def test_one_may_say_itself_what_it_does_not_have(module):
    late = module("def __getattr__(name):\n    return name")
    assert (late.three, late.four) == ("three", "four")


def answer(code):
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


PARTS = """
import sys
from echo_rnn.core.startup import import_tensorflow
import_tensorflow()
import tensorflow as tf
print(any(name.startswith(("tensorflow.python.keras", "tensorflow.python.feature_column")) for name in sys.modules))
print(tf.nn.relu(-1.0).numpy(), tf.compat.v1.nn.dynamic_rnn.__name__, tf.lite.TFLiteConverter.__name__)
print(tf.compat.v1 is sys.modules["tensorflow._api.v2.compat.v1"])
from tensorflow.keras.layers import LSTM
print(tf.keras.layers.LSTM is LSTM, "Checkpoint" in dir(tf.train))
"""


def test_a_start_leaves_out_what_nothing_uses_and_all_of_tensorflow_is_there_when_it_is_asked_for():
    assert answer(PARTS) == ["False", "0.0 dynamic_rnn TFLiteConverterV2", "True", "True True"]


# What TensorFlow keeps in tables that its modules fill when they are executed, and what they replace in others.
TABLES = """
from tensorflow.python.framework import ops, tensor, tensor_conversion_registry, type_spec_registry
import tensorflow as tf
of = {"gradient": ops.gradient_registry.list(), "type": type_spec_registry._NAME_TO_TYPE_SPEC}
print(*(f"{kind} {name}" for kind, names in of.items() for name in names), sep="\\n")
for priority, found in tensor_conversion_registry._tensor_conversion_func_registry.items():
    print(*(f"conversion {priority} {types} {function.__qualname__}" for types, function in found), sep="\\n")
for name in ("nn", "train", "feature_column", "compat.v1.compat", "compat.v2"):
    dir(eval(f"tf.{name}"))
for of in (tf, tensor.Tensor):
    for name in dir(of):
        each = getattr(of, name)
        its = getattr(each, "__module__", getattr(each, "__name__", ""))
        print(of.__name__, name, its, hasattr(each, "__wrapped__"))
"""


def test_nothing_else_in_tensorflow_differs():
    ours = "from echo_rnn.core.startup import import_tensorflow\nimport_tensorflow()\n"
    theirs = {*answer(f"import keras, tensorflow\n{TABLES}")}
    # An operation of TensorFlow Lite for microcontrollers; a variable of the Keras of TensorFlow 1.
    known = ("gradient AudioMicrofrontend", "tensorflow.python.keras.mixed_precision")
    assert len(theirs) > 1000
    assert [line for line in theirs ^ {*answer(ours + TABLES)} if not any(each in line for each in known)] == []
