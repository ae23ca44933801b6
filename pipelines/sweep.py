"""Around the jobs of a multirun: what must be there before they fan out; table, summary run and link after them."""

import atexit
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from echo_rnn.errors import UserError, one_sentence
from echo_rnn.files import unwritable
from echo_rnn.stages.store import print_comparison, store_of
from echo_rnn.stages.summary import RESULT, Summary, read_results
from pipelines.job import as_said, sweep_name

TRAINING = "job"
"""What Hydra calls the program whose jobs train, after its file; a benchmark reports for itself."""

_held: list[FileLock] = []  # as long as the process lives


class SweepCallback(Callback):
    """Named in `conf/hydra/callbacks/sweep.yaml`; Hydra calls it in the process that launches the jobs."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Creates the store once, since processes that create it at the same time destroy it; says what will run."""
        with one_sentence():
            store_of(config.tracking)
            if config.hydra.job.name == TRAINING:
                _begin(config)
                atexit.register(_show, config)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Says how the jobs compare, and ends the program with exit code 1 if one failed."""
        if config.hydra.job.name != TRAINING:
            return
        atexit.unregister(_show)
        with one_sentence():
            summary = _show(config)
            store = store_of(config.tracking)
            tags = {"summary_of": summary.name, "kind": "summary"}
            with store.run(f"summary of {summary.name}", summary.markdown(), tags) as run:
                run.log_metrics(summary.metrics())
                run.log_text(summary.markdown(), "summary.md")
        print_comparison(store, summary.name)
        print(f"all files: {_folder(config).absolute()}")
        if summary.failed:
            raise SystemExit(1)


def _begin(config: DictConfig) -> None:
    folder, jobs = _folder(config), _jobs(config)
    _hold(folder)
    for number, overrides in enumerate(jobs):
        _require_same(folder / str(number), overrides)
    _share_cores(config)
    print(f"sweep {sweep_name(folder)}: {len(jobs)} jobs; this runs what of them is missing: {_command(config)}")


def _show(config: DictConfig) -> Summary:
    """Prints how the jobs compare, also where the launcher did not come to its end."""
    folder = _folder(config)
    summary = Summary(sweep_name(folder), read_results(folder, _jobs(config)))
    summary.show()
    if summary.failed:
        print(f"{len(summary.failed)} of {len(summary.results)} jobs are missing; this runs them: {_command(config)}")
    return summary


def _folder(config: DictConfig) -> Path:
    return Path(config.hydra.sweep.dir)


def _jobs(config: DictConfig) -> list[list[str]]:
    """The overrides of each job in the order in which Hydra numbers them."""
    fixed = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    asked = [*fixed, *as_said(config.hydra.overrides.task)]
    (jobs,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(asked), None)
    return jobs


def _command(config: DictConfig) -> str:
    """What runs the jobs of this sweep that have no result, and those only."""
    said = [*as_said(config.hydra.overrides.hydra), *as_said(config.hydra.overrides.task)]
    kept = [part for part in said if not part.startswith(("hydra.mode=", "hydra.sweep.dir="))]
    return shlex.join(["python", "-m", "pipelines.train", "-m", *kept, f"hydra.sweep.dir={_folder(config)}"])


def _hold(folder: Path) -> None:
    """Keeps the folder for this process."""
    lock = FileLock(folder / "sweep.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"hydra.sweep.dir: expected a folder in which no sweep is at work, got {folder}; wait until that has ended"
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from error
    _held.append(lock)


def _require_same(job: Path, overrides: Sequence[str]) -> None:
    """Refuses a folder that holds the jobs of another sweep, before one of them is overwritten."""
    try:
        there = RESULT.read(job)["overrides"]
    except UserError:
        return  # nothing, or nothing that can be used
    if there != overrides:
        raise UserError(
            f"hydra.sweep.dir: expected the folder of this sweep, whose job {job.name} is {shlex.join(overrides)}, got "
            f"{job.parent}, where it is {shlex.join(there)}; choose another folder, or leave it out"
        )


def _share_cores(config: DictConfig) -> None:
    """As many jobs at once as the cores allow with the threads of each; these are part of a result and stay.

    A number that a person asks for stays, too.
    """
    launcher = config.hydra.launcher
    if "n_jobs" not in launcher:
        return
    import joblib  # noqa: PLC0415 (one launcher needs it)

    cores, threads = joblib.cpu_count(), config.runtime.threads
    if launcher.n_jobs < 0:
        launcher.n_jobs = max(1, joblib.effective_n_jobs(launcher.n_jobs) // threads)
    elif launcher.n_jobs * threads > max(cores, threads):
        print(
            f"hydra.launcher.n_jobs: expected at most {max(1, cores // threads)}, so that jobs with runtime.threads = "
            f"{threads} share {cores} cores, got {launcher.n_jobs}; they run, and wait for each other",
            file=sys.stderr,
        )
