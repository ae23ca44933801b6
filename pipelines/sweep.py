"""Around the jobs of a run or of a multirun, as Hydra's callback: see `echo_rnn.stages.sweep`."""

import pipelines  # noqa: F401 (first of all, see there)

# isort: split
import atexit
import os
import shlex
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, read_write

from echo_rnn.environment import flags
from echo_rnn.errors import UserError, as_user_error, one_sentence
from echo_rnn.redact import require_no_credentials
from echo_rnn.stages.alone import alone
from echo_rnn.stages.job import note_of_cores, require_same
from echo_rnn.stages.store import require_server, store_of
from echo_rnn.stages.sweep import Summary, begin, log, read_results
from pipelines.hydra_entry import PROGRAM
from pipelines.job import as_typed, job, override, sweep_name

_RAYS_CHILDREN = "RAY_kill_child_processes_on_worker_exit"
_held = ExitStack()  # the folder of the job or the sweep, as long as the process lives
atexit.register(_held.close)


class SweepCallback(Callback):
    """Named in `conf/hydra/callbacks/sweep.yaml`; Hydra calls it in the process that launches the jobs, and in theirs.

    What it holds goes to the jobs.
    """

    def __init__(self) -> None:
        self._folder, self._flags = Path.cwd(), _flags()

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Owns the folder of the job, before Hydra writes into it."""
        with _ending():
            _require_no_credentials(config)
            folder, is_job = Path(config.hydra.run.dir), PROGRAM.get() is job
            if is_job or config.hydra.output_subdir is not None:
                _require_own("hydra.run.dir", folder)
            if is_job:
                _held.enter_context(alone(folder, "job"))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Creates the store once, since processes that create it at the same time destroy it; prints what will run."""
        with _ending():
            _require_no_credentials(config)
            require_server(config.tracking, config.hydra.runtime.choices["hydra/launcher"])
            with read_write(config.hydra):  # from Hydra 1.4 on it is not
                _fix_folder(config)
            if config.hydra.launcher._target_.endswith("RayLauncher"):
                os.environ.setdefault(_RAYS_CHILDREN, "false")  # for a Ray that the launcher starts
            folder = _folder(config)
            _require_own("hydra.sweep.dir", folder)
            below = dict(config.hydra.sweep.items_ex(resolve=False))["subdir"]  # with what each job will fill in
            _require_own("hydra.sweep.subdir", Path(os.path.normpath(folder / below)))
            if PROGRAM.get() is not job:  # a benchmark reports for itself
                store_of(config.tracking)
                return
            _held.enter_context(begin(folder))
            store_of(config.tracking)
            with read_write(config.hydra):
                _share_cores(config)
            print(f"sweep {sweep_name(folder)}; this runs those that are missing: {_command(config)}")
            atexit.register(_show_stopped, config)

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Makes a job of a sweep compute what it would in the process that launches it, wherever it was launched."""
        if config.hydra.mode != RunMode.MULTIRUN:
            return
        with _ending():
            os.chdir(self._folder)
            for name in _flags().keys() - self._flags.keys():
                del os.environ[name]  # as Ray's OMP_NUM_THREADS, which may change last bits
            os.environ |= self._flags
            if config.hydra.launcher._target_.endswith("RayLauncher") and os.environ.get(_RAYS_CHILDREN) != "false":
                print(
                    f"note: {_RAYS_CHILDREN}: expected false where `ray start` ran, got nothing; when this command is "
                    "stopped, Ray kills a training before it has saved",
                    file=sys.stderr,
                )
            folder = Path(config.hydra.runtime.output_dir)
            _require_own("hydra.sweep.subdir", folder)
            require_same(folder, as_typed(config.hydra.overrides.task))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Prints and logs how the jobs compare, and ends the program with exit code 1 if one failed."""
        if PROGRAM.get() is not job:
            return
        atexit.unregister(_show_stopped)
        with _ending():
            summary = _show(config)
            log(config.tracking, summary)
        print(f"all files: {_folder(config)}; all numbers: table.csv")
        if summary.failed:
            raise SystemExit(1)


def _require_own(key: str, folder: Path) -> None:
    """Refuses a project's folder, which a value that is empty names, too: its files are those of `dvc repro`."""
    if os.path.exists(folder / "dvc.yaml"):  # noqa: PTH110 (where nobody may look, that of pathlib fails)
        raise UserError(
            f"{key}: expected a folder of its own, got a project, {folder.absolute()}; name another one, or none",
            "job.folder",
        )


def _flags() -> dict[str, str]:
    """What may change last bits, without the GPUs that a launcher gives to a job."""
    return {name: value for name, value in flags().items() if name != "CUDA_VISIBLE_DEVICES"}


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


def _show(config: DictConfig) -> Summary:
    """Prints how the jobs compare."""
    folder = _folder(config)
    summary = Summary(sweep_name(folder), read_results(folder))
    summary.show()
    summary.write(folder / "table.csv")
    if summary.failed:
        print(f"{len(summary.failed)} of {len(summary.results)} jobs are missing; this runs them: {_command(config)}")
    return summary


def _show_stopped(config: DictConfig) -> None:
    """The same where the launcher did not reach its end."""
    _show(config)
    print(f"the sweep has not reached its end; this runs those that are missing: {_command(config)}")


def _folder(config: DictConfig) -> Path:
    return Path(config.hydra.sweep.dir)


def _fix_folder(config: DictConfig) -> None:
    """Makes the sweep's folder absolute, also in what jobs compose anew: they may begin in other folders."""
    folder = _folder(config).absolute()
    config.hydra.sweep.dir = str(folder).replace("${", "\\${")
    config.hydra.overrides.hydra = [*_about_hydra(config), override("hydra.sweep.dir", folder)]


def _about_hydra(config: DictConfig) -> list[str]:
    """Overrides of Hydra's own settings, without the folder."""
    return [word for word in as_typed(config.hydra.overrides.hydra) if not word.startswith("hydra.sweep.dir=")]


def _command(config: DictConfig) -> str:
    """The command that runs the jobs of this sweep that have no result, and only those."""
    words = [word for word in _about_hydra(config) if not word.startswith("hydra.mode=")]
    words += [*as_typed(config.hydra.overrides.task), override("hydra.sweep.dir", _seen(_folder(config)))]
    return shlex.join(["python", "-m", "pipelines.train", "-m", *words])


def _seen(folder: Path) -> Path:
    """The folder as it is seen from here, where it lies below."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _share_cores(config: DictConfig) -> None:
    """As many jobs at once as the cores allow with the threads of each; these are part of a result and stay.

    A number that a person asks for stays, too.
    """
    launcher, sweeper = config.hydra.launcher, config.hydra.sweeper
    starts_all = launcher._target_.endswith("submitit_launcher.LocalLauncher") and "max_batch_size" in sweeper
    if "n_jobs" not in launcher and not starts_all:
        return
    import joblib  # noqa: PLC0415 (two launchers need it)

    cores, threads = joblib.cpu_count(), config.runtime.threads
    if starts_all:
        sweeper.max_batch_size = sweeper.max_batch_size or max(1, cores // threads)
    elif launcher.n_jobs < 0:
        launcher.n_jobs = max(1, joblib.effective_n_jobs(launcher.n_jobs) // threads)
    else:
        note_of_cores("hydra.launcher.n_jobs", "jobs", launcher.n_jobs, threads, cores)
