"""Adaptive search: Optuna proposes trials, and the workers of any number of commands try them, each in a process.

Everything is in `searches/NAME` of the project: `trials/N` with the files of a job, `study.db` where the study is in a
file, and `answer`: `trials.csv`, `search.png`, and the best configuration as `params.yaml`.
"""

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from echo_rnn.child_process import Child
from echo_rnn.config import Composition, compose_trial
from echo_rnn.config.search import Choices, Numbers, parse
from echo_rnn.environment import usable_cores
from echo_rnn.errors import Terminated, UserError
from echo_rnn.files import make_folder
from echo_rnn.locks import file_lock
from echo_rnn.stages import trial as trials
from echo_rnn.stages.answer import Answer
from echo_rnn.stages.job import Result, note_of_cores
from echo_rnn.stages.job_server import job_server
from echo_rnn.stages.store import store_of
from echo_rnn.stages.study import (
    ERROR,
    FIRST,
    PRUNED,
    RUN,
    begun,
    first_of,
    open_study,
    retry,
    shown,
    storage_errors,
    suggest,
)

_DECISIVE = ("task", "loss", "model", "unroll", "optimizer", "schedule", "clipping", "trainer", "seed")
_NEUTRAL = ("checkpoint", "profile")  # of the trainer
_POLL_SECONDS = 0.5
_COMPOSING = threading.Lock()


class _FailedError(Exception):
    """A trial has no result."""


class _Stop:
    """Whether the command was asked to stop: `signal` is the number of the signal, 0 before."""

    signal = 0

    def __call__(self, number: int, frame: FrameType | None = None) -> None:
        self.signal = number
        signal.signal(number, signal.SIG_DFL)
        print("stopping: each training saves a checkpoint first", file=sys.stderr)

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Inside the block SIGTERM and Ctrl-C stop the workers."""
        numbers = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is not signal.SIG_IGN]
        if threading.current_thread() is not threading.main_thread():
            numbers = []
        before = {number: signal.signal(number, self) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Search:
    """A search as one command works on it."""

    def __init__(self, composition: Composition, typed: Sequence[str], folder: Path, conf: Path) -> None:
        """Checks the space, and opens the study or begins it.

        Args:
            composition: The configuration as it is.
            typed: The overrides that every trial has.
            folder: Of the study.
            conf: The folder of the configuration.

        Raises:
            UserError: A key cannot have the values that it may get, or the study is another one.
        """
        self.config, self.composition = composition.config, composition
        self.section = composition.config.search
        self.typed, self.folder, self.conf = list(typed), folder, conf
        self.place = f"search.space in {conf.name}/search/{composition.choices.get('search')}.yaml"
        self.space: dict[str, Numbers | Choices] = {key: parse(words) for key, words in self.section.space.items()}
        for key, values in self.space.items():
            for end in values.ends:
                self.compose([f"{key}={end}"])
        make_folder(folder)
        self.stop = _Stop()
        self.open()

    def open(self) -> Study:
        """The study, for one thread."""
        tree, section = self.composition.tree, self.section
        facts = {name: tree[name] for name in _DECISIVE} | {"space": dict(section.space)}
        facts["trainer"] = {name: value for name, value in tree["trainer"].items() if name not in _NEUTRAL}
        return open_study(section, self.config.seed, self.folder, facts, self._as_configured())

    def compose(self, words: Sequence[str]) -> Composition:
        """The configuration with the values of a trial."""
        with _COMPOSING:
            return compose_trial([*self.typed, *words], self.conf, self.place)

    def run(self) -> None:
        """Works until all trials have ended, those of other commands, too; prints and writes the answer.

        Raises:
            UserError: The study cannot be used any longer, or no trial reached its end.
            Terminated: A stop was requested; the trials at work are resumed by the next command.
        """
        store_of(self.config.tracking)  # several processes would create it at the same time
        job_server()
        workers, threads = self.section.workers, self.config.runtime.threads
        note_of_cores("search.workers", "trainings", workers, threads, usable_cores())
        with self.stop.heeded(), ThreadPoolExecutor(workers) as pool:
            working = [pool.submit(_Worker(self).run) for _ in range(workers)]
        for worker in working:
            worker.result()
        if self.stop.signal:
            print("stopped; the same command goes on", file=sys.stderr)
            raise Terminated(self.stop.signal)
        if self.section.worker == 0:
            Answer(self.open(), self.space, self.folder).give(self.config, self.conf, self.compose, self.typed)

    def _as_configured(self) -> dict[str, Any]:
        """The configuration as a trial, where the space holds it."""
        found: dict[str, Any] = {}
        for key, values in self.space.items():
            value: Any = self.composition.choices.get(key) or self.composition.tree
            for name in key.split(".") if value is self.composition.tree else ():
                value = value.get(name) if isinstance(value, Mapping) else None
            found[key] = str(value) if isinstance(values, Choices) else value
        return found if all(values.holds(found[key]) for key, values in self.space.items()) else {}


class _Worker:
    """Tries one trial after the other."""

    def __init__(self, search: Search) -> None:
        self._search = search
        # Held from the look whether a trial is wanted until it is in the study with its values.
        self._asking = file_lock(search.folder / "asking.lock", thread_local=False)
        self._again: RetryHeartbeatStaleTrialCallback | None = None  # for a trial that was interrupted

    def run(self) -> None:
        """Works until there is nothing left to do."""
        search = self._search
        try:
            with storage_errors(search.section):
                self._run(search.open())
        except BaseException:
            search.stop.signal = search.stop.signal or signal.SIGTERM
            raise

    def _run(self, study: Study) -> None:
        while not self._search.stop.signal:
            with self._asking:
                if self._is_one_wanted(study):
                    with suppress(UpdateFinishedTrialError):  # others have taken it for dead
                        study.optimize(self._try, n_trials=1, catch=(_FailedError,), callbacks=[self._ended])
                    continue
            if not study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
                return
            time.sleep(_POLL_SECONDS)

    def _is_one_wanted(self, study: Study) -> bool:
        optuna.storages.fail_stale_trials(study)
        waiting = study.get_trials(deepcopy=False, states=[TrialState.WAITING])
        return bool(waiting) or begun(study) < self._search.section.trials

    def _try(self, trial: Trial) -> float:
        search, number, self._again = self._search, first_of(trial), None
        trial.set_user_attr(FIRST, number)
        words = suggest(trial, search.space)
        self._asking.release()
        root = search.folder / "trials" / str(number)
        try:
            composition = search.compose(words)
            result = trials.result_of(composition.config, root) or self._tried(trial, composition, root, words)
        except UserError as error:  # values that do not go together
            result = {"error": str(error)}
        if reason := result.get("error"):
            trial.set_user_attr(ERROR, reason)
            raise _FailedError(reason)
        if "pruned" in result:
            trial.set_user_attr(PRUNED, result["pruned"])
            raise optuna.TrialPruned
        trial.set_user_attr(RUN, result["run_id"])
        return float(result["validation_loss"])

    def _tried(self, trial: Trial, composition: Composition, root: Path, words: list[str]) -> Result:
        """The result of a training; its process resumes what an earlier try has saved."""
        search = self._search
        overrides = [*search.typed, *words]
        with trials.start(composition, root, search.section.name, first_of(trial), overrides) as child:
            for line in self._lines(child):
                report = json.loads(line)
                trial.report(report["loss"], report["epoch"])
                with suppress(OSError):  # it has died since
                    child.write_line(trials.PRUNE if trial.should_prune() else trials.GO)
            ending = child.ending()
        if result := trials.result_of(composition.config, root):
            return result
        self._again = retry(None if search.stop.signal else search.section.retries)
        raise _FailedError(f"expected a result, got {ending}")

    def _lines(self, child: Child) -> Iterator[str]:
        asked = False
        while True:
            try:
                line = child.read_line(_POLL_SECONDS)
            except TimeoutError:
                if self._search.stop.signal and not asked:
                    asked = True
                    child.terminate()
                continue
            if line is None:
                return
            yield line

    def _ended(self, study: Study, trial: FrozenTrial) -> None:
        """Puts a trial back that was interrupted, and prints how one ended."""
        if trial.state == TrialState.FAIL and self._again is not None:
            self._again(study, trial)
        if self._search.stop.signal:
            return
        if trial.state == TrialState.COMPLETE:
            how = f"validation loss {trial.value:.6g}"
        elif trial.state == TrialState.PRUNED:
            how = f"pruned, {trial.user_attrs[PRUNED]}"
        else:
            how = f"failed, {trial.user_attrs.get(ERROR, 'its process died')}"
        ended = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.PRUNED])
        if any(each.state == TrialState.COMPLETE for each in ended):
            how += f"; best so far {study.best_value:.6g}, of trial {first_of(study.best_trial)}"
        total = self._search.section.trials
        print(f"[{len(ended)}/{total}] trial {first_of(trial)}, {' '.join(shown(trial))}: {how}", flush=True)
