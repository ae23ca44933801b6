"""Around the jobs of a run or of a multirun, as Hydra's callback: see `echo_rnn.stages.sweep`."""

import atexit
import shlex
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from echo_rnn.errors import as_user_error, one_sentence
from echo_rnn.redact import require_no_credentials
from echo_rnn.stages.alone import alone
from echo_rnn.stages.store import store_of
from echo_rnn.stages.sweep import Summary, begin, log, read_results
from pipelines.hydra_entry import PROGRAM
from pipelines.job import as_typed, job, override, sweep_name

_held = ExitStack()  # the folder of the job or the sweep, as long as the process lives
atexit.register(_held.close)


class SweepCallback(Callback):
    """Named in `conf/hydra/callbacks/sweep.yaml`; Hydra calls it in the process that launches the jobs."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Owns the folder of the job, before Hydra writes into it."""
        with _ending():
            _require_no_credentials(config)
            if PROGRAM.get() is job:
                _held.enter_context(alone(Path(config.hydra.run.dir), "job"))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Creates the store once, since processes that create it at the same time destroy it; prints what will run."""
        with _ending():
            _require_no_credentials(config)
            if PROGRAM.get() is not job:  # a benchmark reports for itself
                store_of(config.tracking)
                return
            folder, jobs = _folder(config), _jobs(config)
            _held.enter_context(begin(folder, jobs))
            store_of(config.tracking)
            _share_cores(config)
            print(f"sweep {sweep_name(folder)}: {len(jobs)} jobs; this runs those that are missing: {_command(config)}")
            # At the exit Hydra no longer knows the options of groups.
            atexit.register(_show, config, jobs)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Prints and logs how the jobs compare, and ends the program with exit code 1 if one failed."""
        if PROGRAM.get() is not job:
            return
        atexit.unregister(_show)
        with _ending():
            summary = _show(config, _jobs(config))
            log(config.tracking, summary)
        print(f"all files: {_folder(config).absolute()}; all numbers: table.csv")
        if summary.failed:
            raise SystemExit(1)


@contextmanager
def _ending() -> Iterator[None]:
    """Ends the program with an error of any kind: Hydra would turn exceptions of callbacks into warnings."""
    with one_sentence():
        try:
            yield
        except Exception as error:
            if as_user_error(error) is None:
                traceback.print_exc()
                raise SystemExit(1) from error
            raise


def _require_no_credentials(config: DictConfig) -> None:
    """Before Hydra writes the configuration into its files."""
    require_no_credentials(OmegaConf.to_yaml(config), "the configuration")


def _show(config: DictConfig, jobs: list[list[str]]) -> Summary:
    """Prints how the jobs compare, also where the launcher did not reach its end."""
    folder = _folder(config)
    summary = Summary(sweep_name(folder), read_results(folder, jobs))
    summary.show()
    summary.write(folder / "table.csv")
    if summary.failed:
        print(f"{len(summary.failed)} of {len(summary.results)} jobs are missing; this runs them: {_command(config)}")
    return summary


def _folder(config: DictConfig) -> Path:
    return Path(config.hydra.sweep.dir)


def _jobs(config: DictConfig) -> list[list[str]]:
    """The overrides of each job in the order in which Hydra numbers them."""
    fixed = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
    overrides = [*fixed, *as_typed(config.hydra.overrides.task)]
    # With the options of each group, which `glob` is matched with.
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    (jobs,) = BasicSweeper.split_arguments(parser.parse_overrides(overrides), None)
    return jobs


def _command(config: DictConfig) -> str:
    """The command that runs the jobs of this sweep that have no result, and only those."""
    typed = [*as_typed(config.hydra.overrides.hydra), *as_typed(config.hydra.overrides.task)]
    words = [part for part in typed if not part.startswith(("hydra.mode=", "hydra.sweep.dir="))]
    return shlex.join(["python", "-m", "pipelines.train", "-m", *words, override("hydra.sweep.dir", _folder(config))])


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
