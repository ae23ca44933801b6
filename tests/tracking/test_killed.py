"""A program that is killed at any moment: what it had logged is stored once and in order, and the run is KILLED."""

import random
import subprocess
import time

import pytest

from echo_rnn.tracking import open_store
from tests.processes import program

LOGS = """
import sys
from pathlib import Path
from echo_rnn.tracking import open_store
store = open_store(None, "echo", Path(sys.argv[1]))
with store.resume(sys.argv[2]) if sys.argv[2:] else store.run("child", "d", {}) as run:
    print(run.id, flush=True)
    for step in range(10**6):
        run.log_metrics([("loss", step / 8, step)])
        if step % 100 == 0:
            run.log_text(str(step), f"notes/{step}.txt")
        print(step, flush=True)
"""


def killed(root, seconds, *arguments):
    """The run, and the last step that a child had printed as logged when it was killed."""
    child = program(LOGS, root, *arguments, stdout=subprocess.PIPE)
    run_id = child.stdout.readline().strip()
    child.stdout.readline()
    time.sleep(seconds)
    child.kill()
    said, _ = child.communicate()
    return run_id, int(said.splitlines()[-2])  # the last line may be cut


def require_steps_to(client, run_id, last):
    history = client.get_metric_history(run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(step, step / 8) for step in range(len(history))]
    assert len(history) > last
    notes = {file.path for file in client.list_artifacts(run_id, "notes")}
    assert notes >= {f"notes/{step}.txt" for step in range(0, last, 100)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_killed_program_loses_nothing_and_doubles_nothing(store, client, tmp_path, seed):
    draw = random.Random(seed)
    run_id, last = killed(tmp_path, draw.uniform(0, 1.5))
    open_store(None, "echo", tmp_path)  # what any next command does
    require_steps_to(client, run_id, last)
    assert client.get_run(run_id).info.status == "KILLED"
    assert list((tmp_path / "outbox").iterdir()) == []

    _, again = killed(tmp_path, draw.uniform(0, 1.5), run_id)  # starts from the first step, as after a lost checkpoint
    open_store(None, "echo", tmp_path)
    require_steps_to(client, run_id, max(last, again))
