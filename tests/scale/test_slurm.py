"""Jobs of a sweep on a real SLURM: time limits, preemption, cancelled jobs, and a command that is killed."""

import csv
import os
import signal

import pytest

from tests.pipelines.lives import PATIENCE, answer, until
from tests.pipelines.sweeping import SHORT, folder_of, rest_of, sweep
from tests.scale.slow import saved, slow, trained, until_trained, weights
from tests.scale.slurm import NEEDED, running

pytestmark = [pytest.mark.scale, NEEDED]

SLURM = "hydra/launcher=slurm"


@pytest.fixture(scope="module")
def cluster():
    with running() as cluster:
        yield cluster


@pytest.fixture
def start(unused, started, cluster):
    """Starts a command of the project as a person does on a node of the cluster; no job is left at the end."""
    yield lambda *command: started(unused, *command, **cluster.variables)
    cluster.run("scancel", "--user=root")
    until(lambda: not cluster.jobs())


def said(project):
    """What the jobs printed."""
    return "\n".join(file.read_text() for file in folder_of(project).glob(".submitit/*/*_log.*"))


def test_at_its_time_limit_a_training_saves_is_queued_again_and_resumes(unused, start, tracked, unbroken):
    limit = ("hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=50")
    ended = answer(start(*slow(SLURM, *tracked.settings, *limit, "seed=0")))
    assert ended.code == 0, ended.out + ended.err + said(unused)
    assert "Requeued job" in said(unused)
    assert "training resumes after step" in said(unused)
    assert trained(tracked.runs()) == ["0"]
    assert weights(unused)["0"] == unbroken["0"]


def test_a_cancelled_job_saves_and_is_named_and_a_preempted_one_resumes(unused, start, cluster, tracked, unbroken):
    process = start(*slow(SLURM, *tracked.settings, "seed=0,1"))
    until_trained(unused, 0, 1)
    (cancelled,) = [job for job in cluster.jobs() if job.endswith("_0")]
    cluster.run("scancel", cancelled)
    ended = answer(process)
    assert ended.code == 1, ended.out + ended.err + said(unused)
    rows = list(csv.DictReader((folder_of(unused) / "table.csv").open()))
    assert [row["error"] for row in rows] == ["cancelled", ""]
    assert {run.info.status for run in tracked.runs()} == {"KILLED", "FINISHED"}

    before = saved(unused, 0)
    assert before > 0
    again = start(*rest_of(ended.out))
    until(lambda: "training resumes after step" in said(unused))
    cluster.run("sbatch", "--partition=high", "--exclusive", "--output=/dev/null", "--wrap", "sleep 1")
    ended = answer(again)
    assert ended.code == 0, ended.out + ended.err + said(unused)
    assert "Requeued job" in said(unused)
    assert trained(tracked.runs()) == ["0", "1"]
    assert weights(unused) == unbroken


def test_jobs_outlive_the_command_and_the_same_command_waits_for_them(unused, start, cluster, tracked, unbroken):
    first = start(*slow(SLURM, *tracked.settings, "seed=0,1"))
    until_trained(unused, 0, 1)
    ids = set(cluster.jobs())
    os.kill(first.pid, signal.SIGKILL)
    out, _ = first.communicate(timeout=PATIENCE)
    ended = answer(start(*rest_of(out)))
    assert ended.code == 0, ended.out + ended.err + said(unused)
    assert all(f"({job})" in ended.err for job in ids), ended.err  # they are named
    assert "failed" not in ended.out
    assert trained(tracked.runs()) == ["0", "1"]
    assert weights(unused) == unbroken


def test_what_slurm_refuses_is_an_error_of_the_launcher(start, tracked):
    ended = answer(start(*sweep(*SHORT, SLURM, *tracked.settings, "hydra.launcher.partition=nowhere", "seed=0,1")))
    assert ended.code == 2
    assert ended.code_of_error == "sweep.launcher"
    assert "partition" in ended.sentence
