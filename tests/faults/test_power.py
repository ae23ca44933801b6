"""Power cuts on a disk of its own; `python -m tests.faults.power` makes 50."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.power import NOT_ALLOWED

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_after_power_cuts_the_same_command_ends_right_and_at_most_a_checkpoint_is_lost():
    words = ["--cuts", os.environ.get("FAULTS_CUTS", "3")]
    words += ["--seed", seed] if (seed := os.environ.get("FAULTS_SEED")) else []
    command = [sys.executable, "-m", "tests.faults.power", *words]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode == NOT_ALLOWED:
        pytest.skip(answer.stdout.splitlines()[-1])
    assert answer.returncode == 0, f"{answer.stdout[-8000:]}\nFAULTS_SEED repeats it\n{answer.stderr[-2000:]}"
    print(answer.stdout)
