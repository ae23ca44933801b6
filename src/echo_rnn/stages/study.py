"""The study of a search: what Optuna remembers of its trials, in a file or a database that workers share.

Optuna's relational storage is used for both: it alone has heartbeats, by which a trial without a worker is noticed.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.pruners import MedianPruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from echo_rnn import environment
from echo_rnn.config.search import Choices, Numbers, Search
from echo_rnn.errors import UserError
from echo_rnn.locks import file_lock
from echo_rnn.redact import redact

FIRST, ERROR, PRUNED, RUN = "first", "error", "pruned", "run_id"
"""Attributes of trials: the number of the first try, why it failed or was pruned, and its run."""
_GRACE = 3  # heartbeats that may be missed
_BUSY_SECONDS = 120  # a file is written by one process at a time

# Heartbeats and their callbacks; a resumed training reports what it had reported before.
warnings.filterwarnings("ignore", category=ExperimentalWarning)
warnings.filterwarnings("ignore", message="The reported value is ignored")
optuna.logging.set_verbosity(optuna.logging.CRITICAL)


def open_study(search: Search, seed: int, folder: Path, facts: Mapping[str, Any], first: Mapping[str, Any]) -> Study:
    """Opens the study, or begins it.

    Args:
        search: Its section of the configuration.
        seed: Of what is drawn.
        folder: Where its file is, if it is in one.
        facts: What its trials share, as JSON values by names.
        first: Values of the first trial of a new study; empty to draw them.

    Raises:
        UserError: Its trials share something else, its file is another machine's, or its database does not answer.
    """
    url = search.storage or f"sqlite:///{folder / 'study.db'}"
    facts = {**facts, "host": environment.host() if search.storage is None else ""}
    with file_lock(folder / "study.lock"), storage_errors(search):
        storage = RDBStorage(
            url,
            engine_kwargs={"pool_pre_ping": True} if search.storage else {"connect_args": {"timeout": _BUSY_SECONDS}},
            heartbeat_interval=search.heartbeat_seconds,
            grace_period=_GRACE * search.heartbeat_seconds,
            heartbeat_stale_trial_callback=retry(search.retries),
        )
        study = optuna.create_study(
            storage=storage,
            sampler=Sampler(seed, search.random_trials),
            pruner=MedianPruner(n_startup_trials=search.prune.after_trials, n_warmup_steps=search.prune.after_epochs),
            study_name=search.name,
            load_if_exists=True,
        )
        known = study.user_attrs.get("facts")
        if known is None:
            if first:
                study.enqueue_trial(dict(first))
            study.set_user_attr("facts", facts)
        elif known["host"] != facts["host"]:
            raise UserError(
                "search.storage: expected a database, since the study's file belongs to another machine, got null; "
                "begin a study in a database, such as postgresql+psycopg://host/name",
                "search.other_host",
            )
        elif other := [name for name in facts if known.get(name) != facts[name]]:
            raise UserError(
                f"search.name: expected the name of a new study, since {search.name} has trials with other settings "
                f"({', '.join(other)}), got {search.name}; choose another one, or the earlier settings",
                "search.other",
            )
    return study


def retry(at_most: int | None) -> RetryHeartbeatStaleTrialCallback:
    """What puts a trial back that did not reach its end, up to a number of times, with what it has reported."""
    return RetryHeartbeatStaleTrialCallback(at_most, inherit_intermediate_values=True)


@contextmanager
def storage_errors(search: Search) -> Iterator[None]:
    """Turns errors of the study's storage in the block into one sentence."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        cause = getattr(error.__cause__ or error, "orig", None) or error
        got = next(filter(None, map(str.strip, redact(str(cause)).splitlines())), type(cause).__name__)
        raise UserError(
            f"search.storage: expected a study that can be read and written, got '{got[:300]}'; check "
            f"{search.storage or 'study.db in its folder'}, and run the same command again",
            "search.storage",
        ) from error


def first_of(trial: FrozenTrial | Trial) -> int:
    """The number of the first try of a trial."""
    return int(trial.user_attrs.get(FIRST, trial.number))


def begun(study: Study) -> int:
    """How many trials were begun or wait, however often each was tried."""
    return len({first_of(trial) for trial in study.get_trials(deepcopy=False)})


def last_tries(study: Study) -> list[FrozenTrial]:
    """The trials in their order, of each the last try."""
    last = {first_of(trial): trial for trial in study.get_trials(deepcopy=False)}
    return [last[number] for number in sorted(last)]


def suggest(trial: Trial, space: Mapping[str, Numbers | Choices]) -> list[str]:
    """The values of a trial, as overrides."""
    return [f"{key}={_value(trial, key, values)}" for key, values in space.items()]


def overrides_of(trial: FrozenTrial) -> list[str]:
    """The same for one that was proposed before."""
    return [f"{key}={value}" for key, value in trial.params.items()]


def shown(trial: FrozenTrial) -> list[str]:
    """The same with numbers that are short."""
    values = {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in trial.params.items()}
    return [f"{key}={value}" for key, value in values.items()]


def _value(trial: Trial, key: str, values: Numbers | Choices) -> Any:
    if isinstance(values, Choices):
        return trial.suggest_categorical(key, values.ends)
    if values.whole:
        return trial.suggest_int(key, int(values.low), int(values.high), step=int(values.step or 1), log=values.log)
    return trial.suggest_float(key, values.low, values.high, step=values.step, log=values.log)


class Sampler(BaseSampler):
    """Optuna's tree-structured Parzen estimator; its random numbers depend on the seed and the trial's place only.

    So a proposal depends on these and on the results that are there, and not on who asks, or on what was tried again.
    """

    def __init__(self, seed: int, random_trials: int) -> None:
        self._seed, self._random_trials = seed, random_trials
        self._sampler: BaseSampler = TPESampler()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Called by Optuna, first of all."""
        place = len({first_of(each) for each in study.get_trials(deepcopy=False) if each.number < trial.number})
        (seed,) = np.random.SeedSequence([self._seed, place]).generate_state(1)
        self._sampler = TPESampler(n_startup_trials=self._random_trials, seed=int(seed))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Called by Optuna."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Called by Optuna."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Called by Optuna."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Called by Optuna."""
        self._sampler.after_trial(study, trial, state, values)
