"""Some points of commands, others in every run (`make test-faults` tries all), and commands beside another owner."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The seed that a run prints, to repeat it, and how many points are tried.
SEED, SAMPLE = os.environ.get("FAULTS_SEED"), os.environ.get("FAULTS_SAMPLE", "8")
QUICK = ("job", "resume", "train", "evaluate", "generate", "compose", "deliver")


def test_after_a_fault_at_some_points_the_same_command_ends_right():
    command = [sys.executable, "-m", "tests.faults", "--sample", SAMPLE, "--processes", "1"]
    command += [word for name in QUICK for word in ("--command", name)]
    command += ["--seed", SEED] if SEED else []
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, f"{answer.stdout[-8000:]}\nFAULTS_SEED repeats it\n{answer.stderr[-2000:]}"
    print(answer.stdout)
