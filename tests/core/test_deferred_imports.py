"""The modules of TensorFlow's namespace are executed when something is asked of them, once, and then as ever."""

import importlib.util
import subprocess
import sys
import threading

import pytest

from echo_rnn.core.deferred_imports import _AtFirstUse


def module(folder, code):
    """A module that is executed at its first use; its `runs` counts how often that was."""
    file = folder / "late.py"
    file.write_text(f"import builtins\nbuiltins.runs = getattr(builtins, 'runs', 0) + 1\n{code}\n")
    spec = importlib.util.spec_from_file_location("late", file, loader=_AtFirstUse("late", str(file)))
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture(autouse=True)
def runs(monkeypatch):
    monkeypatch.setattr("builtins.runs", 0, raising=False)
    return lambda: __builtins__["runs"]


def test_it_is_executed_at_its_first_use_only(tmp_path, runs):
    late = module(tmp_path, "one, two = 1, 2")
    assert late.__file__.endswith("late.py") and hasattr(late, "__spec__") and runs() == 0
    assert (late.one, late.two, runs()) == (1, 2, 1)
    with pytest.raises(AttributeError, match="late"):
        _ = late.three
    assert runs() == 1


def test_one_that_fails_says_so_and_is_executed_again(tmp_path, runs):
    late = module(tmp_path, "one = 1 if builtins.runs > 1 else 1 / 0")
    with pytest.raises(ZeroDivisionError):
        _ = late.one
    assert (late.one, runs()) == (1, 2)


def test_another_thread_waits_until_it_is_whole(tmp_path, runs):
    late = module(tmp_path, "import time\ntime.sleep(0.2)\none = 1")
    found = []
    threads = [threading.Thread(target=lambda: found.append(late.one)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, runs()) == ([1] * 4, 1)


PARTS = """
import sys
from echo_rnn.core.startup import start_tensorflow
start_tensorflow(1)
import tensorflow as tf
print(any(name.startswith(("tensorflow.python.keras", "tensorflow.python.feature_column")) for name in sys.modules))
print(tf.nn.relu(-1.0).numpy(), tf.compat.v1.nn.dynamic_rnn.__name__, tf.lite.TFLiteConverter.__name__)
from tensorflow.keras.layers import LSTM
print(LSTM.__name__, tf.keras.layers.LSTM is LSTM)
"""


def test_a_start_leaves_out_what_nothing_uses_and_all_of_tensorflow_is_there_when_it_is_asked_for():
    answer = subprocess.run([sys.executable, "-c", PARTS], check=False, capture_output=True, text=True)
    assert answer.stdout.splitlines() == ["False", "0.0 dynamic_rnn TFLiteConverterV2", "LSTM True"], answer.stderr
