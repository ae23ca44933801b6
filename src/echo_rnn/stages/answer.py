"""What a search has found: the best configuration, how it compares, and what it hangs on."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optuna.exceptions import OptunaError
from optuna.importance import get_param_importances
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from echo_rnn.config import Composition, Config, as_params
from echo_rnn.config.search import Choices, Numbers
from echo_rnn.errors import UserError
from echo_rnn.files import write_table, write_text
from echo_rnn.stages.alone import alone
from echo_rnn.stages.show import show_rows
from echo_rnn.stages.store import print_comparison, run_link, store_of
from echo_rnn.stages.study import ERROR, PRUNED, RUN, first_of, last_tries, overrides_of, shown
from echo_rnn.tracking import MetricRow

if TYPE_CHECKING:
    from echo_rnn.plots.search import Point

_CHARTS = ("validation/loss", "speed/steps_seconds")
_SHOWN = 5  # trials in the table
_FEWEST = 5  # trials that reached their end, from which on an importance means something


class Answer:
    """The outcome of a study all of whose trials have ended."""

    def __init__(self, study: Study, space: Mapping[str, Numbers | Choices], folder: Path) -> None:
        """Reads it.

        Raises:
            UserError: No trial reached its end.
        """
        self.study, self.space, self.folder = study, space, folder
        self.trials = last_tries(study)
        self.whole = sorted((each for each in self.trials if each.state == TrialState.COMPLETE), key=_loss)
        if not self.whole:
            reasons = [each.user_attrs.get(ERROR) or each.user_attrs.get(PRUNED) for each in self.trials]
            reason = next(filter(None, reasons), "its process died again and again")
            raise UserError(
                f"search: expected a trial that reaches its end, got none of {len(self.trials)}, of which one says "
                f"'{reason}'; change search.space, or choose another search.name",
                "search.none",
            )

    @property
    def best(self) -> FrozenTrial:
        """The trial with the smallest validation loss."""
        return self.whole[0]

    @property
    def as_configured(self) -> FrozenTrial | None:
        """The trial that is the configuration without a search, where it reached its end."""
        first = self.trials[0]
        return first if first.system_attrs.get("fixed_params") and first in self.whole else None

    @property
    def lines(self) -> list[str]:
        """What won, by how much, and what that hangs on."""
        values = " ".join(shown(self.best))
        said = f"best: validation loss {_loss(self.best):.6g}, trial {first_of(self.best)}: {values}"
        if self.as_configured is self.best:
            said += "; that is the configuration as it is"
        elif self.as_configured is not None:
            said += f"; the configuration as it is has {_loss(self.as_configured):.6g}"
        pruned = sum(each.state == TrialState.PRUNED for each in self.trials)
        failed = len(self.trials) - pruned - len(self.whole)
        ended = f"{len(self.whole)} reached their end, {pruned} were pruned, {failed} failed"
        return [said, f"{len(self.trials)} trials: {ended}", *self._importances()]

    def give(
        self, config: Config, conf: Path, compose: Callable[[Sequence[str]], Composition], typed: Sequence[str]
    ) -> None:
        """Prints and writes it, and logs it in a run of its own.

        Args:
            config: The configuration.
            conf: Its folder.
            compose: The configuration with the values of a trial.
            typed: What every trial has besides.
        """
        from echo_rnn.plots import save  # noqa: PLC0415 # matplotlib takes a while
        from echo_rnn.plots.search import search_picture  # noqa: PLC0415

        best, name = self.best, config.search.name
        print("\n".join(self.lines))
        show_rows(f"search {name}: the best trials", self._rows())
        with alone(self.folder / "answer", "search"):
            names = ("search.png", "params.yaml", "trials.csv")
            picture, params, table = (self.folder / "answer" / file for file in names)
            self._write_trials(table)
            of = f"# Validation loss {_loss(best):.6g}, the least of {len(self.trials)} trials of the search {name}.\n"
            write_text(params, of + as_params(compose(overrides_of(best)), conf))
            logarithmic = {key: isinstance(values, Numbers) and values.log for key, values in self.space.items()}
            configured = None if self.as_configured is None else _loss(self.as_configured)
            save(search_picture(self._points(), logarithmic, configured), picture)
            store = store_of(config.tracking)
            tags = {"summary_of": name, "kind": "summary", "trials": str(len(self.trials))}
            if not store.tagged(tags):
                with store.run(f"summary of search {name}", "\n\n".join(self.lines), tags) as run:
                    run.log_metrics(self._metrics())
                    for file in (picture, params, table):
                        run.log_artifact(file)
        if link := run_link(store, best.user_attrs.get(RUN, "")):
            print(f"its run: {link}")
        print_comparison(store, name, _CHARTS, tag="study")
        print(f"picture and table: {picture.parent}")
        print(f"to train it as the pipeline does: cp {shlex.quote(str(params))} params.yaml && dvc repro")
        words = shlex.join([*(word for word in typed if not word.startswith("seed=")), *overrides_of(best)])
        print(f"to see how much of it is luck: python -m pipelines.train -m {words} seed=1,2,3,4")

    def _importances(self) -> list[str]:
        if len(self.whole) < _FEWEST or len(self.space) < 2:
            return []
        try:
            found = get_param_importances(self.study)
        except (OptunaError, ValueError, RuntimeError):  # all losses are equal, for instance
            return []
        return ["what it hangs on: " + ", ".join(f"{key} {share:.0%}" for key, share in found.items())]

    def _rows(self) -> list[dict[str, str]]:
        rows = []
        for each in self.whole[:_SHOWN]:
            values = dict(word.split("=", 1) for word in shown(each))
            rows.append({"trial": str(first_of(each)), "validation loss": f"{_loss(each):.6g}", **values})
        return rows

    def _metrics(self) -> list[MetricRow]:
        pruned = sum(each.state == TrialState.PRUNED for each in self.trials)
        return [
            ("search/trials", len(self.trials), 0),
            ("search/pruned", pruned, 0),
            ("search/best_validation_loss", _loss(self.best), 0),
        ]

    def _points(self) -> "list[Point]":
        from echo_rnn.plots.search import Point  # noqa: PLC0415

        ended = [each for each in self.trials if each.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        return [
            Point(first_of(each), loss, each.state == TrialState.PRUNED, each.params)
            for each in ended
            if (loss := _last(each)) is not None
        ]

    def _write_trials(self, file: Path) -> None:
        keys = [*self.space]
        rows = [
            [
                first_of(each),
                each.state.name.lower(),
                _last(each),
                len(each.intermediate_values),
                *(each.params.get(key) for key in keys),
                each.user_attrs.get(RUN),
                each.user_attrs.get(PRUNED) or each.user_attrs.get(ERROR),
            ]
            for each in self.trials
        ]
        columns = ("trial", "state", "validation_loss", "validations", *keys, "run_id", "reason")
        write_table(file, columns, rows)


def _loss(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return trial.value


def _last(trial: FrozenTrial) -> float | None:
    """The validation loss of a trial, the last that it reported where it did not reach its end."""
    if trial.state == TrialState.COMPLETE:
        return _loss(trial)
    return trial.intermediate_values.get(trial.last_step) if trial.last_step is not None else None
