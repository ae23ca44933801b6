"""Stage `train`: truncated backpropagation through time, in a run of the tracking store.

TensorFlow is started before anything that imports it is imported, and what draws is imported after the training.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from echo_rnn.config import Config
from echo_rnn.core.fused_loops import fused_loop_bytes
from echo_rnn.core.startup import start_tensorflow
from echo_rnn.core.strategies import Unrolling, get_strategy
from echo_rnn.files import sha256
from echo_rnn.gc_paused import gc_paused
from echo_rnn.stages.alone import alone
from echo_rnn.stages.layout import Layout
from echo_rnn.stages.memory import require_memory
from echo_rnn.stages.store import new_run, store_of
from echo_rnn.tasks import CLASSES, INPUTS
from echo_rnn.tasks.dataset import open_dataset
from echo_rnn.tracking import MetricRow, Run, Store, UnknownRunError
from echo_rnn.tracking.termination import Terminated

if TYPE_CHECKING:
    from echo_rnn.stages.choose import Choice
    from echo_rnn.training import EpochRecord, History, Learner
    from echo_rnn.training.stopping import StopRequest

NO_TAGS: Mapping[str, str] = MappingProxyType({})


def run(
    config: Config,
    files: Layout,
    *,
    tags: Mapping[str, str] = NO_TAGS,
    parent: int | None = None,
    command: str = "train again",
) -> str:
    """Trains the network; writes it and its report, and returns the id of the run in the tracking store.

    Where the same training was stopped before, it is resumed, in the same run.

    Args:
        config: The configuration.
        files: Where everything is.
        tags: More tags of the run.
        parent: A process that ends the training with its own end.
        command: What resumes the training after a stop, for the message.
    """
    # What a person may have to change is checked first: TensorFlow takes seconds to start.
    require_memory(config.model.stack, INPUTS, config.task.batch_size, config.trainer.window, config.trainer.shards)
    with alone(files.checkpoints, "training"):
        return _run(config, files, tags, parent, command)


def _run(config: Config, files: Layout, tags: Mapping[str, str], parent: int | None, command: str) -> str:
    with gc_paused():
        store = store_of(config.tracking)
    data = open_dataset(files.data)
    unroll, choice = _strategy(config)
    with gc_paused():
        import_seconds = start_tensorflow(
            config.runtime.threads, fused_loop_bytes=fused_loop_bytes(config.model.sizes, unroll)
        )
        from echo_rnn.core.model import features  # noqa: PLC0415
        from echo_rnn.inference import store as trained  # noqa: PLC0415
        from echo_rnn.training import Checkpoints, train  # noqa: PLC0415
        from echo_rnn.training.fingerprint import fingerprint  # noqa: PLC0415

    learner = _learner(config, unroll)
    decisive = fingerprint(_settings(config, unroll), data.digest, config.runtime.threads)
    checkpoints = Checkpoints(
        files.checkpoints, decisive, seconds=config.trainer.checkpoint.seconds, keep=config.trainer.checkpoint.keep
    )
    start = checkpoints.newest()
    with _opened(store, config, tags, checkpoints.run_id) as tracked:
        if tracked.id != checkpoints.run_id:
            _describe(tracked, config, files, data.digest, choice)
            checkpoints.run_id = tracked.id
        elif checkpoints.other_bits:
            tracked.set_tags({"resumed.other_bits": checkpoints.other_bits})
        # The store keeps each number once; those of the last epochs may not have reached it.
        for record in checkpoints.logs.records():
            tracked.log_metrics(_epoch(record))
        with _stoppable(tracked, parent, command) as stop:
            start_seconds = time.time() - psutil.Process().create_time()
            history = train(
                learner,
                data,
                config.trainer,
                checkpoints=checkpoints,
                start=start,
                stop_requested=stop,
                on_epoch=lambda record: tracked.log_metrics(_epoch(record)),
            )
        tracked.log_metrics(_phases(history, import_seconds, start_seconds))
        exported = trained.save(
            files.model, config.model, unroll, learner.weights, run_id=tracked.id, dataset_digest=data.digest
        )
        tracked.log_artifact(_report(history, data.validation.accuracy_ceiling, files.training), "figures")
        example_BN = data.validation.x_EBN[0][:, : config.trainer.window]
        tracked.log_model(exported, features(example_BN).numpy())
    checkpoints.remove()
    if history.leftover_steps:
        row_steps = data.train.x_EBN.shape[-1]
        print(f"{history.leftover_steps} of {row_steps:,} time steps of a row fill no window and are not trained on")
    return tracked.id


def _strategy(config: Config) -> tuple[Unrolling, "Choice | None"]:
    """The configured strategy, and how it was chosen where the configuration asks for a measurement."""
    if config.unroll.unrolling is not None:
        return config.unroll.unrolling, None
    # What measures takes a while to import.
    from echo_rnn.stages.choose import choose  # noqa: PLC0415

    choice = choose(config)
    return get_strategy(choice.label), choice


def _learner(config: Config, unroll: Unrolling) -> "Learner":
    from echo_rnn.core import model  # noqa: PLC0415
    from echo_rnn.training import Learner, build_optimizer  # noqa: PLC0415

    dropout, compiled = config.model.dropout.model_dump(), config.trainer.compile
    network = model.build(config.model.stack, unroll, INPUTS, CLASSES, dropout=dropout, compiled=compiled)
    # The children before these belong to the series.
    *_, weights_seed, dropout_seed = np.random.SeedSequence(config.seed).spawn(5)
    optimizer = build_optimizer(config.optimizer, config.schedule, config.clipping)
    weights = network.initial_weights(weights_seed)
    return Learner(network, weights, optimizer, seed=dropout_seed, shards=config.trainer.shards)


def _settings(config: Config, unroll: Unrolling) -> dict[str, Any]:
    """The part of the configuration that decides the numbers, the chosen strategy, and the code of a custom cell."""
    sections = {"task", "model", "optimizer", "schedule", "clipping", "trainer", "seed"}
    settings = config.model_dump(mode="json", include=sections, exclude={"trainer": {"checkpoint"}})
    if path := config.model.stack.options.get("path"):
        module, _, _ = path.partition(":")
        settings["cell"] = sha256(Path(str(sys.modules[module].__file__)))
    return settings | {"unroll": unroll.label}


def _opened(store: Store, config: Config, tags: Mapping[str, str], run_id: str) -> AbstractContextManager[Run]:
    """The run in which a checkpoint was made, or a new one."""
    if not run_id:
        return new_run(store, config, tags)
    try:
        return store.resume(run_id)
    except UnknownRunError as error:
        print(f"note: {error}; the training resumes in a new run", file=sys.stderr)
        return new_run(store, config, {**tags, "began_in": run_id})


def _describe(tracked: Run, config: Config, files: Layout, dataset_digest: str, choice: "Choice | None") -> None:
    """Logs what is known of a run before its first step."""
    tracked.log_config(config.model_dump(mode="json", exclude={"sweep", "benchmark"}))
    tracked.log_artifact(files.config, "config")
    tracked.log_dataset(f"{config.task.name}-train", dataset_digest, files.shown(files.data), "training")
    if choice is not None:
        tracked.set_tags({"unroll.chosen": choice.label, "unroll.why": choice.why})
        tracked.log_metrics([("time/choosing", choice.seconds, 0)])


@contextmanager
def _stoppable(tracked: Run, parent: int | None, command: str) -> Iterator["StopRequest"]:
    """Around a training: prints the `command` that resumes a stopped one, and tags the run of a non-finite one."""
    from echo_rnn.training import NonFiniteError  # noqa: PLC0415
    from echo_rnn.training.stopping import StoppedError, stop_requests  # noqa: PLC0415

    with stop_requests(parent) as stop:
        try:
            yield stop
        except StoppedError as stopped:
            print(f"{stopped}; to resume: {command}", file=sys.stderr)
            raise Terminated(stop.signal) from None
        except NonFiniteError as error:
            tracked.set_tags({"non_finite": error.finding})
            raise


def _epoch(record: "EpochRecord") -> Iterator[MetricRow]:
    """One epoch for the tracking store; the step is the epoch."""
    yield "train/loss", record.loss, record.epoch
    yield "train/accuracy", record.accuracy, record.epoch
    yield "train/steps_per_second", record.steps_per_second, record.epoch
    if record.validation_loss is not None and record.validation_accuracy is not None:
        yield "validation/loss", record.validation_loss, record.epoch
        yield "validation/accuracy", record.validation_accuracy, record.epoch


def _phases(history: "History", import_seconds: float, start_seconds: float) -> Iterator[MetricRow]:
    """The parts of a training's wall time, and what was left over.

    Args:
        history: The training.
        import_seconds: Starting TensorFlow.
        start_seconds: From the start of the process until only tracing and compiling were left to do before a step.
    """
    last = len(history.epochs)
    yield "time/start", start_seconds, last
    yield "time/import", import_seconds, last
    yield "time/trace", history.preparation.trace_seconds, last
    yield "time/compile", history.preparation.compile_seconds, last
    yield "time/steady", history.steady_seconds, last
    yield "time/validation", history.validation_seconds, last
    yield "train/steps", history.steps, last
    yield "train/leftover_steps", history.leftover_steps, last


def _report(history: "History", ceiling: float, folder: Path) -> Path:
    """Writes tables, numbers and the curves; returns the path of the picture."""
    from echo_rnn.plots import save, training_curves  # noqa: PLC0415 # matplotlib takes a while
    from echo_rnn.training.report import write_report  # noqa: PLC0415

    write_report(history, folder)
    validated = [
        (record.epoch * history.windows, record.validation_loss, record.validation_accuracy)
        for record in history.epochs
        if record.validation_loss is not None and record.validation_accuracy is not None
    ]
    picture = folder / "curves.png"
    save(training_curves(history.losses, history.accuracies, history.windows, validated, ceiling), picture)
    return picture
