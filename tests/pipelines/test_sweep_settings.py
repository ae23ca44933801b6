"""What a sweep derives from its composed configuration: its jobs, the command for the rest, how many at once."""

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


def test_jobs_are_every_combination_in_hydras_order(composed):
    config = asking(composed(), "seed=0,1", "unroll=static,dynamic", "trainer.epochs=2")
    assert sweep._jobs(config) == [
        [f"seed={seed}", f"unroll={unroll}", "trainer.epochs=2"] for seed in (0, 1) for unroll in ("static", "dynamic")
    ]


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


def test_the_launcher_that_runs_one_job_after_the_other_is_left_alone(composed):
    config = composed()
    sweep._share_cores(config)
    assert "n_jobs" not in config.hydra.launcher
