"""Stage `evaluate`: how good the trained network is on the test series; resumes the run that trained it.

`run_on` evaluates it on another dataset, in a run of its own.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from echo_rnn.config import Config
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.files import remove, replacing, temporary_folder, write_json, write_table
from echo_rnn.gc_paused import gc_paused
from echo_rnn.inference.description import MANIFEST as NETWORK
from echo_rnn.stages.alone import alone
from echo_rnn.stages.inputs import require_dataset, require_ends, require_network, table_of
from echo_rnn.stages.layout import EVALUATIONS, Layout, project_root
from echo_rnn.stages.store import open_run
from echo_rnn.tasks.dataset import Dataset, open_dataset
from echo_rnn.tasks.echo import Echo
from echo_rnn.tracking import MetricRow, Run, Store

if TYPE_CHECKING:
    from echo_rnn.core.windows.predictor import Predictor
    from echo_rnn.evaluation.classes import Evaluation
    from echo_rnn.evaluation.real import RealEvaluation
    from echo_rnn.inference.trained import Trained

Floats = NDArray[Any]
MOST_LAGS = 200  # more than a picture can show
TABLES, MEDIA = "tables", "media"


@dataclass(frozen=True)
class Found:
    """An evaluation as files and numbers.

    Attributes:
        metrics: Scores.
        tables: More of them, for `metrics.json`.
        pictures: Files of pictures and sound.
        line: The result in a line.
    """

    metrics: dict[str, Any]
    tables: dict[str, Any]
    pictures: list[Path]
    line: str


def run(config: Config, files: Layout, store: Store) -> dict[str, Any]:
    """Evaluates the network on its own dataset; writes a report, adds it to the run, and returns the numbers."""
    with alone(files.root, "evaluation"):
        data = open_dataset(files.data)
        require_dataset(config, data)
        network = _loaded(config, files)
        require_network(config, data, files.model, NETWORK.read(files.model))
        # DVC may have restored the model from a cache that was filled on another machine, where its run is.
        another = {"trained_in": network.run_id or "nowhere", "kind": "evaluation of a model of another store"}
        return _evaluated(data, network, config, files.evaluation, open_run(store, config, network.run_id, another))


def run_on(folder: Path, config: Config, files: Layout, store: Store) -> dict[str, Any]:
    """Evaluates the network on the test series of another dataset; writes a report and a run, returns the numbers.

    Args:
        folder: The dataset's.
        config: Of the training.
        files: Where the network is.
        store: Gets the new run.

    Raises:
        UserError: There is no dataset, or none for what the network reads and predicts.
    """
    data, network = open_dataset(folder), _loaded(config, files)
    place = project_root() / EVALUATIONS / f"{network.digest[:8]}-{data.digest[:8]}"
    with alone(place, "evaluation"):
        ends = network.description.ends
        require_ends(data, ends)
        tags = {"trained_in": network.run_id or "nowhere", "kind": "evaluation on another dataset"}
        # Scaled as the network was trained.
        run = open_run(store, config, "", tags)
        metrics = _evaluated(replace(data, ends=ends), network, config, place / "reports" / "evaluation", run)
    print(f"report: {place}")
    return metrics


def _loaded(config: Config, files: Layout) -> "Trained":
    with gc_paused():
        start_tensorflow(config.runtime.threads)
        from echo_rnn.inference import store as trained  # noqa: PLC0415
    return trained.load(files.model)


def _evaluated(
    data: Dataset, network: "Trained", config: Config, folder: Path, run: AbstractContextManager[Run]
) -> dict[str, Any]:
    """Evaluates a network; writes the report into `folder` and adds it to `run`."""
    from echo_rnn.core.windows.predictor import Predictor  # noqa: PLC0415
    from echo_rnn.core.windows.stored import Affine  # noqa: PLC0415

    window, scaling = config.trainer.window, data.ends.scaling
    features = Affine(scaling.input_offset_I, scaling.input_scale_I, data.units.x)
    # A graph and not XLA: the series is run twice, which would not pay for compiling.
    carried, zeroed = (
        Predictor(network.model, lambda: network.weights, features, window, "graph", zeroed=flag, warmup=data.warmup)
        for flag in (False, True)
    )
    with run as tracked:
        start = time.perf_counter()
        evaluate = _classes if data.ends.kind == "classes" else _real
        found = evaluate(data, carried, zeroed, window, folder)
        seconds = time.perf_counter() - start
        # Where other code evaluates the same network again, its numbers replace the earlier ones.
        table = table_of(data, "test")
        tracked.log_dataset(table, Layout(data.folder).shown(data.folder), "evaluation")
        tracked.log_metrics(_rows(found.metrics), remeasured=True, of=table)
        tracked.log_metrics([("time/evaluation", seconds, 0)], remeasured=True)
        write_json(folder / "metrics.json", found.metrics | found.tables)
        tracked.log_artifact(folder / "metrics.json", "evaluation")
        for picture in found.pictures:
            tracked.log_artifact(picture, "figures" if picture.suffix == ".png" else "audio")
    print(found.line)
    return found.metrics


def _rows(metrics: Mapping[str, Any]) -> Iterator[MetricRow]:
    """The evaluation for the tracking store; a number of targets is no chart."""
    known = {name: value for name, value in metrics.items() if name != "targets" and value is not None}
    yield from ((f"test/{name}", value, 0) for name, value in known.items())


def _classes(data: Dataset, carried: "Predictor", zeroed: "Predictor", window: int, folder: Path) -> Found:
    from echo_rnn.evaluation.classes import Evaluation, majority, tally  # noqa: PLC0415

    ends, test = data.ends, data.test
    lags = min(2 * data.parameters["echo_step"] + 5, MOST_LAGS) if data.task == Echo.name else 0
    with_state, without = (
        tally(predict(test.x_EBNI[0], test.y[0], leftover=True), ends.outputs, window, lags)
        for predict in (carried, zeroed)
    )
    guess = majority(data.train.y[0], data.test.y[0], ends.outputs)
    evaluation = Evaluation(with_state, without, test.accuracy_ceiling, guess, data.chance)
    metrics = evaluation.metrics()
    line = f"test accuracy {metrics['accuracy']:.6f}, always guessing one class {metrics['accuracy_majority']:.6f}"
    if (gap := metrics["accuracy_gap"]) is not None:
        beside = f"{abs(gap):.6f} {'below' if gap >= 0 else 'above, by lucky guesses,'} the score of the best predictor"
        line = f"test accuracy {metrics['accuracy']:.6f}, {beside}, {metrics['accuracy_ceiling']:.6f}"
        if data.task == Echo.name:
            _, rows, row_steps = test.y.shape
            low, high = Echo(data.parameters["echo_step"], rows).ceiling_by_chance(row_steps)
            line += f" here, and {low:.6f} to {high:.6f} by chance in 95 of 100 such series"
    return Found(metrics, evaluation.tables(), _class_files(evaluation, data, window, folder), line)


def _class_files(evaluation: "Evaluation", data: Dataset, window: int, folder: Path) -> list[Path]:
    """Writes tables and pictures, and returns the paths of these."""
    from scipy.special import softmax  # noqa: PLC0415

    from echo_rnn.plots import diagnosis, echo_picture, save  # noqa: PLC0415

    carried, zeroed_T, sample = evaluation.carried, evaluation.zeroed.by_position_T, evaluation.carried.sample
    echo_step, chance = data.parameters.get("echo_step"), evaluation.majority if data.chance is None else data.chance
    files = {
        folder / MEDIA / "diagnosis.png": diagnosis(
            carried.by_position_T, zeroed_T, carried.by_lag_K, carried.confusion_CC, echo_step, chance
        )
    }
    if echo_step is not None:
        p_BN = softmax(sample.outputs_BNC, axis=-1)[..., 1]
        files[folder / MEDIA / "echo.png"] = echo_picture(sample.x_BNI[..., 0], sample.y, p_BN, window, echo_step)
    counts = ((*classes, count) for classes, count in np.ndenumerate(carried.confusion_CC))
    _write_positions(carried.by_position_T, zeroed_T, folder)
    write_table(folder / TABLES / "by_lag.csv", ("lag", "share"), enumerate(carried.by_lag_K))
    write_table(folder / TABLES / "confusion.csv", ("actual", "predicted", "count"), counts)
    for path, figure in files.items():
        save(figure, path)
    _remove_others(folder / TABLES, ("by_position.csv", "by_lag.csv", "confusion.csv"))
    _remove_others(folder / MEDIA, [path.name for path in files])
    return list(files)


def _real(data: Dataset, carried: "Predictor", zeroed: "Predictor", window: int, folder: Path) -> Found:
    from echo_rnn.evaluation.series import evaluate  # noqa: PLC0415

    rate = data.ends.sample_rate
    with temporary_folder(folder.parent) as temporary:
        evaluation, sound = evaluate(data, carried, zeroed, window, temporary if rate else None)
        media = _real_files(evaluation, data, folder)
        if sound is not None and rate is not None:
            for name, samples_N in sound.items():
                media.append(folder / MEDIA / f"{name}.wav")
                with replacing(media[-1]) as path:
                    from scipy.io import wavfile  # noqa: PLC0415 (tasks of sound need it)

                    wavfile.write(path, rate, samples_N)
    _remove_others(folder / MEDIA, [path.name for path in media])
    metrics = evaluation.metrics()
    keys = {"network": "esr_db", **{name.replace("_", " "): f"esr_db_{name}" for name in evaluation.baselines}}
    scores = [f"{name} {metrics[key]:.1f} dB" for name, key in keys.items() if metrics[key] is not None]
    r2 = "" if metrics["r2"] is None else f", R² {metrics['r2']:.4f}"
    return Found(metrics, {}, media, f"test error-to-signal ratio: {', '.join(scores)}{r2}")


def _real_files(evaluation: "RealEvaluation", data: Dataset, folder: Path) -> list[Path]:
    """Writes tables and pictures, and returns the paths of these."""
    from echo_rnn.plots import real_diagnosis, save, worst_picture  # noqa: PLC0415

    carried, zeroed_T = evaluation.carried, evaluation.zeroed.by_position_T
    rate, names = data.ends.sample_rate, data.ends.target_names
    scores = {"network": carried.sums.metrics(), **{key: sums.metrics() for key, sums in evaluation.baselines.items()}}
    esr = {name.replace("_", " "): each["esr_db"] for name, each in scores.items() if each["esr_db"] is not None}
    files = {
        folder / MEDIA / "diagnosis.png": real_diagnosis(carried.by_position_T, zeroed_T, carried.spectra, esr, rate)
    }
    if (worst := carried.worst) is not None:
        series = {"target": worst.y_NK, "prediction": worst.predicted_NK, "linear filter": worst.filtered_NK}
        files[folder / MEDIA / "worst.png"] = worst_picture(series, worst.first, worst.row, names, rate)
    _write_positions(carried.by_position_T, zeroed_T, folder)
    columns = ("esr_db", "r2", "rmse", "mae")
    rows = ((name, *(each[column] for column in columns)) for name, each in scores.items())
    write_table(folder / TABLES / "scores.csv", ("predictor", *columns), rows)
    spectra = zip(*carried.spectra, strict=True) if carried.spectra is not None else ()
    write_table(folder / TABLES / "spectra.csv", ("cycles_per_step", "target", "error"), spectra)
    for path, figure in files.items():
        save(figure, path)
    _remove_others(folder / TABLES, ("by_position.csv", "scores.csv", "spectra.csv"))
    return list(files)


def _write_positions(carried_T: Floats, zeroed_T: Floats, folder: Path) -> None:
    rows = ((position, *both) for position, both in enumerate(zip(carried_T, zeroed_T, strict=True)))
    write_table(folder / TABLES / "by_position.csv", ("position", "carried", "zeroed"), rows)


def _remove_others(folder: Path, names: Collection[str]) -> None:
    """Removes what an evaluation of another kind of task left in a folder of results."""
    for path in folder.iterdir():
        if path.name not in names:
            remove(path)
