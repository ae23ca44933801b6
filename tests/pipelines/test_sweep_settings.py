"""What a sweep derives from its composed configuration: the command for the rest, how many at once."""

import os
import shlex
from pathlib import Path

import joblib
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from pipelines import sweep

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def composed():
    """The configuration that Hydra hands to the callback."""

    def composed(*overrides):
        config = compose("config", list(overrides), return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        OmegaConf.set_readonly(config.hydra, False)  # as it is in a multirun
        return config

    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield composed
    HydraConfig.instance().cfg = None


def asking(config, *task, about_hydra=()):
    config.hydra.overrides.task = list(task)
    config.hydra.overrides.hydra = ["hydra.mode=MULTIRUN", *about_hydra]
    return config


def test_the_command_for_the_rest_is_the_same_with_the_folder(composed):
    config = asking(composed("hydra.sweep.dir=a b"), "seed=0,1", "+x='y z'", about_hydra=["hydra/launcher=joblib"])
    assert shlex.split(sweep._command(config)) == [
        *("python", "-m", "pipelines.train", "-m", "hydra/launcher=joblib"),
        *("seed=0,1", "+x='y z'", "hydra.sweep.dir='a b'"),
    ]


@pytest.mark.parametrize(
    ("asked", "threads", "jobs", "said"),
    [
        (-1, 1, 4, ""),
        (-1, 2, 2, ""),
        (-1, 3, 1, ""),
        (-1, 8, 1, ""),
        (-2, 1, 3, ""),
        (1, 8, 1, ""),
        (2, 2, 2, ""),
        (3, 2, 3, "hydra.launcher.n_jobs: expected at most 2, so that jobs with runtime.threads = 2 share 4 cores"),
    ],
)
def test_jobs_at_once_do_not_fight_for_cores(composed, monkeypatch, capsys, asked, threads, jobs, said):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 4)
    monkeypatch.setattr(joblib, "effective_n_jobs", lambda number: 4 + 1 + number)
    config = composed("hydra/launcher=joblib", f"hydra.launcher.n_jobs={asked}", f"runtime.threads={threads}")
    sweep._share_cores(config)
    assert config.hydra.launcher.n_jobs == jobs
    err = capsys.readouterr().err
    assert err.startswith(said) if said else err == ""


@pytest.mark.parametrize(("asked", "threads", "batch"), [(None, 1, 4), (None, 3, 1), (2, 1, 2)])
def test_submitit_starts_no_more_jobs_of_this_machine_than_cores_allow(composed, monkeypatch, asked, threads, batch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 4)
    config = composed("hydra/launcher=submitit_local", f"runtime.threads={threads}")
    config.hydra.sweeper.max_batch_size = asked
    sweep._share_cores(config)
    assert config.hydra.sweeper.max_batch_size == batch


def test_an_allocation_of_slurm_has_the_cores_of_a_jobs_threads(composed):
    assert composed("hydra/launcher=slurm", "runtime.threads=3").hydra.launcher.cpus_per_task == 3


def test_jobs_compose_anew_with_an_absolute_folder(composed):
    config = asking(composed("hydra.sweep.dir=a b"), "seed=0,1", about_hydra=["hydra.sweep.dir='a b'"])
    sweep._fix_folder(config)
    there = compose("config", list(config.hydra.overrides.hydra), return_hydra_config=True).hydra.sweep.dir
    assert there == config.hydra.sweep.dir == str(Path("a b").absolute())
    assert "hydra.sweep.dir='a b'" in shlex.split(sweep._command(config))


def test_a_job_computes_as_the_process_that_launches_it(composed, monkeypatch, tmp_path):
    """In its folder and with its variables that may change last bits, whatever the launcher's process has."""
    callback = sweep.SweepCallback()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as Ray sets it
    config = composed("hydra.mode=MULTIRUN", f"hydra.runtime.output_dir={tmp_path}")
    folder, variables = Path.cwd(), dict(os.environ)
    try:
        callback.on_job_start(config)
        assert (Path.cwd(), sweep._flags()) == (callback._folder, callback._flags)
        assert "OMP_NUM_THREADS" not in os.environ
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)


def test_the_launcher_that_runs_one_job_after_the_other_is_left_alone(composed):
    config = composed()
    sweep._share_cores(config)
    assert "n_jobs" not in config.hydra.launcher
