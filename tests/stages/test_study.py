"""The study of a search: proposals repeat, what was interrupted is tried again, and studies are not mixed."""

import optuna
import pytest
from optuna.trial import TrialState

from echo_rnn import environment
from echo_rnn.config import compose_trial
from echo_rnn.config.search import parse
from echo_rnn.stages.layout import CONF
from echo_rnn.stages.study import FIRST, begun, first_of, last_tries, open_study, retry, suggest
from tests.refusals import refused

SPACE = {"x": parse("tag(log, interval(0.01, 10))"), "n": parse("range(1, 9)"), "how": parse("choice(a, b)")}
TRIALS = 9


@pytest.fixture(scope="module")
def section():
    return compose_trial(
        ["search.random_trials=3", "search.prune.after_trials=2", "search.prune.after_epochs=1"], CONF, "here"
    ).config.search


def study_in(folder, section, seed=0, **facts):
    folder.mkdir(exist_ok=True)
    return open_study(section, seed, folder, facts, {"x": 1.0, "n": 4, "how": "a"})


class TornError(Exception):
    pass


def objective(interrupted=()):
    left = set(interrupted)

    def objective(trial):
        trial.set_user_attr(FIRST, first_of(trial))
        suggest(trial, SPACE)
        x, n, how = (trial.params[name] for name in SPACE)
        loss = (x - 0.3) ** 2 + n / 10 + (how == "b")
        for epoch in (1, 2):
            trial.report(loss / epoch, epoch)
            if epoch == 1 and trial.number in left:
                left.remove(trial.number)
                raise TornError
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss / 2

    return objective


def run(study, function):
    def again(study, trial):
        if trial.state == TrialState.FAIL:
            retry(None)(study, trial)

    while begun(study) < TRIALS or study.get_trials(states=[TrialState.WAITING]):
        study.optimize(function, n_trials=1, catch=(TornError,), callbacks=[again])
    return [(trial.params, trial.state, trial.value) for trial in last_tries(study)]


def test_one_worker_repeats_a_search_whatever_interrupts_it(tmp_path, section):
    whole = run(study_in(tmp_path / "whole", section), objective())
    assert len(whole) == TRIALS
    assert whole[0][0] == {"x": 1.0, "n": 4, "how": "a"}  # the configuration as it is
    assert {state for _, state, _ in whole} == {TrialState.COMPLETE, TrialState.PRUNED}
    interrupted = study_in(tmp_path / "interrupted", section)
    assert run(interrupted, objective({0, 4, 5})) == whole
    assert len(interrupted.trials) == TRIALS + 3
    assert run(study_in(tmp_path / "other", section, seed=1), objective())[1:] != whole[1:]


def test_a_study_belongs_to_its_settings_and_its_machine(tmp_path, section, monkeypatch):
    study_in(tmp_path, section, trainer={"epochs": 2})
    assert len(study_in(tmp_path, section, trainer={"epochs": 2}).trials) == 1  # the first one waits
    with refused("search.other", "search.name", "(trainer)"):
        study_in(tmp_path, section, trainer={"epochs": 3})
    monkeypatch.setattr(environment, "host", lambda: "another")
    with refused("search.other_host", "search.storage"):
        study_in(tmp_path, section, trainer={"epochs": 2})


def test_a_study_that_cannot_be_read_is_a_sentence(tmp_path, section):
    (tmp_path / "study.db").write_text("no database, and long enough to be looked at")
    with refused("search.storage", "study.db"):
        study_in(tmp_path, section)
    gone = section.model_copy(update={"storage": "postgresql+psycopg://127.0.0.1:9/none"})
    with refused("search.storage", "127.0.0.1:9"):
        study_in(tmp_path, gone)
