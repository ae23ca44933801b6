"""Jobs of a sweep on a real Ray: a machine that is lost, and a command that is stopped or killed."""

import os
import signal

import pytest

from tests.pipelines.lives import answer, until
from tests.pipelines.sweeping import rest_of
from tests.scale.ray import NEEDED, PYTHON, running
from tests.scale.slow import saved, slow, trained, until_trained, weights

pytestmark = [pytest.mark.scale, NEEDED]


def by_ray(*arguments):
    return (PYTHON, *slow(*arguments)[1:])


def test_a_job_of_a_machine_that_is_lost_resumes_on_another_one(unused, started, tracked, unbroken):
    with running(unused.folder) as cluster:
        process = started(
            unused, *by_ray("hydra/launcher=ray_cluster", *tracked.settings, "seed=0,1"), **cluster.variables
        )
        until_trained(unused, 0, 1)
        cluster.kill(0)
        ended = answer(process)
    assert ended.code == 0, ended.out + ended.err
    assert "training resumes after step" in ended.out + ended.err
    assert trained(tracked.runs()) == ["0", "1"]
    assert weights(unused) == unbroken


def test_a_command_that_is_stopped_or_killed_leaves_jobs_that_saved(unused, started, unbroken):
    command = by_ray("hydra/launcher=ray", "seed=0,1")
    for number in (signal.SIGINT, signal.SIGKILL):
        process = started(unused, *command)
        before = max(saved(unused, 0), saved(unused, 1))
        until_trained(unused, 0, 1, more=before)
        os.kill(process.pid, number)
        ended = answer(process)
        assert ended.code == (130 if number == signal.SIGINT else -number), ended.out + ended.err
        until(lambda: "RUNNING" not in {run.info.status for run in unused.runs()})
        command = (PYTHON, *rest_of(ended.out)[1:])
    ended = answer(started(unused, *command))
    assert ended.code == 0, ended.out + ended.err
    assert "training resumes after step" in ended.out + ended.err
    assert trained(unused.runs()) == ["0", "1"]
    assert weights(unused) == unbroken


def test_a_cluster_that_would_kill_trainings_is_named(unused, started, tracked):
    with running(unused.folder, children="true") as cluster:
        ended = answer(
            started(unused, *by_ray("hydra/launcher=ray_cluster", *tracked.settings, "seed=-1"), **cluster.variables)
        )
    assert ended.code == 1
    assert "RAY_kill_child_processes_on_worker_exit" in ended.out + ended.err
