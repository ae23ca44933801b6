"""What a training imports before its first step, in an interpreter of its own."""

import subprocess
import sys

HEAVY = {"tensorflow", "keras", "mlflow", "sqlalchemy", "matplotlib", "pandas", "scipy", "sklearn"}
# What only a model that is logged needs, at the end, what draws, and what only a strategy that is chosen by measuring
# does.
LATER = {
    *("mlflow.pyfunc", "mlflow.keras", "mlflow.tensorflow", "echo_rnn.tracking.keras_model"),
    *("matplotlib", "sklearn", "echo_rnn.stages.choose"),
}

# Stands in for the training loop.
AT_FIRST_STEP = """
import gc, sys
from echo_rnn.config import read
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.stages import train
from echo_rnn.stages.layout import STAGE
from echo_rnn.stages.prepare import choose_strategy
from echo_rnn.stages.store import store_of

def begin(*arguments, **options):
    print("begins", gc.isenabled(), gc.get_freeze_count(), *sys.modules)
    raise SystemExit

def start(*arguments, **options):
    seconds = start_tensorflow(*arguments, **options)
    import echo_rnn.training
    echo_rnn.training.Training = begin
    return seconds

train.start_tensorflow = start
config = read(STAGE.config)
train.run(config, STAGE, store_of(config.tracking), choose_strategy(config))
"""


def test_nothing_heavy_is_imported_until_there_is_a_configuration_to_work_on():
    code = "import sys, pipelines.job; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(answer.stdout.split())


PARENT = """
import os, sys
os.getppid = lambda: 0 if "numpy" in sys.modules else 77  # as if that had ended while libraries are imported
import pipelines.train
print(pipelines.PARENT)
"""


def test_whose_end_ends_a_training_is_asked_before_anything_takes_time():
    answer = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True, check=True)
    assert answer.stdout == "77\n"


def test_before_the_first_step_only_what_it_needs_is_there_and_no_longer_looked_through(project):
    said = project.must("python", "-c", AT_FIRST_STEP).out
    _, collects, frozen, *modules = said[said.index("begins") :].split()
    assert {"tensorflow", "mlflow"} <= set(modules)
    assert LATER.isdisjoint(modules)
    assert collects == "True"
    assert int(frozen) > 100_000
